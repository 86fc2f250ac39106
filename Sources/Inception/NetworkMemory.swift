import COneDNN
import Tensors

/// An array in memory as primitives take it.
final class Memory {
  let id: dnnl_memory_t
  private let engine: Engine

  /// The C function is `dnnl_memory_create`.
  init(_ layout: ArrayLayout, at pointer: UnsafeMutablePointer<Float>, on engine: Engine) {
    var (id, description): (dnnl_memory_t?, dnnl_memory_desc_t) = (nil, layout.description)
    check(dnnl_memory_create(&id, &description, engine.id, pointer), "dnnl_memory_create")
    guard let id else { preconditionFailure("no memory") }
    (self.id, self.engine) = (id, engine)
  }

  deinit { dnnl_memory_destroy(id) }

  /// The C function is `dnnl_memory_set_data_handle`.
  func move(to pointer: UnsafeMutablePointer<Float>) {
    check(dnnl_memory_set_data_handle(id, pointer), "dnnl_memory_set_data_handle")
  }

  /// The array as an argument of a primitive, `DNNL_ARG_SRC` for example.
  func argument(_ role: Int32) -> dnnl_exec_arg_t { dnnl_exec_arg_t(arg: role, memory: id) }
}

/// The feature maps of a group of images, and the steps of a network on them.
///
/// Its size depends on the network and the group alone. Threads may run one network, each in a
/// memory of its own.
final class NetworkMemory {
  /// The most images of a group.
  let group: Int
  private let network: FrozenNetwork
  private let places: [Place]
  private let storage: Storage
  private let scratchpad: Storage
  private let stream: Stream
  private let steps: [Prepared]

  /// The first float of feature maps, and the floats from one image to the next.
  private struct Place {
    var offset = 0
    let stride: Int, floats: Int
    let steps: ClosedRange<Int>
  }

  /// A step with its arguments.
  private struct Prepared {
    let step: FrozenNetwork.Step
    let source: Memory, target: Memory, others: [Memory]
    let arguments: [dnnl_exec_arg_t]
  }

  /// Memory for groups of images.
  init(_ network: FrozenNetwork, group: Int) {
    (self.network, self.group) = (network, group)
    let places = Self.places(of: network, group: group)
    let storage = Storage(count: places.map { $0.offset + $0.floats }.max() ?? 0)
    let scratchpad = Storage(
      count: max(1, network.steps.map(\.primitive.scratchpad.floats).max() ?? 0))
    stream = Stream(on: network.engine)
    steps = network.steps.map { step in
      func memory(_ slot: Int, _ layout: ArrayLayout) -> Memory {
        Memory(layout, at: storage.pointer + places[slot].offset, on: network.engine)
      }
      let (source, target) = (
        memory(step.source, step.sourceLayout), memory(step.target, step.targetLayout)
      )
      var others = [
        Memory(step.primitive.scratchpad, at: scratchpad.pointer, on: network.engine)
      ]
      var arguments = [
        source.argument(DNNL_ARG_SRC), target.argument(DNNL_ARG_DST),
        others[0].argument(DNNL_ARG_SCRATCHPAD),
      ]
      if let (weights, layout, bias) = step.constants {
        others += [
          Memory(layout, at: weights.pointer, on: network.engine),
          Memory(ArrayLayout([bias.count], dnnl_x), at: bias.pointer, on: network.engine),
        ]
        arguments += [
          others[1].argument(DNNL_ARG_WEIGHTS), others[2].argument(DNNL_ARG_BIAS),
        ]
      }
      return Prepared(
        step: step, source: source, target: target, others: others, arguments: arguments)
    }
    (self.places, self.storage, self.scratchpad) = (places, storage, scratchpad)
  }

  /// Feature maps share memory if the last step with one comes before the first with the other.
  private static func places(of network: FrozenNetwork, group: Int) -> [Place] {
    var places = network.slots.map { slot in
      let isShared = slot.steps.upperBound < network.groupStart
      // Before the groups start, the steps run again for each image.
      let begin =
        isShared || slot.steps.lowerBound >= network.groupStart
        ? slot.steps.lowerBound : 0
      // A cache line is 16 floats.
      let stride = (slot.layout.floats + 15) / 16 * 16
      return Place(
        stride: isShared ? 0 : stride, floats: isShared ? stride : group * stride,
        steps: begin...slot.steps.upperBound)
    }
    for index in places.indices {
      let neighbours = places[..<index].filter { $0.steps.overlaps(places[index].steps) }
        .sorted { $0.offset < $1.offset }
      var offset = 0
      for other in neighbours where other.offset < offset + places[index].floats {
        offset = max(offset, other.offset + other.floats)
      }
      places[index].offset = offset
    }
    return places
  }

  /// Bytes of the feature maps and of what the steps work in.
  var bytes: Int { (storage.count + scratchpad.count) * MemoryLayout<Float>.stride }

  /// Runs all steps for the images of a group.
  ///
  /// - Parameter load: called with each image's number and the place of its values, [height,
  ///   width, channels].
  func run(_ images: Int, load: (Int, UnsafeMutablePointer<Float>) -> Void) {
    precondition((1...group).contains(images), "\(images) images in a group of \(group)")
    Engine.useOneThread()
    let start = min(network.groupStart, steps.count)
    for image in 0..<images {
      load(image, pointer(network.image.slot, image))
      for step in steps[..<start] { execute(step, image) }
    }
    for step in steps[start...] {
      for image in 0..<images { execute(step, image) }
    }
    stream.wait()
  }

  /// Copies feature maps of the last group, [channels, height, width].
  ///
  /// Only the last maps of the network are sure to be there still.
  func read(_ maps: FeatureMaps, image: Int, into values: UnsafeMutablePointer<Float>) {
    let slot = maps.slot
    let planar = ArrayLayout(
      [1, maps.channels, maps.height, maps.width], dnnl_nchw)
    let layout = network.slots[slot].layout
    let (from, to) = (
      Memory(layout, at: pointer(slot, image), on: network.engine),
      Memory(planar, at: values, on: network.engine)
    )
    Primitive(copying: layout, to: planar, on: network.engine).run(
      [from.argument(DNNL_ARG_FROM), to.argument(DNNL_ARG_TO)])
  }

  private func pointer(_ slot: Int, _ image: Int) -> UnsafeMutablePointer<Float> {
    storage.pointer + places[slot].offset + image * places[slot].stride
  }

  private func execute(_ prepared: Prepared, _ image: Int) {
    prepared.source.move(to: pointer(prepared.step.source, image))
    prepared.target.move(to: pointer(prepared.step.target, image))
    prepared.step.primitive.execute(prepared.arguments, on: stream)
  }
}

import COneDNN
import Tensors

/// The values of an image between two layers, [channels, height, width].
struct FeatureMaps {
  /// Its place among the slots of the network.
  let slot: Int
  let channels: Int, height: Int, width: Int

  fileprivate var shape: [Int] { [1, channels, height, width] }
}

/// Convolutions, poolings and concatenations with fixed weights, one image at a time.
///
/// Steps run in the order in which they were added. A step never sees a second image, so that the
/// values of an image do not depend on its neighbours. ``NetworkMemory`` runs them.
final class FrozenNetwork {
  /// One primitive, from feature maps into others.
  struct Step {
    let primitive: Primitive
    let source: Int, target: Int
    /// As the primitive sees them; a target may be a part of its maps.
    let sourceLayout: ArrayLayout, targetLayout: ArrayLayout
    /// Weights and bias; nil without.
    let constants: (weights: Storage, weightLayout: ArrayLayout, bias: Storage)?
  }

  /// What memory feature maps need.
  struct Slot {
    let layout: ArrayLayout
    /// The steps that write or read it.
    var steps: ClosedRange<Int>
  }

  let engine = Engine()
  /// What the caller writes: [height, width, channels].
  let image: FeatureMaps
  /// The same in the layout of the first layer.
  let input: FeatureMaps
  private(set) var steps: [Step] = []
  private(set) var slots: [Slot] = []
  /// The first step that runs for all images of a group before the next step does.
  private(set) var groupStart = Int.max
  private let layout: MapLayout

  /// A network without layers for images of one shape.
  init(channels: Int, height: Int, width: Int) {
    layout = .chosen(by: engine)
    image = FeatureMaps(slot: 0, channels: channels, height: height, width: width)
    let given = ArrayLayout(image.shape, dnnl_nhwc)
    // Blocks are for many channels.
    let tag = layout != .channelsLast && channels < 8 ? dnnl_nchw : layout.tag
    let wanted = ArrayLayout(image.shape, tag)
    slots = [Slot(layout: given, steps: 0...0)]
    guard !(given == wanted) else {
      input = image
      return
    }
    input = FeatureMaps(slot: 1, channels: channels, height: height, width: width)
    slots.append(Slot(layout: wanted, steps: 0...0))
    add(Primitive(copying: given, to: wanted, on: engine), image, input)
  }

  /// From here on, a step runs for all images of a group before the next step does.
  ///
  /// Large weights then stay in cache for the group; before, the feature maps of an image do.
  func startGroups() { groupStart = steps.count }

  /// A convolution with a bias, then max(0, y).
  func convolution(
    _ x: FeatureMaps, _ filters: Filters, stride: Int = 1,
    padding: (height: Int, width: Int) = (0, 0)
  ) -> FeatureMaps {
    precondition(filters.channels == x.channels, "\(filters.channels) channels for \(x)")
    let y = maps(
      filters.features, (x.height + 2 * padding.height - filters.height) / stride + 1,
      (x.width + 2 * padding.width - filters.width) / stride + 1)
    let primitive = Primitive.convolution(
      from: slots[x.slot].layout, to: slots[y.slot].layout, weights: filters.shape,
      stride: stride, padding: padding, on: engine)
    add(primitive, x, y, constants: prepared(filters, for: primitive))
    return y
  }

  /// A pooling with square windows.
  func pooling(
    _ kind: Pooling, _ x: FeatureMaps, kernel: Int, stride: Int = 1, padding: Int = 0
  ) -> FeatureMaps {
    let y = maps(
      x.channels, (x.height + 2 * padding - kernel) / stride + 1,
      (x.width + 2 * padding - kernel) / stride + 1)
    let primitive = Primitive.pooling(
      kind, from: slots[x.slot].layout, to: slots[y.slot].layout, kernel: kernel, stride: stride,
      padding: padding, on: engine)
    add(primitive, x, y)
    return y
  }

  /// The channels of all parts, one part after another.
  func concatenation(_ parts: [FeatureMaps]) -> FeatureMaps {
    let y = maps(
      parts.map(\.channels).reduce(0, +), parts[0].height, parts[0].width)
    var first = 0
    for part in parts {
      // Convolutions of oneDNN 2.6 that write into a part of an array are a hundred times slower.
      let place = slots[y.slot].layout.channels(from: first, shape: part.shape)
      let copy = Primitive(copying: slots[part.slot].layout, to: place, on: engine)
      add(copy, part, y, into: place)
      first += part.channels
    }
    return y
  }

  private func maps(_ channels: Int, _ height: Int, _ width: Int) -> FeatureMaps {
    let y = FeatureMaps(slot: slots.count, channels: channels, height: height, width: width)
    slots.append(
      Slot(layout: ArrayLayout(y.shape, layout.tag), steps: steps.count...steps.count))
    return y
  }

  private func add(
    _ primitive: Primitive, _ x: FeatureMaps, _ y: FeatureMaps, into part: ArrayLayout? = nil,
    constants: (weights: Storage, weightLayout: ArrayLayout, bias: Storage)? = nil
  ) {
    for slot in [x.slot, y.slot] {
      slots[slot].steps = slots[slot].steps.lowerBound...steps.count
    }
    steps.append(
      Step(
        primitive: primitive, source: x.slot, target: y.slot,
        sourceLayout: slots[x.slot].layout, targetLayout: part ?? slots[y.slot].layout,
        constants: constants))
  }

  /// Weights in the layout that a convolution has chosen, and its bias.
  private func prepared(
    _ filters: Filters, for primitive: Primitive
  ) -> (Storage, ArrayLayout, Storage) {
    let (given, wanted) = (
      ArrayLayout(filters.shape, dnnl_oihw), primitive.layout(dnnl_query_weights_md)
    )
    let (weights, bias) = (Storage(count: wanted.floats), Storage(count: filters.features))
    bias.pointer.update(from: filters.bias, count: filters.features)
    var values = filters.weights
    values.withUnsafeMutableBufferPointer { values in
      guard let first = values.baseAddress else { return }
      let (from, to) = (
        Memory(given, at: first, on: engine), Memory(wanted, at: weights.pointer, on: engine)
      )
      Primitive(copying: given, to: wanted, on: engine).run(
        [from.argument(DNNL_ARG_FROM), to.argument(DNNL_ARG_TO)])
    }
    return (weights, wanted, bias)
  }
}

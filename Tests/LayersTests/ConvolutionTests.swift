import Autodiff
import Layers
import Tensors
import TestSupport
import Testing

@Suite("Convolutions")
struct ConvolutionTests {
  static let golden = [
    "conv_4_2_1", "conv_4_2_1_narrow", "conv_5_2_2", "conv_3_1_1", "conv_2_3_0",
    "transposed_4_2_1", "transposed_4_2_1_narrow", "transposed_3_2_1_1",
  ]

  private struct Single: Module {
    let layer: any Network
    var children: [(String, any Module)] { [("c", layer)] }
  }

  /// PyTorch's own single precision is within 3 units.
  @Test(arguments: golden) func equalsPyTorch(_ name: String) throws {
    let golden = try Golden("convolutional.h5")
    func number(_ key: String) throws -> Int {
      Int(try #require(try golden.number(key, of: name)))
    }
    let shape = try golden.shape("\(name)/inputs/x")
    let outputs = try golden.shape("\(name)/inputs/bias")[0]
    let (kernel, stride) = (try number("kernel"), try number("stride"))
    let layer: any Network =
      try number("transposed") == 1
      ? TransposedConvolution(
        shape[3], outputs, kernel: kernel, stride: stride, padding: try number("padding"),
        outputPadding: try number("extra"), .leakyReLU)
      : Convolution(
        shape[3], outputs, kernel: kernel, stride: stride, padding: try number("padding"),
        .leakyReLU)
    let x = Parameter(Shape(shape), .zeros)
    let leaves = Leaves(
      ParameterSet(
        [(name: "x", group: 0, parameter: x)]
          + layer.parameters.map { (name: $0.0, group: 0, parameter: $0.1) }))
    for key in ["x", "weight", "bias"] {
      leaves.load(key, try golden.floats("\(name)/inputs/\(key)"))
    }
    let tape = Tape()
    let y = layer(tape.leaf(x))
    #expect(y.shape.dimensions == (try golden.shape("\(name)/output")))
    #expect(deviation(y.values, from: try golden.values("\(name)/output")) < 32)
    let upstream = tape.constant(
      Tensor(y.shape, try golden.floats("\(name)/upstream")))
    for uses in [1, 2] {  // the second time each gradient is added to the first
      let once = y * upstream
      let loss = uses == 1 ? once : once + layer(tape.leaf(x)) * upstream
      leaves.differentiate(loss)
      for key in ["x", "weight", "bias"] {
        let expected = try golden.values("\(name)/gradients/\(key)").map { $0 * Double(uses) }
        #expect(
          deviation(leaves.gradient(key), from: expected) < 32, "\(uses) of gradient \(key)")
      }
    }
  }

  /// Images of one chunk and of several, the last of them short.
  @Test(arguments: [1, 2, 37], [(8, 8, 16, 24), (16, 8, 20, 16), (32, 32, 64, 32)])
  func nineProductsDoForSixteen(images: Int, size: (Int, Int, Int, Int)) {
    let (height, width, channels, features) = size
    func plan(_ winograd: Bool) -> ConvolutionPlan {
      ConvolutionPlan(
        height: height, width: width, channels: channels, features: features,
        window: Window(kernel: 4, stride: 2, padding: 1), winograd: winograd)
    }
    #expect(plan(true).isWinograd && !plan(false).isWinograd)
    let results = [true, false].map { products(plan($0), images: images) }
    for (fast, general) in zip(results[0], results[1]) {
      #expect(deviation(fast, from: general.map(Double.init)) < 64)
    }
  }

  /// The three products of a plan, of fixed random numbers.
  private func products(_ plan: ConvolutionPlan, images: Int) -> [[Float]] {
    func random(_ count: Int, _ row: Int) -> Storage {
      let storage = Storage(count: count)
      Draws(seed: 1, purpose: .synthesis, time: 0)
        .normal(row: row, into: storage.pointer, count: count)
      return storage
    }
    let x = random(images * plan.imageCount, 0)
    let grid = random(images * plan.gridCount, 1)
    let weights = random(16 * plan.channels * plan.features, 2)
    let prepared = Storage(count: plan.preparedCount)
    if plan.preparedCount > 0 { plan.prepare(weights.pointer, into: prepared.pointer) }
    let taken = plan.preparedCount > 0 ? prepared.pointer : weights.pointer
    let workspace = Storage(count: plan.workspaceCount)
    let outputs = [grid.count, x.count, weights.count].map { Storage(count: $0) }
    plan.imagesToGrids(
      images, x.pointer, weights: taken, into: outputs[0].pointer, workspace: workspace.pointer
    ) { _, _ in }
    plan.gridsToImages(
      images, grid.pointer, weights: taken, into: outputs[1].pointer, adds: false,
      workspace: workspace.pointer
    ) { _, _ in }
    plan.weightGradient(
      images, x.pointer, grid.pointer, into: outputs[2].pointer, adds: false,
      workspace: workspace.pointer)
    return outputs.map { Array(UnsafeBufferPointer(start: $0.pointer, count: $0.count)) }
  }

  /// An image's result does not depend on the batch it is in.
  @Test func batchesDoNotMix() {
    let plan = ConvolutionPlan(
      height: 16, width: 16, channels: 16, features: 16,
      window: Window(kernel: 4, stride: 2, padding: 1))
    let (many, few) = (products(plan, images: 40)[0], products(plan, images: 3)[0])
    #expect(deviation(Array(many[..<few.count]), from: few.map(Double.init)) < 4)
  }

  @Test func initialValuesAreWithinPyTorchsBounds() {
    let leaves = Leaves(
      Single(layer: Convolution(4, 6, kernel: 5, stride: 2, padding: 2)).collectParameters())
    leaves.set.initialize(seed: 3)
    for name in ["c.weight", "c.bias"] {
      let largest = leaves.value(name).map(abs).max() ?? 0
      #expect(largest < 0.1 && largest > 0.05)  // 1 / sqrt(5 * 5 * 4)
    }
  }
}

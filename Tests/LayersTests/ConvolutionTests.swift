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

  /// PyTorch's own single precision is within 3 units of the stored values.
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
    for uses in [1, 2] {  // the second use adds each gradient to the first
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

  /// One image; odd sides; incomplete tiles; chunks with part of an image and with several images.
  @Test(
    arguments: [2, 4],
    [
      (1, 8, 8, 16, 32), (3, 9, 15, 16, 16), (2, 7, 22, 48, 16), (37, 16, 12, 32, 16),
      (20, 32, 32, 64, 32), (1, 130, 256, 32, 48),
    ])
  func tilesGiveWhatPatchesGive(tile: Int, size: (Int, Int, Int, Int, Int)) {
    let (images, height, width, channels, features) = size
    let results = [ConvolutionPlan.Method.patches, .winograd(tile: tile)].map {
      products(
        ConvolutionPlan(
          images: images, height: height, width: width, channels: channels, features: features,
          window: Window(kernel: 4, stride: 2, padding: 1), method: $0))
    }
    for (general, fast) in zip(results[0], results[1]) {
      #expect(deviation(fast, from: general.map(Double.init)) < 64)
    }
  }

  /// All products of a plan from fixed random numbers: both directions and the weight gradient.
  ///
  /// Each product goes once to an empty target and once to a target of ones.
  private func products(_ plan: ConvolutionPlan) -> [[Float]] {
    func random(_ count: Int, _ row: Int) -> Storage {
      let storage = Storage(count: count)
      Draws(seed: 1, purpose: .synthesis, time: 0)
        .normal(row: row, into: storage.pointer, count: count)
      return storage
    }
    let images = random(plan.images * plan.imageCount, 0)
    let grids = random(plan.images * plan.gridCount, 1)
    let weights = random(plan.weightCount, 2)
    let bias = random(max(plan.channels, plan.features), 3)
    let prepared = Storage(count: plan.preparedCount)
    plan.prepare(weights.pointer, into: prepared.pointer)
    let taken = plan.preparedCount > 0 ? prepared.pointer : weights.pointer
    let workspace = Storage(count: plan.workspaceCount(weightGradient: true))
    return [false, true].flatMap { adds in
      let outputs = [grids, images, weights, weights].map { like in
        let output = Storage(count: like.count)
        output.pointer.update(repeating: adds ? 1 : .nan, count: like.count)
        return output
      }
      let epilogue = ConvolutionPlan.Epilogue(
        bias: UnsafePointer(bias.pointer), activation: .leakyReLU)
      plan.fromImages(
        images.pointer, weights: taken, workspace: workspace.pointer,
        toGrids: (outputs[0].pointer, adds), epilogue: epilogue,
        weightGradient: (UnsafePointer(grids.pointer), (outputs[2].pointer, adds)))
      plan.fromGrids(
        grids.pointer, weights: taken, workspace: workspace.pointer,
        toImages: (outputs[1].pointer, adds), epilogue: epilogue,
        weightGradient: (UnsafePointer(images.pointer), (outputs[3].pointer, adds)))
      return outputs.map { Array(UnsafeBufferPointer(start: $0.pointer, count: $0.count)) }
    }
  }

  /// Other images of a batch change an image's result only by rounding.
  ///
  /// With vectors of 512 bits, OpenBLAS sums products of few rows in another order. The transforms
  /// of tiles enlarge this difference to 6 units. A mixture of images would differ by a million
  /// units.
  @Test(arguments: [ConvolutionPlan.Method.patches, .winograd(tile: 4)])
  func batchesDoNotMix(method: ConvolutionPlan.Method) {
    let results = [40, 3].map {
      products(
        ConvolutionPlan(
          images: $0, height: 16, width: 16, channels: 16, features: 16,
          window: Window(kernel: 4, stride: 2, padding: 1), method: method))
    }
    for output in 0..<2 {
      let few = results[1][output]
      #expect(deviation(Array(results[0][output][..<few.count]), from: few.map(Double.init)) < 16)
    }
  }

  @Test(
    arguments: [3, 64],
    [Window(kernel: 4, stride: 2, padding: 1), .init(kernel: 5, stride: 2, padding: 2)])
  func workspaceDoesNotGrowWithTheBatch(channels: Int, window: Window) {
    let floats = [64, 640, 6400].map {
      ConvolutionPlan(
        images: $0, height: 64, width: 64, channels: channels, features: 128, window: window
      ).workspaceCount(weightGradient: false)
    }
    #expect(floats.allSatisfy { $0 <= 3 << 20 })
  }

  /// Plans use tiles if they are faster: with many channels, and with enough images for large
  /// tiles.
  @Test func plansChooseTheirProducts() {
    func method(_ images: Int, _ height: Int, _ channels: Int, _ features: Int, kernel: Int = 4)
      -> ConvolutionPlan.Method
    {
      ConvolutionPlan(
        images: images, height: height, width: height, channels: channels, features: features,
        window: Window(kernel: kernel, stride: 2, padding: 1)
      ).method
    }
    #expect(method(64, 64, 3, 64) == .patches)
    #expect(method(64, 32, 64, 128) == .winograd(tile: 4))
    #expect(method(64, 8, 256, 512) == .winograd(tile: 4))
    #expect(method(32, 8, 256, 512) == .winograd(tile: 2))
    #expect(method(1, 8, 256, 512) == .patches)
    #expect(method(64, 32, 64, 128, kernel: 3) == .patches)
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

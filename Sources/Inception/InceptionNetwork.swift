/// Inception-v3 of 2015-12-05 up to its last pooling, by which FID is defined.
///
/// Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016, with the
/// weights and the deviations of TensorFlow's graph of that date. The names of the layers are those
/// of the package pytorch-fid. It differs from the network of torchvision: mean pooling does not
/// count padding, and the last block pools by maximum.
///
/// Each layer is a convolution without bias, a batch normalisation and a ReLU.
struct InceptionNetwork {
  /// Height and width of the network's images.
  static let side = 299
  /// The number of features of an image.
  static let width = 2048

  let network = FrozenNetwork(channels: 3, height: side, width: side)
  /// [2048, 1, 1].
  let features: FeatureMaps
  private let weights: any WeightSource

  /// Reads the weights of all layers.
  ///
  /// - Throws: `WeightsError` if one is missing or has another shape.
  init(_ weights: any WeightSource) throws {
    self.weights = weights
    let layers = Layers(network: network, weights: weights)
    var x = try layers.stem(network.input)
    x = try layers.blockA("Mixed_5b", x, pooled: 32)
    x = try layers.blockA("Mixed_5c", x, pooled: 64)
    x = try layers.blockA("Mixed_5d", x, pooled: 64)
    network.startGroups()
    x = try layers.blockB("Mixed_6a", x)
    x = try layers.blockC("Mixed_6b", x, inner: 128)
    x = try layers.blockC("Mixed_6c", x, inner: 160)
    x = try layers.blockC("Mixed_6d", x, inner: 160)
    x = try layers.blockC("Mixed_6e", x, inner: 192)
    x = try layers.blockD("Mixed_7a", x)
    x = try layers.blockE("Mixed_7b", x, pooling: .mean)
    x = try layers.blockE("Mixed_7c", x, pooling: .maximum)
    features = network.pooling(.mean, x, kernel: x.height)
  }
}

/// The layers and blocks, by the names of torchvision's classes; sizes are those of an image of
/// 299x299.
private struct Layers {
  let network: FrozenNetwork
  let weights: any WeightSource

  /// A convolution with square windows.
  private func layer(
    _ name: String, _ x: FeatureMaps, _ features: Int, _ kernel: Int = 1, stride: Int = 1,
    padding: Int = 0
  ) throws -> FeatureMaps {
    try network.convolution(
      x, filters(name, x, features, (kernel, kernel)), stride: stride, padding: (padding, padding))
  }

  /// A convolution along rows, [1, kernel], of the same size.
  private func row(
    _ name: String, _ x: FeatureMaps, _ features: Int, _ kernel: Int
  ) throws -> FeatureMaps {
    try network.convolution(x, filters(name, x, features, (1, kernel)), padding: (0, kernel / 2))
  }

  /// A convolution along columns, [kernel, 1], of the same size.
  private func column(
    _ name: String, _ x: FeatureMaps, _ features: Int, _ kernel: Int
  ) throws -> FeatureMaps {
    try network.convolution(x, filters(name, x, features, (kernel, 1)), padding: (kernel / 2, 0))
  }

  private func filters(
    _ name: String, _ x: FeatureMaps, _ features: Int, _ kernel: (Int, Int)
  ) throws -> Filters {
    try Filters(name, channels: x.channels, features: features, kernel: kernel, from: weights)
  }

  /// [3, 299, 299] -> [192, 35, 35].
  func stem(_ image: FeatureMaps) throws -> FeatureMaps {
    var x = try layer("Conv2d_1a_3x3", image, 32, 3, stride: 2)
    x = try layer("Conv2d_2a_3x3", x, 32, 3)
    x = try layer("Conv2d_2b_3x3", x, 64, 3, padding: 1)
    x = network.pooling(.maximum, x, kernel: 3, stride: 2)
    x = try layer("Conv2d_3b_1x1", x, 80)
    x = try layer("Conv2d_4a_3x3", x, 192, 3)
    return network.pooling(.maximum, x, kernel: 3, stride: 2)
  }

  /// [C, 35, 35] -> [224 + pooled, 35, 35].
  func blockA(_ name: String, _ x: FeatureMaps, pooled: Int) throws -> FeatureMaps {
    let single = try layer("\(name).branch1x1", x, 64)
    var five = try layer("\(name).branch5x5_1", x, 48)
    five = try layer("\(name).branch5x5_2", five, 64, 5, padding: 2)
    var three = try layer("\(name).branch3x3dbl_1", x, 64)
    three = try layer("\(name).branch3x3dbl_2", three, 96, 3, padding: 1)
    three = try layer("\(name).branch3x3dbl_3", three, 96, 3, padding: 1)
    let pool = network.pooling(.mean, x, kernel: 3, padding: 1)
    return network.concatenation(
      [single, five, three, try layer("\(name).branch_pool", pool, pooled)])
  }

  /// [288, 35, 35] -> [768, 17, 17].
  func blockB(_ name: String, _ x: FeatureMaps) throws -> FeatureMaps {
    let single = try layer("\(name).branch3x3", x, 384, 3, stride: 2)
    var double = try layer("\(name).branch3x3dbl_1", x, 64)
    double = try layer("\(name).branch3x3dbl_2", double, 96, 3, padding: 1)
    double = try layer("\(name).branch3x3dbl_3", double, 96, 3, stride: 2)
    return network.concatenation(
      [single, double, network.pooling(.maximum, x, kernel: 3, stride: 2)])
  }

  /// [768, 17, 17] -> [768, 17, 17].
  func blockC(_ name: String, _ x: FeatureMaps, inner: Int) throws -> FeatureMaps {
    let single = try layer("\(name).branch1x1", x, 192)
    var seven = try layer("\(name).branch7x7_1", x, inner)
    seven = try row("\(name).branch7x7_2", seven, inner, 7)
    seven = try column("\(name).branch7x7_3", seven, 192, 7)
    var double = try layer("\(name).branch7x7dbl_1", x, inner)
    double = try column("\(name).branch7x7dbl_2", double, inner, 7)
    double = try row("\(name).branch7x7dbl_3", double, inner, 7)
    double = try column("\(name).branch7x7dbl_4", double, inner, 7)
    double = try row("\(name).branch7x7dbl_5", double, 192, 7)
    let pool = network.pooling(.mean, x, kernel: 3, padding: 1)
    return network.concatenation(
      [single, seven, double, try layer("\(name).branch_pool", pool, 192)])
  }

  /// [768, 17, 17] -> [1280, 8, 8].
  func blockD(_ name: String, _ x: FeatureMaps) throws -> FeatureMaps {
    var three = try layer("\(name).branch3x3_1", x, 192)
    three = try layer("\(name).branch3x3_2", three, 320, 3, stride: 2)
    var seven = try layer("\(name).branch7x7x3_1", x, 192)
    seven = try row("\(name).branch7x7x3_2", seven, 192, 7)
    seven = try column("\(name).branch7x7x3_3", seven, 192, 7)
    seven = try layer("\(name).branch7x7x3_4", seven, 192, 3, stride: 2)
    return network.concatenation(
      [three, seven, network.pooling(.maximum, x, kernel: 3, stride: 2)])
  }

  /// [C, 8, 8] -> [2048, 8, 8].
  func blockE(_ name: String, _ x: FeatureMaps, pooling kind: Pooling) throws -> FeatureMaps {
    let single = try layer("\(name).branch1x1", x, 320)
    let three = try layer("\(name).branch3x3_1", x, 384)
    let threes = [
      try row("\(name).branch3x3_2a", three, 384, 3),
      try column("\(name).branch3x3_2b", three, 384, 3),
    ]
    var double = try layer("\(name).branch3x3dbl_1", x, 448)
    double = try layer("\(name).branch3x3dbl_2", double, 384, 3, padding: 1)
    let doubles = [
      try row("\(name).branch3x3dbl_3a", double, 384, 3),
      try column("\(name).branch3x3dbl_3b", double, 384, 3),
    ]
    let pool = network.pooling(kind, x, kernel: 3, padding: 1)
    return network.concatenation(
      [single] + threes + doubles + [try layer("\(name).branch_pool", pool, 192)])
  }
}

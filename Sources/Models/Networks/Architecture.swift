import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// The encoder and the decoder of a configuration.
///
/// Shapes: B examples of H x W x C pixels, F features. Convolutional networks halve height and
/// width once for each of their `channels` and double them on the way back.
/// Initial values of convolutional networks are PyTorch's. Initial values of fully connected
/// networks are Glorot uniform.
struct Architecture {
  /// The encoder, [B, H*W*C] to [B, F], with its activation.
  let trunk: [(network: any Network, modules: Int)]
  /// The number of features, F.
  let features: Int
  /// The decoder, [B, J] to logits [B, H*W*C], or to the result of `output`.
  let decoder: any Network
  private let grid: (height: Int, width: Int, channels: Int)?
  private let initialization: Initialization

  /// The networks for images of a shape.
  ///
  /// - Parameter output: a function of the decoder's logits.
  /// - Throws: `ConfigurationError` for images that cannot be halved so often.
  init(
    _ c: NetworkSettings, _ image: ImageShape, output: Activation = .identity
  ) throws(ConfigurationError) {
    initialization = c.connected.initialization.initialization
    let (layers, channels) = (c.layers, c.channels.channels)
    switch layers.network {
    case .mlp:
      let sizes = [image.count] + layers.hidden
      trunk = Self.dense(sizes, layers.activation, initialization)
      features = sizes[sizes.count - 1]
      decoder = Perceptron(
        [c.latent] + layers.decoderLayers + [image.count], layers.activation, last: output,
        initialized: initialization)
      grid = nil
    case .convolutional, .convolutionalNormalized:
      try image.checkHalves(channels.count)
      let (height, width) = (image.height >> channels.count, image.width >> channels.count)
      let normalized = layers.network == .convolutionalNormalized
      let grid = (height: height, width: width, channels: channels.last ?? image.channels)
      self.grid = grid
      features = grid.height * grid.width * grid.channels
      trunk = Self.encoder(c, image, features, normalized)
      let ending: [(network: any Network, modules: Int)] =
        output == .identity ? [] : [(Activated(output), 1)]
      decoder = Sequential(Self.decoder(c, image, grid, normalized) + ending)
    }
  }

  /// A linear layer after the trunk.
  func head(_ outputs: Int) -> Dense {
    guard let grid else { return Dense(features, outputs, initialized: initialization) }
    return Dense(
      flattening: grid.height, grid.width, grid.channels, to: outputs)
  }

  /// Trunk and heads of q(z|x) with `latent` dimensions.
  func gaussianEncoder(_ latent: Int) -> GaussianEncoder {
    GaussianEncoder(trunk: Sequential(trunk), mean: head(latent), logVariance: head(latent))
  }

  /// A network of a value for each pixel, [B, D] to [B, D], with one hidden layer: the first of the
  /// encoder; of convolutions 5x5 in full size, with 16 channels.
  static func pixelwise(_ c: NetworkSettings, _ image: ImageShape) -> any Network {
    guard c.layers.network == .mlp else {
      return Sequential([
        (Reshape(image.height, image.width, image.channels), 0),
        (Convolution(image.channels, 16, kernel: 5, stride: 1, padding: 2, .relu), 2),
        (Convolution(16, image.channels, kernel: 5, stride: 1, padding: 2), 1),
        (Reshape(image.count), 0),
      ])
    }
    return Perceptron(
      [image.count] + c.layers.hidden.prefix(1) + [image.count], c.layers.activation,
      last: .identity, initialized: c.connected.initialization.initialization)
  }

  private static func dense(
    _ sizes: [Int], _ activation: Activation, _ initialization: Initialization
  ) -> [(network: any Network, modules: Int)] {
    zip(sizes, sizes.dropFirst()).map {
      (Dense($0, $1, activation, initialized: initialization), 2)
    }
  }

  private static func encoder(
    _ c: NetworkSettings, _ image: ImageShape, _ features: Int, _ normalized: Bool
  ) -> [(network: any Network, modules: Int)] {
    var parts: [(network: any Network, modules: Int)] = [
      (Reshape(image.height, image.width, image.channels), 0)
    ]
    for (i, (from, to)) in zip([image.channels] + c.channels.channels, c.channels.channels)
      .enumerated()
    {
      switch (normalized, i) {
      case (false, _):
        parts.append((Convolution(from, to, kernel: 5, stride: 2, padding: 2, .relu), 2))
      case (true, 0):
        parts.append((Convolution(from, to, kernel: 4, stride: 2, padding: 1, .leakyReLU), 2))
      default:
        parts.append((Convolution(from, to, kernel: 4, stride: 2, padding: 1), 1))
        parts.append((BatchNormalization(to, .leakyReLU), 2))
      }
    }
    return parts + [(Reshape(features), 1)]
  }

  private static func decoder(
    _ c: NetworkSettings, _ image: ImageShape, _ grid: (height: Int, width: Int, channels: Int),
    _ normalized: Bool
  ) -> [(network: any Network, modules: Int)] {
    var parts: [(network: any Network, modules: Int)] = [
      (Dense(c.latent, unflattening: grid.height, grid.width, grid.channels, .relu), 2),
      (Reshape(grid.height, grid.width, grid.channels), 1),
    ]
    let sizes = c.channels.channels.reversed() + [image.channels]
    for (i, (from, to)) in zip(sizes, sizes.dropFirst()).enumerated() {
      let isLast = i == sizes.count - 2
      switch (normalized, isLast) {
      case (false, _):
        parts.append(
          (
            TransposedConvolution(
              from, to, kernel: 3, stride: 2, padding: 1, outputPadding: 1,
              isLast ? .identity : .relu), 2
          ))
      case (true, _):
        parts.append(
          (TransposedConvolution(from, to, kernel: 4, stride: 2, padding: 1), 1))
        if !isLast || c.outputNormalization {
          parts.append((BatchNormalization(to, isLast ? .identity : .relu), 2))
        }
      }
    }
    return parts + [(Reshape(image.count), 0)]
  }
}

extension ImageShape {
  /// Checks that height and width can be halved some times.
  ///
  /// - Throws: `ConfigurationError` with the nearest sizes that can.
  func checkHalves(_ times: Int) throws(ConfigurationError) {
    let unit = times < 32 ? 1 << times : Int.max
    guard height % unit != 0 || width % unit != 0 else { return }
    func rounded(_ side: Int, up: Bool) -> Int {
      side % unit == 0 ? side : (side / unit + (up ? 1 : 0)) * unit
    }
    let sizes =
      unit > 1 << 16
      ? []
      : [false, true].map { (rounded(height, up: $0), rounded(width, up: $0)) }
        .filter { $0.0 > 0 && $0.1 > 0 }.map { "\($0.0)x\($0.1)" }
    throw ConfigurationError(
      key: "channels", found: "\(times) for images of \(height)x\(width)",
      expected: "sides that can be halved so often"
        + (sizes.isEmpty
          ? "; fewer channels"
          : ": \(sizes.joined(separator: " or ")) (cleave import images --size), or fewer channels")
    )
  }
}

import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Deep convolutional GAN (Radford, Metz & Chintala, ICLR 2016), a comparison model of the RVAE
/// paper on CelebA.
///
/// Shapes: B examples of H x W x C pixels, D in all, J latent dimensions. With `channels` 64, 128,
/// 256, 512 and 64 x 64 pixels, the generator's first convolution gives 4 x 4 x 512 for 1 x 1 x J.
/// Its convolutions are transposed. Each further convolution doubles the side; the discriminator
/// mirrors the generator.
/// Batch normalisation follows every convolution except the generator's last and the
/// discriminator's first and last. Real and generated images are normalised separately.
/// Where H and W differ, a linear layer takes the place of the convolutions without a stride.
/// There are no convolution biases. Weights are N(0, 0.02), weights of batch normalisations N(1,
/// 0.02).
///
/// Departs from Radford et al. as the RVAE authors' code does: the output is a sigmoid, since data
/// are in [0, 1].
public struct DCGAN: ImageGame {
  /// The settings of a DCGAN.
  public struct Settings: SettingsGroup {
    /// Channels of its convolutions.
    public var channels = ChannelSettings()
    /// The code.
    public var code = CodeSettings()
    /// The training of the players.
    public var players = PlayerSettings()
    /// The guard of logarithms.
    public var guardOfLogarithms = LossEpsilon()
    /// The noise of the real images.
    public var ambient = AmbientSettings()

    /// The defaults.
    public init() {}

    /// Networks, then the game.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.channels),
      .group(\.code),
      .group(\.players),
      .group(\.guardOfLogarithms),
      .group(\.ambient),
    ]
  }

  /// A DCGAN trained for some epochs.
  static func system(_ name: String) -> System {
    System(
      name, make: DCGAN.init, loop: Epochs.init, presets: Preset.relatives
    ) { $0.model.players.cure(of: $1) }
  }

  let generator: any Network
  let discriminator: any Network
  /// The latent dimensions, J.
  public let latent: Int
  let losses: AdversarialLosses
  let knownNoise: AmbientNoise
  let momentum: Double?

  private static let weights = Initializer.normal(mean: 0, deviation: 0.02)
  private static let gains = Initializer.normal(mean: 1, deviation: 0.02)

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for images that cannot be halved so often.
  public init(_ c: Settings, image: ImageShape) throws {
    let channels = c.channels.channels
    try image.checkHalves(channels.count)
    let grid = (height: image.height >> channels.count, width: image.width >> channels.count)
    latent = c.code.latent
    momentum = c.players.discriminatorMomentum
    knownNoise = AmbientNoise(c.ambient.knownNoise, on: image)
    generator = Self.generator(channels, c.code.latent, image, grid)
    discriminator = Self.discriminator(channels, image, grid)
    losses = AdversarialLosses(
      isSaturating: c.players.generatorLoss == .saturating,
      epsilon: Float(c.guardOfLogarithms.epsilon))
  }

  private static func generator(
    _ channels: [Int], _ latent: Int, _ image: ImageShape, _ grid: (height: Int, width: Int)
  ) -> Sequential {
    let isSquare = grid.height == grid.width
    var parts: [(network: any Network, modules: Int)] = isSquare ? [(Reshape(1, 1, latent), 0)] : []
    var inputs = latent
    for (i, outputs) in channels.reversed().enumerated() {
      if i == 0 && !isSquare {
        parts.append((Dense(latent, unflattening: grid.height, grid.width, outputs, .identity), 1))
        parts.append((Reshape(grid.height, grid.width, outputs), 0))
        parts.append((BatchNormalization(outputs, .relu, weights: gains), 2))
        inputs = outputs
        continue
      }
      parts.append(
        i == 0
          ? (
            TransposedConvolution(
              inputs, outputs, kernel: grid.height, stride: 1, padding: 0, biasless: weights), 1
          )
          : (
            TransposedConvolution(
              inputs, outputs, kernel: 4, stride: 2, padding: 1, biasless: weights), 1
          ))
      parts.append((BatchNormalization(outputs, .relu, weights: gains), 2))
      inputs = outputs
    }
    let last = TransposedConvolution(
      inputs, image.channels, kernel: 4, stride: 2, padding: 1, biasless: weights)
    return Sequential(parts + [(last, 1), (Reshape(image.count), 0)])
  }

  private static func discriminator(
    _ channels: [Int], _ image: ImageShape, _ grid: (height: Int, width: Int)
  ) -> Sequential {
    var parts: [(network: any Network, modules: Int)] = [
      (Reshape(image.height, image.width, image.channels), 0)
    ]
    var inputs = image.channels
    for (i, outputs) in channels.enumerated() {
      let isFirst = i == 0
      parts.append(
        (
          Convolution(
            inputs, outputs, kernel: 4, stride: 2, padding: 1, isFirst ? .leakyReLU : .identity,
            biasless: weights), isFirst ? 2 : 1
        ))
      if !isFirst { parts.append((BatchNormalization(outputs, .leakyReLU, weights: gains), 2)) }
      inputs = outputs
    }
    guard grid.height == grid.width else {
      return Sequential(
        parts + [
          (Reshape(grid.height * grid.width * inputs), 0),
          (Dense(flattening: grid.height, grid.width, inputs, to: 1), 1),
        ])
    }
    let last = Convolution(inputs, 1, kernel: grid.height, stride: 1, padding: 0, biasless: weights)
    return Sequential(parts + [(last, 1), (Reshape(1), 0)])
  }

  /// G(z), [B, D].
  func images(_ z: Variable) -> Variable { generator(z).activated(.sigmoid) }

  /// D(x), [B, 1].
  func judge(_ x: Variable, _ step: Step, repetition: Int) -> Variable { discriminator(x) }

  /// As PyTorch computes it.
  public var torchImages: String? { "sigmoid(generator(z))" }

  /// G(z), [B, D].
  public func decode(_ z: Variable) -> Variable { images(z) }
}

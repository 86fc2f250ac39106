import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Deep convolutional GAN (Radford, Metz & Chintala, ICLR 2016), a comparison model of the RVAE
/// paper on CelebA.
///
/// Shapes: B examples of H x H x C pixels, D in all, J latent dimensions. With `channels` 64, 128,
/// 256, 512 and 64 x 64 pixels, the generator's first convolution gives 4 x 4 x 512 for 1 x 1 x J.
/// Its convolutions are transposed. Each further convolution doubles the side; the discriminator
/// mirrors the generator.
/// Batch normalisation follows every convolution except the generator's last and the
/// discriminator's first and last. Real and generated images are normalised separately.
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

    /// The defaults.
    public init() {}

    /// Networks, then the game.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.channels),
      .group(\.code),
      .group(\.players),
      .group(\.guardOfLogarithms),
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
  let momentum: Double?

  private static let weights = Initializer.normal(mean: 0, deviation: 0.02)
  private static let gains = Initializer.normal(mean: 1, deviation: 0.02)

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for images that are not square or cannot be halved so often.
  public init(_ c: Settings, image: ImageShape) throws {
    let channels = c.channels.channels
    let side = image.height >> channels.count
    guard image.height == image.width, side > 0, side << channels.count == image.height else {
      throw ConfigurationError(
        key: "channels",
        found: "\(channels.count) for images of \(image.height) x \(image.width)",
        expected: "square images, and as many as the times that their side can be halved")
    }
    latent = c.code.latent
    momentum = c.players.discriminatorMomentum
    generator = Self.generator(channels, c.code.latent, image, side: side)
    discriminator = Self.discriminator(channels, image, side: side)
    losses = AdversarialLosses(
      isSaturating: c.players.generatorLoss == .saturating,
      epsilon: Float(c.guardOfLogarithms.epsilon))
  }

  private static func generator(
    _ channels: [Int], _ latent: Int, _ image: ImageShape, side: Int
  ) -> Sequential {
    var parts: [(network: any Network, modules: Int)] = [(Reshape(1, 1, latent), 0)]
    var inputs = latent
    for (i, outputs) in channels.reversed().enumerated() {
      parts.append(
        i == 0
          ? (
            TransposedConvolution(
              inputs, outputs, kernel: side, stride: 1, padding: 0, biasless: weights), 1
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
    _ channels: [Int], _ image: ImageShape, side: Int
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
    let last = Convolution(inputs, 1, kernel: side, stride: 1, padding: 0, biasless: weights)
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

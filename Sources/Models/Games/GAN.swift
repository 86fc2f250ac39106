import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Generative adversarial network of fully connected layers (Goodfellow et al., NeurIPS 2014), a
/// comparison model of the RVAE paper.
///
/// The generator has the layers of the VAE's decoder, the discriminator those of its encoder.
/// Shapes: B examples, D pixels, J latent dimensions.
/// Dropout removes each hidden unit of the discriminator with probability `dropout` in training.
/// Weights are drawn from a normal distribution of deviation 0.02, truncated at twice that.
///
/// Departs from the released code (D-12, D-42) in a sigmoid output, losses on logits without a
/// guard and a drop rate of 0.3. Options `generator_output`, `loss_epsilon` and `dropout` restore
/// tanh, 0.01 and 0.7.
/// As in the code, data are in [0, 1] with either output; samples are clipped.
public struct GAN: ImageGame {
  /// The settings of a GAN.
  public struct Settings: SettingsGroup {
    /// Hidden layers of the discriminator, and of the generator in reverse order.
    public var layers = LayerSettings()
    /// The code.
    public var code = CodeSettings()
    /// The training of the players.
    public var players = PlayerSettings()
    /// The activation of the discriminator's hidden layers.
    public var discriminatorActivation = DiscriminatorActivation()
    /// The probability that a hidden unit of the discriminator is left out.
    public var dropout = 0.3
    /// The generator's output function.
    public var output = Output.sigmoid
    /// The guard of logarithms.
    public var guardOfLogarithms = LossEpsilon()
    /// The noise of the real images.
    public var ambient = AmbientSettings()

    /// The defaults.
    public init() {}

    /// Networks, then the game.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.layers),
      .group(\.code),
      .group(\.players),
      .group(\.discriminatorActivation),
      .real(
        "dropout", \.dropout, .fraction,
        "Chance of a hidden unit of a GAN's discriminator to be left out.",
        "D-42: 0.3; the code keeps 0.3"),
      .choice(
        "generator_output", \.output, "What a GAN's generator ends in.",
        "D-12: sigmoid; [C]: tanh"),
      .group(\.guardOfLogarithms),
      .group(\.ambient),
    ]

    /// Checks that the networks are fully connected, and that known noise meets values in [0, 1].
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try layers.checkConnected(
        " with model=\(system), or model=\(SystemCatalogue.convolutionalGame)")
      guard output == .sigmoid || ambient.knownNoise.isNone else {
        throw ConfigurationError(
          key: "generator_output", found: output.rawValue,
          expected: "sigmoid with known_noise, which is for values in 0...1")
      }
    }
  }

  /// D-12: the generator's output function.
  public enum Output: String, CaseIterable, Sendable {
    case sigmoid
    /// As in the RVAE authors' code, though data are in [0, 1]; samples are clipped.
    case tanh
  }

  /// A GAN trained for some epochs.
  static func system(_ name: String) -> System {
    System(
      name, make: GAN.init, loop: Epochs.init, presets: Preset.relatives
    ) { $0.model.players.cure(of: $1, gentler: "more dropout or a smaller learning_rate") }
  }

  let generator: any Network
  let discriminator: any Network
  /// The latent dimensions, J.
  public let latent: Int
  let losses: AdversarialLosses
  let knownNoise: AmbientNoise
  let momentum: Double?
  private let layers: [Dense]  // of the discriminator
  private let output: Activation
  private let dropout: Float

  /// A model of images of this shape.
  public init(_ c: Settings, image: ImageShape) {
    latent = c.code.latent
    momentum = c.players.discriminatorMomentum
    knownNoise = AmbientNoise(c.ambient.knownNoise, on: image)
    let weights = Initializer.truncatedNormal(deviation: 0.02)
    generator = Perceptron(
      [latent] + c.layers.decoderLayers + [image.count], c.layers.activation, last: .identity,
      weights: weights)
    let judge = Perceptron(
      [image.count] + c.layers.hidden + [1],
      c.discriminatorActivation.activation ?? c.layers.activation, last: .identity,
      weights: weights)
    discriminator = judge
    layers = judge.layers
    output = c.output == .tanh ? .tanh : .sigmoid
    dropout = Float(c.dropout)
    losses = AdversarialLosses(
      isSaturating: c.players.generatorLoss == .saturating,
      epsilon: Float(c.guardOfLogarithms.epsilon))
  }

  /// G(z), [B, D]; in [-1, 1] with tanh.
  func images(_ z: Variable) -> Variable { generator(z).activated(output) }

  /// D(x), [B, 1], with units left out.
  func judge(_ x: Variable, _ step: Step, repetition: Int) -> Variable {
    var h = x
    for (i, layer) in layers.enumerated() {
      h = layer(h)
      guard dropout > 0, i < layers.count - 1 else { continue }
      h =
        h * step.dropout(h.shape.columns, rate: dropout, repetition: repetition * layers.count + i)
    }
    return h
  }

  /// As PyTorch computes it.
  public var torchImages: String? {
    output == .tanh ? "relu(tanh(generator(z)))" : "sigmoid(generator(z))"
  }

  /// G(z) in [0, 1], [B, D].
  public func decode(_ z: Variable) -> Variable {
    output == .tanh ? images(z).activated(.relu) : images(z)
  }
}

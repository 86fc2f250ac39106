import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// iC-VAE and RiC-VAE(N, M): VAEs whose decoder may give every pixel of every sample its own
/// variance.
///
/// Wang, Dai, Hua, Aston & Wipf, "Green Generative Modeling: Recycling Dirty Data using Recurrent
/// Variational Autoencoders", UAI 2017. The decoder is conditioned on the index of the sample.
/// Shapes: B examples, D pixels, J latent dimensions.
///
/// The best such variance is v_ij = (x_ij - m_j)². The loss of sample i then is KL + sum_j log
/// |x_ij - m_j|: outliers cost little, and no variance is left to learn. Losses are in nats, half
/// the paper's.
/// RiC-VAE also trains on its own samples, x_{p+1} = m_p + |x_p - m_p| e (`passes`, `test_passes`);
/// iC-VAE is RiC-VAE(1, 1).
///
/// No code or supplement of the authors is known. 0.5 log(r² + epsilon) replaces log |r|, since
/// constant pixels would give log 0.
/// Epsilon may fall in the first epochs, and squared errors may come first (D-18). Gradients do not
/// flow from pass to pass unless `recycle_grad` asks for it (D-16).
public struct ICVAE: RecyclingAutoencoder {
  /// The settings of a deep iC-VAE.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// The loss.
    public var loss = LossSettings()

    /// The defaults.
    public init() {}

    /// Networks, then the loss.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.loss),
    ]
  }

  /// The settings of the affine iC-VAE.
  public struct AffineSettings: SettingsGroup {
    /// The code.
    public var code = CodeSettings()
    /// Initial values.
    public var initialization = InitializationSettings()
    /// The loss.
    public var loss = LossSettings()

    /// The defaults.
    public init() {}

    /// The code, initial values, the loss.
    public static let entries: [SettingsEntry<AffineSettings>] = [
      .group(\.code),
      .group(\.initialization),
      .group(\.loss),
    ]
  }

  /// The loss of iC- and RiC-VAE.
  public struct LossSettings: SettingsGroup {
    /// The settings that recycling models share.
    public var recycling = Recycling.Settings()
    /// A number added to squared residuals before the logarithm: one grey level squared.
    public var residualEpsilon = 1.54e-5
    /// The first value of epsilon, before it falls; 0 for no fall.
    public var residualEpsilonStart = 0.0
    /// The epochs of the fall.
    public var residualEpsilonEpochs = 0
    /// Epochs of squared error before the loss.
    public var leastSquaresEpochs = 0

    /// The defaults.
    public init() {}

    /// Passes, then residuals.
    public static let entries: [SettingsEntry<LossSettings>] = [
      .group(\.recycling),
      .real(
        "residual_epsilon", \.residualEpsilon, .positive,
        "Added to squared residuals of pixels in [0, 1] before the logarithm of iC- and RiC-VAE.",
        "D-18 [R]: (1/255)^2"),
      .real(
        "residual_epsilon_start", \.residualEpsilonStart, .notNegative,
        "Where residual_epsilon comes down from, geometrically; 0: nowhere.",
        "expected-recycling, section 5"),
      .integer(
        "residual_epsilon_epochs", \.residualEpsilonEpochs, 0...1_000_000,
        "Epochs in which it comes down.", "expected-recycling, section 5"),
      .integer(
        "l2_epochs", \.leastSquaresEpochs, 0...1_000_000,
        "Epochs of squared error before the loss of iC- and RiC-VAE.", "5.3 [R]: 0"),
    ]

    /// Checks that an epsilon that falls has epochs for it.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      guard residualEpsilonStart > 0 && residualEpsilonEpochs == 0 else { return }
      throw ConfigurationError(
        key: "residual_epsilon_epochs", found: "0",
        expected: "some epochs, in which residual_epsilon comes down from residual_epsilon_start")
    }

    /// Warnings about passes, losses and epsilons that come too late.
    public func unreached(_ system: String, epochs: Int) -> [String] {
      var lines: [String] = []
      let beginning = "of the run's \(epochs) epochs "
      if leastSquaresEpochs >= epochs {
        lines.append(
          "l2_epochs=\(leastSquaresEpochs): none \(beginning)has the loss of \(system)")
      }
      if residualEpsilonStart > 0 && residualEpsilonEpochs >= epochs {
        lines.append(
          "residual_epsilon_epochs=\(residualEpsilonEpochs): none \(beginning)has "
            + "residual_epsilon")
      }
      return lines
    }

    /// The fall of `residual_epsilon`.
    var schedule: Annealing {
      Annealing(
        from: residualEpsilonStart == 0 ? residualEpsilon : residualEpsilonStart,
        to: residualEpsilon, epochs: residualEpsilonEpochs)
    }

    /// The settings that help against a constant output.
    var cure: String {
      recycling.cure
        ?? (residualEpsilon < 1e-3
          ? "a larger residual_epsilon (1e-3)" : "more epochs, since it begins like this")
        + " and, where much of the image is constant, an epsilon that comes down "
        + "(residual_epsilon_start=1, residual_epsilon=0.01, residual_epsilon_epochs=30)"
    }
  }

  /// The system with an affine decoder.
  static func affine(_ name: String) -> System {
    System(
      name, make: ICVAE.init(affine:image:), loop: Epochs.init, presets: Preset.recycling,
      takesFeatures: true
    ) { settings, _ in settings.model.loss.cure }
  }

  /// The system trained on single passes (iC-VAE), or on its own samples too (RiC-VAE).
  static func system(_ name: String) -> System {
    System(
      name, make: ICVAE.init(_:image:), loop: Epochs.init, presets: Preset.recycling,
      takesFeatures: true
    ) { settings, _ in settings.model.loss.cure }
  }

  /// q(z|x), [B, D] to [B, J].
  public let encoder: GaussianEncoder
  /// [B, J] -> [B, D]; m in [0, 1], or any number for the affine model and for features.
  let decoder: any Network
  /// N, M and their options.
  public let recycling: Recycling
  /// Weight of the KL term.
  public let kl: KLWeight
  let epsilon: Annealing
  let leastSquaresEpochs: Int
  let scale: Float

  private init(
    _ encoder: GaussianEncoder, _ decoder: any Network, _ loss: LossSettings
  ) {
    self.encoder = encoder
    self.decoder = decoder
    recycling = loss.recycling.recycling
    kl = loss.recycling.kl
    epsilon = loss.schedule
    leastSquaresEpochs = loss.leastSquaresEpochs
    scale = loss.recycling.scale
  }

  /// A deep model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  init(_ c: Settings, image: ImageShape) throws {
    let architecture = try Architecture(c.network, image, output: image.output)
    self.init(architecture.gaussianEncoder(c.network.latent), architecture.decoder, c.loss)
  }

  /// The affine model: m(z) = W z + b; means and log-variances of q(z|x) are affine in x.
  init(affine c: AffineSettings, image: ImageShape) {
    let (latent, initialization) = (c.code.latent, c.initialization.initialization)
    self.init(
      GaussianEncoder(
        trunk: Sequential([]), mean: Dense(image.count, latent, initialized: initialization),
        logVariance: Dense(image.count, latent, initialized: initialization)),
      Dense(latent, image.count, initialized: initialization), c.loss)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] { encoder.children + [("decoder", decoder)] }

  /// The decoder's mean, without a variance.
  public func output(_ z: Variable) -> DecodedGaussian { DecodedGaussian(mean: decoder(z)) }

  /// As PyTorch computes the mean image.
  public var torchImages: String? { "decoder(z)" }

  /// sum_j log |x_j - m_j|, smoothed.
  public func misfit(_ residual: Variable, of _: DecodedGaussian, _ step: Step) -> Variable {
    let r = residual.scaled(by: scale)
    return step.epoch < leastSquaresEpochs
      ? r.halfSquares()
      : r.halfLogSquares(epsilon: scale * scale * epsilon.value(epoch: step.epoch))
  }

  /// m + |x - m| e.
  public func recycled(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> Variable {
    output.mean.recycled(residual: residual, noise: noise())
  }
}

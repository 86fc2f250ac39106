import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Variational autoencoder with a Bernoulli decoder, and beta-VAE.
///
/// Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014; beta weights the KL term as in
/// Higgins et al., ICLR 2017 (beta 1 is the VAE). Network and settings follow Ren et al., "Robust
/// Variational Autoencoders". Shapes: B examples, D pixels, J latent dimensions.
///
/// Where the paper and the released code of Ren et al. disagree:
/// - The reconstruction term is the code's Bernoulli likelihood (option `reconstruction_term`,
///   D-03).
/// - Hidden sizes are the paper's (D-04).
/// - z = mu + sigma * epsilon, where several scripts multiply by sigma squared (option `std_mode`,
///   D-05).
public struct VAE: Autoencoder, Generative, Trainable {
  /// The settings of a VAE.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// Weight of the KL term.
    public var kl = KLWeight()
    /// The factor of the code's noise.
    public var standardDeviation = StandardDeviation.sigma
    /// Comparison with the target.
    public var reconstruction = ReconstructionSettings()
    /// Whether the noise of the images is known.
    public var likelihood = LikelihoodSettings()

    /// The defaults.
    public init() {}

    /// Networks, then the loss.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.kl),
      .choice(
        "std_mode", \.standardDeviation,
        "What multiplies the code's noise: sigma, or sigma squared as in some released scripts.",
        "D-05"
      ).formerly("standard_deviation", words: ["variance": "var_bug"]),
      .group(\.reconstruction),
      .group(\.likelihood),
    ]

    /// Checks that the likelihood is one of this model.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      guard likelihood.kind == .gaussian else { return }
      throw ConfigurationError(
        key: "likelihood", found: "gaussian with model=\(system)",
        expected: "noise, or bernoulli for what reconstruction_term says; model=dvae has Gaussians")
    }

    /// Settings that a likelihood of known noise does not read, and networks that cannot follow it.
    public func unreached(_ system: String, epochs: Int) -> [String] {
      guard likelihood.kind == .noise else { return [] }
      var lines: [String] = []
      if reconstruction.term != .bce {
        lines.append(
          "reconstruction_term=\(reconstruction.term.rawValue): likelihood=noise does not read it")
      }
      if likelihood.noise.isOfDeadPixels && network.layers.network == .mlp {
        lines.append(
          "network=mlp: dead pixels are filled from their neighbours by convolutions alone "
            + "(network=conv_bn)")
      }
      return lines
    }

    /// The settings that help against a collapse of a VAE alone.
    func cure(of warning: CollapseWarning) -> String {
      let isCollapse = warning == .posteriorCollapse
      if likelihood.kind == .noise {
        return Cures().or("more steps (epochs, a smaller batch)").or(
          "kl_warmup_epochs=5", unless: kl.warmUpEpochs > 0
        ).text
      }
      return Cures().orLighterKL(kl).orReLU(network.layers, if: isCollapse)
        .or("more epochs", unless: isCollapse && kl.beta >= 1).text
    }
  }

  /// D-05: the factor of the code's noise.
  public enum StandardDeviation: String, CaseIterable, Sendable {
    /// exp(logvar / 2), as the KL term assumes.
    case sigma
    /// exp(logvar), as in several released scripts.
    case variance = "var_bug"
  }

  /// A VAE trained for some epochs.
  static func system(_ name: String) -> System {
    System(
      name, make: VAE.init, loop: Epochs.init,
      presets: Preset.robust + Preset.pipelines + Preset.relatives + Preset.knownNoise
    ) { settings, warning in settings.model.cure(of: warning) }
  }

  let encoder: any Network  // [B, D] -> [B, H]
  let mean: Dense  // [B, H] -> [B, J]
  let logVariance: Dense  // [B, H] -> [B, J]; log sigma^2
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let kl: KLWeight
  let term: ReconstructionSettings
  let exponent: Float
  let noise: NoiseLikelihood?

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Settings, image: ImageShape) throws {
    let architecture = try Architecture(c.network, image)
    encoder = Sequential(architecture.trunk)
    mean = architecture.head(c.network.latent)
    logVariance = architecture.head(c.network.latent)
    decoder = architecture.decoder
    kl = c.kl
    term = c.reconstruction
    exponent = c.standardDeviation == .variance ? 1 : 0.5
    noise = try c.likelihood.throughNoise(image)
    phases = [
      Phase(
        "all",
        updates: ["encoder", "mean", "log_variance", "decoder"]
          + (noise?.isLearned == true ? ["noise"] : []))
    ]
  }

  /// The model of a robust VAE, whose S takes what a likelihood through noise would know.
  ///
  /// - Throws: as `init`; for such a likelihood.
  static func robust(_ c: Settings, image: ImageShape) throws -> VAE {
    guard c.likelihood.kind != .noise else {
      throw ConfigurationError(
        key: "likelihood", found: "noise with model=rvae",
        expected: "bernoulli, since S takes the noise; model=vae knows it")
    }
    return try VAE(c, image: image)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [
      ("encoder", encoder), ("mean", mean), ("log_variance", logVariance), ("decoder", decoder),
    ] + (noise.map { $0.parameters.isEmpty ? [] : [("noise", $0)] } ?? [])
  }

  /// One phase updates all networks, and the level of noise where it is learned.
  public let phases: [Phase]

  /// q(z|x), a diagonal Gaussian, [B, J].
  func posterior(_ x: Variable) -> DiagonalGaussian {
    let h = encoder(x)
    return DiagonalGaussian(mean: mean(h), logVariance: logVariance(h))
  }

  /// Negative evidence lower bound with one sample, beta times its KL; terms in nats per example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let q = posterior(step.corrupted())
    let z = q.sample(step.latentNoise(latent), exponent: exponent)
    let reconstruction = distance(of: step.target, logits: decoder(z))
    let divergence = q.klToStandardNormal()
    step.report(.reconstruction, reconstruction)
    step.report(.kl, divergence)
    noise?.report(to: step)
    return kl.sum(reconstruction, divergence, step)
  }

  /// -log p(x|z), or the term in its place, [B].
  private func distance(of x: Variable, logits: Variable) -> Variable {
    noise?.negativeLogLikelihood(of: x, logits: logits) ?? term.loss(logits: logits, of: x)
  }

  /// Whether the noise is known, or the term is a likelihood: squared errors and divergences are
  /// none.
  public var reportsLogLikelihood: Bool { noise != nil || term.isLogLikelihood }

  /// Whether it is a likelihood of any values.
  public var reportsDensity: Bool {
    noise?.isDensity ?? (term.isLogLikelihood && !term.isOfProbabilities)
  }

  /// Where the noise is known, the decoder starts at the clean mean image.
  public var meanImageParameters: [(Parameter, @Sendable (Float) -> Float)] {
    noise?.meanImageParameters((decoder as? Perceptron)?.layers.last?.bias) ?? []
  }

  /// As set.
  public var warmUpEpochs: Int { kl.warmUpEpochs }

  /// The latent dimensions, J.
  public var latent: Int { mean.bias.shape.count }

  /// Mean and log-variance of q(z|x), [B, J] each.
  public func encode(_ x: Variable) -> Code {
    let q = posterior(x)
    return Code(mean: q.mean, logVariance: q.logVariance)
  }

  /// The decoder's mean, [B, D]: of the clean image where the noise is known.
  public func decode(_ z: Variable) -> Variable {
    noise?.mean(logits: decoder(z)) ?? decoder(z).activated(.sigmoid)
  }

  /// As PyTorch computes it.
  public var torchImages: String? { noise?.torchImages("decoder(z)") ?? "sigmoid(decoder(z))" }

  /// As PyTorch computes it.
  public var torchCode: String? { "mean(encoder(x))" }

  /// The decoder's mean for x, [B, D], from a draw of q(z|x) or from its mean.
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let q = posterior(x)
    return decode(
      sampling
        ? q.sample(step.latentNoise(q.mean.shape.columns), exponent: exponent) : q.mean)
  }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable {
    step.normal(latent, step.purpose)
  }
}

extension VAE: Restoring {
  /// Whether the noise is known.
  public var restores: Bool { noise != nil }

  /// The mean of the clean image given x and a code, [B, D].
  public func restored(_ x: Variable, _ z: Variable) -> Variable {
    noise?.restored(x, logits: decoder(z)) ?? decode(z)
  }
}

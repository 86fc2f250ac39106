import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Variational autoencoder with a gate for each pixel: the chance, given the image, that the pixel
/// is no outlier.
///
/// Eduardo et al., "Robust Variational Autoencoders for Outlier Detection and Repair of Mixed-Type
/// Data", AISTATS 2020, for images. The chances take the place of S and lambda of a robust VAE; the
/// gate is a network, so new images take one pass. Shapes: B examples, D pixels, J latent
/// dimensions.
///
/// An inlier is Gaussian around the decoder's mean, an outlier uniform. The bound of log p(x) has,
/// beside the code's KL, the divergence of the gate's chances from the share of outliers.
///
/// Where this model and the paper disagree:
/// - The share of outliers is given. Learned, it falls towards 0 while the decoder takes the noise
///   (docs/systems.md, 6.8).
/// - The deviation of inliers comes down in the first epochs. A narrow one from the start makes
///   outliers of strokes and noise alike; a very wide one leaves nothing for the code.
/// - L is the mean of the clean pixel by the exact chances, given the code. The gate's own are
///   rougher, but training by the exact ones ends worse: pixels are given up too early.
public struct OutlierVAE: Autoencoder, Generative, Trainable {
  /// The settings of the model.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// Weight of the code's KL term.
    public var kl = KLWeight()
    /// The chance that a pixel is an outlier.
    public var share = 0.25
    /// The standard deviation of inliers, at last and at first.
    public var deviation = 0.2, deviationStart = 0.4
    /// The epochs between them.
    public var deviationEpochs = 10

    /// The defaults.
    public init() {}

    /// Networks, KL, outliers.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.kl),
      .real(
        "outlier_share", \.share, .properShare,
        "The chance that a pixel is an outlier, before the image is seen.", "own, 6.9: 0.25"),
      .real(
        "inlier_deviation", \.deviation, .width,
        "Standard deviation of pixels that are no outliers, around the decoder's mean.",
        "own, 6.9: 0.2"),
      .real(
        "inlier_deviation_start", \.deviationStart, .width,
        "The same in the first epoch, from where it comes down.", "own, 6.9: 0.4"),
      .integer(
        "inlier_deviation_epochs", \.deviationEpochs, 0...1_000_000,
        "Epochs in which it comes down geometrically; 0 for inlier_deviation at once.",
        "own, 6.9: 10"),
    ]

    /// Warnings about a deviation that is never reached.
    public func unreached(_ system: String, epochs: Int) -> [String] {
      deviationEpochs < epochs || deviationEpochs == 0
        ? []
        : [
          "inlier_deviation_epochs=\(deviationEpochs): none of the run's \(epochs) epochs has "
            + "inlier_deviation"
        ]
    }

    /// The settings that help against a collapse.
    var cure: String {
      Cures().or(
        "a narrower beginning (inlier_deviation_start=0.3)", unless: deviationStart <= 0.3
      ).orLighterKL(kl).orReLU(network.layers).text
    }
  }

  /// A model trained for some epochs.
  static func system(_ name: String) -> System {
    System(name, make: OutlierVAE.init, loop: Epochs.init, presets: Preset.outliers) { c, _ in
      c.model.cure
    }
  }

  let encoder: GaussianEncoder  // q(z|x)
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let gate: any Network  // [B, D] -> [B, D]; log odds of inliers less those of the prior
  let kl: KLWeight
  let share: Double
  let deviation: Annealing
  private let narrowingEpochs: Int

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Settings, image: ImageShape) throws {
    let architecture = try Architecture(c.network, image)
    encoder = architecture.gaussianEncoder(c.network.latent)
    decoder = architecture.decoder
    gate = Architecture.pixelwise(c.network, image)
    kl = c.kl
    share = c.share
    narrowingEpochs = c.deviationEpochs
    deviation = Annealing(from: c.deviationStart, to: c.deviation, epochs: c.deviationEpochs)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    encoder.children + [("decoder", decoder), ("gate", gate)]
  }

  /// One phase updates all networks.
  public var phases: [Phase] { [Phase("all", updates: children.map(\.0))] }

  /// Its inliers have densities.
  public var reportsDensity: Bool { true }

  /// Negative bound of log p(x) with one sample, beta times its KL; terms in nats per example.
  ///
  /// `outliers` is the share of pixels that the gates take for outliers.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let x = step.corrupted()
    let q = encoder(x)
    let (reconstruction, outliers) = decoder(q.sample(step.latentNoise(latent)))
      .gatedNegativeLogLikelihood(
        of: step.target, gates: gate(x), self.outliers(epoch: step.epoch))
    let divergence = q.klToStandardNormal()
    step.report(.reconstruction, reconstruction)
    step.report(.kl, divergence)
    step.report(.other("outliers"), sum: outliers / Double(x.shape.columns))
    return kl.sum(reconstruction, divergence, step)
  }

  private func outliers(epoch: Int) -> PixelOutliers {
    PixelOutliers(share: share, deviation: deviation.value(epoch: epoch))
  }

  /// Those of the KL, and half of those in which inliers narrow: a code is worth little before.
  public var warmUpEpochs: Int { max(kl.warmUpEpochs, (narrowingEpochs + 1) / 2) }

  /// The latent dimensions, J.
  public var latent: Int { encoder.latent }

  /// Mean and log-variance of q(z|x), [B, J] each.
  public func encode(_ x: Variable) -> Code {
    let q = encoder(x)
    return Code(mean: q.mean, logVariance: q.logVariance)
  }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }

  /// As PyTorch computes it.
  public var torchImages: String? { "sigmoid(decoder(z))" }

  /// As PyTorch computes it.
  public var torchCode: String? { "mean(encoder(x))" }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable { step.normal(latent, step.purpose) }
}

extension OutlierVAE: Restoring {
  /// It does.
  public var restores: Bool { true }

  /// The mean of the clean image given x and a code, [B, D].
  public func restored(_ x: Variable, _ z: Variable) -> Variable {
    decoder(z).withoutOutliers(x, outliers(epoch: .max))
  }
}

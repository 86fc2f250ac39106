import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Variational autoencoder with a Bernoulli decoder, and beta-VAE.
///
/// Kingma & Welling, "Auto-Encoding Variational Bayes", ICLR 2014; beta weights the KL term as in Higgins et al.,
/// ICLR 2017 (beta 1 is the VAE). Network and settings follow Ren et al., "Robust Variational Autoencoders".
/// Shapes: B examples, D pixels, J latent dimensions.
///
/// Where paper and released code of the latter disagree, the reconstruction term is the code's Bernoulli likelihood
/// (option `reconstruction_term`, D-03), hidden sizes are the paper's (D-04), and z = mu + sigma * epsilon where several
/// scripts multiply by sigma squared (option `std_mode`, D-05).
public struct VAE: Autoencoder {
  let encoder: any Network  // [B, D] -> [B, H]
  let mean: Dense  // [B, H] -> [B, J]
  let logVariance: Dense  // [B, H] -> [B, J]; log sigma^2
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let beta: Float
  let term: Configuration.ReconstructionTerm
  let exponent: Float

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape) throws {
    let architecture = try Architecture(c, image)
    encoder = Sequential(architecture.trunk)
    mean = architecture.head(c.latent)
    logVariance = architecture.head(c.latent)
    decoder = architecture.decoder
    beta = Float(c.beta)
    term = c.reconstructionTerm
    exponent = c.standardDeviation == .variance ? 1 : 0.5
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [
      ("encoder", encoder), ("mean", mean), ("log_variance", logVariance), ("decoder", decoder),
    ]
  }

  /// One phase updates everything.
  public let phases = [Phase("all", updates: ["encoder", "mean", "log_variance", "decoder"])]

  /// q(z|x), a diagonal Gaussian, [B, J].
  func posterior(_ x: Variable) -> DiagonalGaussian {
    let h = encoder(x)
    return DiagonalGaussian(mean: mean(h), logVariance: logVariance(h))
  }

  /// Negative evidence lower bound with one sample, beta times its KL; terms in nats per example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let q = posterior(step.corrupted())
    let z = q.sample(step.latentNoise(mean.bias.shape.count), exponent: exponent)
    let reconstruction = term.loss(logits: decoder(z), of: step.target)
    let kl = q.klToStandardNormal()
    step.report("reconstruction", reconstruction)
    step.report("kl", kl)
    return beta == 1 ? reconstruction + kl : reconstruction + beta * kl
  }

  /// Mean and log-variance of q(z|x), [B, J] each.
  public func encode(_ x: Variable) -> Code {
    let q = posterior(x)
    return Code(mean: q.mean, logVariance: q.logVariance)
  }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }

  /// The decoder's mean for x, [B, D], from a draw of q(z|x) or from its mean.
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let q = posterior(x)
    return decode(
      sampling
        ? q.sample(step.latentNoise(q.mean.shape.columns), exponent: exponent) : q.mean)
  }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable {
    step.normal(mean.bias.shape.count, step.purpose)
  }
}

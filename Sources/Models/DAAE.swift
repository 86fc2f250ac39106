import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import Training

/// Adversarial autoencoder (Makhzani et al., 2015) and denoising adversarial autoencoder (Creswell & Bharath, "Denoising
/// Adversarial Autoencoders"): an AAE is a DAAE without noise.
///
/// Shapes: B examples, D pixels, J latent dimensions. A step has the paper's three phases in the paper's order (D-28):
/// reconstruction of the clean x from a corrupted x~ (encoder, decoder), discriminator, encoder against the
/// discriminator. x~ is drawn once a step and shared by the phases.
///
/// Departs from the printed algorithm as the authors' code does: the generator loss is non-saturating (option
/// `generator_loss`, D-27). The reconstruction loss is the mean over pixels and batch.
public struct DAAE: Autoencoder {
  let encoder: any Network  // [B, D] -> [B, J]
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let discriminator: Perceptron  // [B, J] -> [B, 1]; logit of "from the prior"
  let priorDistribution: LatentPrior
  let saturating: Bool
  let latent: Int

  private static let fakeCodes = 0

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape) throws {
    latent = c.latent
    let architecture = try Architecture(c, image)
    encoder = Sequential(architecture.trunk + [(architecture.head(latent), 1)])
    decoder = architecture.decoder
    discriminator = Perceptron(
      [latent] + c.discriminatorHidden + [1], c.activation, last: .identity)
    priorDistribution =
      c.prior == .gmm10 ? .mixtureOnCircle(radius: Float(c.gmmRadius)) : .gaussian
    saturating = c.generatorLoss == .saturating
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("encoder", encoder), ("decoder", decoder), ("discriminator", discriminator)]
  }

  /// The paper's order.
  public let phases = [
    Phase("reconstruction", updates: ["encoder", "decoder"]),
    Phase("discriminator", updates: ["discriminator"]),
    Phase("encoder_prior", updates: ["encoder"]),
  ]

  /// The loss of one phase, [B]; terms in nats per example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    switch phase {
    case 0:
      let x = step.target
      let logits = decoder(encoder(step.corrupted()))
      let loss =
        (1 / Float(x.shape.columns)) * logits.bernoulliNegativeLogLikelihood(of: x)
      step.report("reconstruction", loss)
      return loss
    case 1:
      let fake = encoder(step.corrupted())
      step.keep(fake, Self.fakeCodes)
      let rows = fake.shape.rows
      let logits = discriminator(prior(step).stacked(over: fake.detached()))
      let loss =
        logits.rows(0..<rows).softplus(sign: -1) + logits.rows(rows..<2 * rows).softplus(sign: 1)
      step.report("discriminator", loss)
      return loss
    default:
      let logits = discriminator(step.kept(Self.fakeCodes))
      let loss = saturating ? -1 * logits.softplus(sign: 1) : logits.softplus(sign: -1)
      step.report("encoder_prior", loss)
      return loss
    }
  }

  /// Codes of x, [B, J].
  public func encode(_ x: Variable) -> Code { Code(mean: encoder(x)) }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }

  /// Codes from the prior, [B, J].
  public func prior(_ step: Step) -> Variable { priorDistribution.sample(latent, step) }
}

/// A prior of codes that can be sampled (systems.md 7.5).
public enum LatentPrior: Sendable, Equatable {
  /// N(0, I).
  case gaussian
  /// Ten equally likely Gaussians of standard deviation 0.5 in two dimensions, their means evenly on a circle around
  /// the origin (radius 4 in the paper; 4 sqrt(2) in the released code, D-30).
  case mixtureOnCircle(radius: Float)

  /// A draw for each row of the step, [B, dimensions].
  public func sample(_ dimensions: Int, _ step: Step) -> Variable {
    let purpose = step.purpose == .latent ? Purpose.prior : step.purpose
    let z = step.normal(dimensions, purpose)
    guard case .mixtureOnCircle(let radius) = self else { return z }
    precondition(dimensions == 2, "the mixture prior has two dimensions")
    let choice = Draws(seed: step.seed, purpose: purpose, time: step.time, pass: 1)
    for (i, row) in step.rows.enumerated() {
      let component = choice.integer(below: 10, row: Int(row), element: 0)
      let angle = 2 * Float.pi * Float(component) / 10
      z.pointer[2 * i] = 0.5 * z.pointer[2 * i] + radius * cos(angle)
      z.pointer[2 * i + 1] = 0.5 * z.pointer[2 * i + 1] + radius * sin(angle)
    }
    return z
  }
}

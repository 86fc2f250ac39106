import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Autoencoder, and denoising autoencoder (Vincent et al., "Extracting and Composing Robust Features with Denoising
/// Autoencoders", ICML 2008): a DAE without noise is an AE.
///
/// Shapes: B examples, D pixels, J latent dimensions. It is the VAE of the same settings with its mean alone: no KL, no
/// sampling, and clean x reconstructed from x~ = C(x) drawn at each step. The reconstruction term is the
/// VAE's (option `reconstruction_term`): bce beside the RVAE and DAAE families, mse beside the RiC-VAE's.
///
/// No prior is enforced, so codes of N(0, I) only start the chain x -> D(E(C(x))) (systems.md 7.6).
public struct AE: Autoencoder {
  let encoder: any Network  // [B, D] -> [B, H]
  let mean: Dense  // [B, H] -> [B, J]; the code
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let term: Configuration.ReconstructionTerm
  let testPasses: Int

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape) throws {
    let architecture = try Architecture(c, image)
    encoder = Sequential(architecture.trunk)
    mean = architecture.head(c.latent)
    decoder = architecture.decoder
    term = c.reconstructionTerm
    testPasses = c.testPasses
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("encoder", encoder), ("mean", mean), ("decoder", decoder)]
  }

  /// One phase updates everything.
  public let phases = [Phase("all", updates: ["encoder", "mean", "decoder"])]

  /// The reconstruction term of clean x from x~, [B].
  public func loss(phase: Int, _ step: Step) -> Variable {
    let loss = term.loss(logits: decoder(mean(encoder(step.corrupted()))), of: step.target)
    step.report("reconstruction", loss)
    return loss
  }

  /// Codes, [B, J].
  public func encode(_ x: Variable) -> Code { Code(mean: mean(encoder(x))) }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { decoder(z).activated(.sigmoid) }

  /// The last image of M passes, each of which takes what the one before made of it, as the RiC-VAE paper asks its
  /// baselines, [B, D].
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    (0..<testPasses).reduce(x) { image, _ in decode(mean(encoder(image))) }
  }

  /// Codes from N(0, I), [B, J], which nothing here was matched to.
  public func prior(_ step: Step) -> Variable {
    step.normal(mean.bias.shape.count, step.purpose)
  }

  /// Nobody can say.
  public var chainSteps: Int? { nil }
}

import Autodiff
import Datasets
import Layers
import Training

/// Adversarial autoencoder (Makhzani et al., 2015) and denoising adversarial autoencoder (Creswell & Bharath, "Denoising
/// Adversarial Autoencoders"): an AAE is a DAAE without noise.
///
/// Shapes: B examples, D pixels, J latent dimensions. A step reconstructs the clean x from a corrupted x~ = C(x) and matches
/// q(z|x~), the codes E(x~), to the prior p(z). x~ is drawn once a step and shared by the phases.
///
/// Departs from the printed algorithm as the authors' code does: the generator loss is non-saturating (option
/// `generator_loss`, D-27). The reconstruction loss is the mean over pixels and batch.
public struct DAAE: AdversarialAutoencoder {
  let game: CodeGame
  /// One step of the chain where x~ differs from x (7.6: the decoder has seen codes of corrupted images).
  public let chainSteps: Int

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: CodeGame.Settings, _ common: CommonSettings, image: ImageShape) throws {
    game = try CodeGame(c, image)
    chainSteps = common.data.noise.isNone ? 0 : 1
  }

  /// Without noise.
  static let aae = system("aae")
  /// With noise drawn at each step.
  static let daae = system("daae")

  private static func system(_ name: String) -> System {
    System(
      name, make: DAAE.init, loop: Epochs.init, presets: Preset.adversarial
    ) { $0.model.cure(of: $1) }
  }

  /// E(x~), [B, J].
  func reconstructedCode(_ step: Step, round: Int) -> Variable {
    game.encoder(step.corrupted(pass: round))
  }

  /// E(x~) by the encoder as it is now, [B, J].
  func matchedCode(_ step: Step, round: Int) -> Variable {
    reconstructedCode(step, round: round)
  }
}

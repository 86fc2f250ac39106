import Autodiff
import Datasets
import Layers
import Training

/// Denoising adversarial autoencoder, and adversarial autoencoder, which is a DAAE without noise.
///
/// Makhzani et al., 2015 (AAE); Creswell & Bharath, "Denoising Adversarial Autoencoders" (DAAE).
/// Shapes: B examples, D pixels, J latent dimensions.
/// A step reconstructs the clean x from a corrupted x~ = C(x) and matches q(z|x~), the codes E(x~),
/// to the prior p(z). Each step draws x~ once, and the phases share it.
///
/// Departs from the printed algorithm as the authors' code does: the generator loss is
/// non-saturating (option `generator_loss`, D-27). The reconstruction loss is the mean over pixels
/// and batch.
public struct DAAE: AdversarialAutoencoder {
  let game: CodeGame
  /// One step of the chain where x~ differs from x, because the decoder has seen codes of corrupted
  /// images (docs/systems.md, 7.6).
  public let chainSteps: Int

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: CodeGame.Settings, _ common: CommonSettings, image: ImageShape) throws {
    game = try CodeGame(c, image)
    chainSteps = common.data.noise.isNone ? 0 : 1
  }

  /// An adversarial autoencoder trained for some epochs, with or without noise.
  static func system(_ name: String) -> System {
    System(
      name, make: DAAE.init, loop: Epochs.init, presets: Preset.adversarial
    ) { $0.model.players.cure(of: $1) }
  }

  /// E(x~), [B, J].
  func reconstructedCode(_ step: Step, round: Int) -> Variable {
    game.encoder(step.corrupted(repetition: round))
  }

  /// E(x~) by the present encoder, [B, J].
  func matchedCode(_ step: Step, round: Int) -> Variable {
    reconstructedCode(step, round: round)
  }
}

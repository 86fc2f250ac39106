import Autodiff
import Datasets
import Layers
import Training

/// Integrating denoising adversarial autoencoder, iDAAE(M) (Creswell & Bharath, "Denoising Adversarial Autoencoders").
///
/// Shapes: B examples, D pixels, J latent dimensions. As the DAAE it reconstructs x from one corrupted x~. What it matches
/// to the prior is approx_z(x), the mean of the codes of M corrupted copies of x: gradients flow through all M
/// encodings, which are one product of M B rows. Averaging codes is not the integral over q(z|x~) that the name speaks
/// of: the prior is matched by a variance-reduced mean code.
///
/// The M copies are drawn apart from the reconstructed one (option `share_noise`: the first of them is that one, so that
/// M = 1 is the DAAE). With `idaae` = images the M copies themselves are averaged, and their mean is encoded both to
/// be reconstructed and to be matched, as in the authors' CelebA release (D-29).
public struct IDAAE: AdversarialAutoencoder {
  let game: CodeGame
  private let copies: Int  // M
  private let averaging: Configuration.Averaging
  private let sharesNoise: Bool

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape) throws {
    game = try CodeGame(c, image)
    copies = c.averagedCopies
    averaging = c.idaae
    sharesNoise = c.shareNoise || c.idaae == .images
  }

  /// E(x~), [B, J]: of one corrupted copy, or of the mean of M.
  func reconstructedCode(_ step: Step, round: Int) -> Variable {
    switch averaging {
    case .codes: game.encoder(step.corrupted(pass: round))
    case .images: matchedCode(step, round: round)
    }
  }

  /// approx_z(x) = (1 / M) sum of E(x~_j), [B, J]; or E of the mean of the x~_j.
  func matchedCode(_ step: Step, round: Int) -> Variable {
    let first = sharesNoise ? 0 : 1
    let corrupted = step.corruptedCopies(
      (first..<first + copies).map { round + CodeGame.rounds * $0 })
    return switch averaging {
    case .codes: game.encoder(corrupted).mean(ofParts: copies)
    case .images: game.encoder(corrupted.mean(ofParts: copies))
    }
  }
}

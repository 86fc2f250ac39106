import Autodiff
import Datasets
import Layers
import Training

/// Integrating denoising adversarial autoencoder, iDAAE(M) (Creswell & Bharath, "Denoising
/// Adversarial Autoencoders").
///
/// Shapes: B examples, D pixels, J latent dimensions. Like the DAAE, it reconstructs x from one
/// corrupted x~.
/// It matches approx_z(x) to the prior: the mean of the codes of M corrupted copies of x. Gradients
/// flow through all M encodings, which are one product of M B rows.
/// An average of codes is not the integral over q(z|x~) that the name promises: the prior is
/// matched by a mean code of smaller variance.
///
/// The M copies are drawn separately from the reconstructed copy. With option `share_noise` the
/// first of them is the reconstructed copy, so that M = 1 is the DAAE.
/// With `idaae` = images the M copies themselves are averaged. The code of their mean is both
/// reconstructed and matched, as in the authors' CelebA release (D-29).
public struct IDAAE: AdversarialAutoencoder {
  /// The settings of an iDAAE.
  public struct Settings: SettingsGroup {
    /// The settings of all adversarial autoencoders.
    public var game = CodeGame.Settings()
    /// M, the number of corrupted copies of each image; their codes (or the copies) are averaged.
    public var averagedCopies = 5
    /// The averaged values.
    public var idaae = Averaging.codes
    /// Whether the first copy is the corrupted image that is reconstructed.
    public var shareNoise = false

    /// The defaults.
    public init() {}

    /// The game, then the average.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.game),
      .integer(
        "averaged_copies", \.averagedCopies, 1...1024,
        "M of iDAAE: corrupted copies of an image that make one code for the prior.",
        "7.1 [P]: 5, 25"),
      .choice(
        "idaae", \.idaae, "What iDAAE averages: the codes of the copies, or the copies.",
        "D-29 [P]: codes"),
      .flag(
        "share_noise", \.shareNoise,
        "The first of iDAAE's copies is the image that is reconstructed.",
        "X31; 7.3 [P]: drawn anew"),
    ]
  }

  /// D-29: the values that iDAAE averages over its M copies.
  public enum Averaging: String, CaseIterable, Sendable {
    /// The codes of the copies, as in the paper.
    case codes
    /// The corrupted images themselves, as in the authors' CelebA release.
    case images
  }

  /// An iDAAE trained for some epochs.
  static func system(_ name: String) -> System {
    System(
      name, make: IDAAE.init, loop: Epochs.init, presets: Preset.adversarial
    ) { $0.model.game.players.cure(of: $1) }
  }

  let game: CodeGame
  private let copies: Int  // M
  private let averaging: Averaging
  private let sharesNoise: Bool

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Settings, image: ImageShape) throws {
    game = try CodeGame(c.game, image)
    copies = c.averagedCopies
    averaging = c.idaae
    sharesNoise = c.shareNoise || c.idaae == .images
  }

  /// E(x~), [B, J]: the code of one corrupted copy, or of the mean of M copies.
  func reconstructedCode(_ step: Step, round: Int) -> Variable {
    switch averaging {
    case .codes: game.encoder(step.corrupted(repetition: round))
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

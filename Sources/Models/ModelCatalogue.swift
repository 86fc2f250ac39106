import Datasets
import Layers
import Training

/// A system that can be trained, by its name in configurations.
public struct CatalogueEntry: Sendable {
  /// The value of the key `model`.
  public let name: String
  /// Whether it keeps S and R for each row.
  public let splits: Bool
  /// A model of such images.
  ///
  /// Throws `ConfigurationError` for settings that do not fit the images.
  public let make: @Sendable (Configuration, ImageShape) throws -> any GenerativeModel
  /// Trains from where the trainer stands to the end.
  ///
  /// Collective.
  public let fit: @Sendable (Trainer) throws -> RunOutcome
}

/// All systems.
public enum ModelCatalogue {
  /// One line a system.
  public static let entries = [
    CatalogueEntry(name: "vae", splits: false, make: VAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "rvae", splits: true, make: VAE.init(_:image:), fit: RobustLoop.fit),
    CatalogueEntry(name: "rda", splits: true, make: AE.init(_:image:), fit: RobustLoop.fit),
    CatalogueEntry(name: "ae", splits: false, make: AE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "dae", splits: false, make: AE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "aae", splits: false, make: DAAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "iwae", splits: false, make: DVAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "dvae", splits: false, make: DVAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "diwae", splits: false, make: DVAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "daae", splits: false, make: DAAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "idaae", splits: false, make: IDAAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "gan", splits: false, make: GAN.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "dcgan", splits: false, make: DCGAN.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "l2-vae", splits: false, make: L2VAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "r-l2-vae", splits: false, make: L2VAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "lc-vae", splits: false, make: LCVAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(name: "rlc-vae", splits: false, make: LCVAE.init(_:image:), fit: fitEpochs),
    CatalogueEntry(
      name: "ic-vae", splits: false, make: { try ICVAE($0, image: $1) }, fit: fitEpochs),
    CatalogueEntry(
      name: "ric-vae", splits: false, make: { try ICVAE($0, image: $1) }, fit: fitEpochs),
    CatalogueEntry(
      name: "ic-affine", splits: false, make: { try ICVAE($0, image: $1, isAffine: true) },
      fit: fitEpochs),
    CatalogueEntry(
      name: "ic-affine-em", splits: true, make: AffineICVAE.init(_:image:), fit: AffineICVAE.fit),
  ]

  /// The system that a configuration names.
  ///
  /// - Throws: `ConfigurationError` that names the nearest known one.
  public static func entry(_ c: Configuration) throws -> CatalogueEntry {
    guard let entry = entries.first(where: { $0.name == c.model }) else {
      throw ConfigurationError(
        key: "model", found: c.model, expected: entries.map(\.name).joined(separator: ", "))
    }
    return entry
  }

  /// Trains for the configured epochs.
  @Sendable private static func fitEpochs(_ trainer: Trainer) throws -> RunOutcome {
    try trainer.fit(epochs: trainer.configuration.epochs) ? .finished : trainer.interruption
  }
}

/// The formats that `cleave import` reads.
public enum ImporterCatalogue {
  /// All of them, in the order of the help text.
  public static let importers: [any Importer.Type] = [
    MNISTImporter.self,
    CelebAImporter.self,
    FreyImporter.self,
    OmniglotImporter.self,
    SpritesImporter.self,
    ImageImporter.self,
  ]

  /// The words for them.
  public static var formats: [String] { importers.map { $0.format } }

  /// The importer of a format; nil where there is none.
  public static func importer(of format: String) -> (any Importer.Type)? {
    importers.first { $0.format == format }
  }
}

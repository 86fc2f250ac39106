/// The formats that `cleave import` reads.
public enum ImporterCatalogue {
  /// All importers, in the order of the help text.
  public static var importers: [any Importer.Type] {
    [
      MNISTImporter.self,
      CelebAImporter.self,
      FreyImporter.self,
      OmniglotImporter.self,
      SpritesImporter.self,
      ImageImporter.self,
      HDF5Importer.self,
      ArrayImporter.self,
      FeatureImporter.self,
    ]
  }

  /// The formats' words on the command line.
  public static var formats: [String] { importers.map { $0.format } }

  /// The importer of a format; nil for an unknown format.
  public static func importer(of format: String) -> (any Importer.Type)? {
    importers.first { $0.format == format }
  }
}

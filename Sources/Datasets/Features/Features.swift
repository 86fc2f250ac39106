import HDF5
import Support

/// Rows of features in a file: `[N, D]` float32, whose attribute `kind` says so (docs/files.md).
///
/// Their values are any finite numbers. They are no pictures: nothing clips, draws or rounds them.
enum Features {
  /// The attribute of a dataset that says what its values are.
  static let attribute = "kind"
  /// Its value for features.
  static let kind = "features"
  /// The numbers that a row may have: as many as a side of an image.
  static let counts = 1...1 << 16

  /// The shape of a row of a dataset of Cleave; nil for images.
  ///
  /// - Throws: `DatasetError` for values of a kind that is not known, and for features that are no
  ///   floats [N, D]; `HDF5Error`.
  static func shape(of dataset: Dataset) throws -> ImageShape? {
    let path = dataset.file.path
    guard let found = try dataset.file.stringAttribute(attribute, on: dataset.path) else {
      return nil
    }
    guard found == kind else {
      throw DatasetError.mismatch(
        file: path, item: "\(dataset.path)@\(attribute)", found: found, expected: kind)
    }
    guard dataset.type == .float32 || dataset.type == .float64, dataset.shape.count == 2,
      counts.contains(dataset.shape[1])
    else {
      throw DatasetError.mismatch(
        file: path, item: dataset.path, found: "\(dataset.type) \(dataset.shape)",
        expected: "features: float32 [N, D] with D from 1 to \(counts.upperBound)")
    }
    return ImageShape(features: dataset.shape[1])
  }

  /// Refuses options that describe images.
  ///
  /// - Throws: `DatasetError.option` for the first of them.
  static func check(_ options: ImageSetOptions, of dataset: Dataset) throws(DatasetError) {
    let given: [(String, String?)] = [
      ("--layout", options.layout == .nhwc ? nil : options.layout.rawValue),
      ("--shape", options.shape.map { $0.map(String.init).joined(separator: ",") }),
      ("--scale", options.scale.map { "\($0)" }),
    ]
    for case (let option, let found?) in given {
      throw .option(
        option, found: found,
        expected: "none, as \(dataset.path) of \(dataset.file.path) holds features")
    }
  }
}

extension File {
  /// Notes that a dataset holds features, where its rows have such a shape.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  public func note(kindOf shape: ImageShape, on path: String) throws(HDF5Error) {
    if shape.isFeatures { try write(attribute: Features.attribute, on: path, Features.kind) }
  }
}

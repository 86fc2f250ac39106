import Datasets
import Foundation
import HDF5
import Inception
import Statistics
import Support

/// A file that keeps the mean and the covariance of the features of clean images, so that these need
/// not be computed again.
///
/// `/mean` float64 [F] and `/covariance` float64 [F, F]; attributes `format` = "cleave-features",
/// `version` = 1, `fingerprint`: what they are of.
struct FeatureStatisticsFile {
  private static let format = "cleave-features"
  let path: String

  /// Reads the statistics; nil where there is no file.
  ///
  /// - Throws: `HDF5Error`; `DatasetError` for a file of another kind, or of another fingerprint.
  func read(_ fingerprint: String, width: Int) throws -> FeatureGaussian? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try File.open(path)
    func refuse(_ item: String, _ found: String, _ expected: String) -> DatasetError {
      .mismatch(file: path, item: item, found: found, expected: expected)
    }
    let format = try file.stringAttribute("format", on: "/")
    guard format == Self.format else {
      throw refuse("format", format ?? "none", Self.format + "; name another file by --reference")
    }
    let found = try file.stringAttribute("fingerprint", on: "/") ?? "none"
    guard found == fingerprint else {
      throw refuse("fingerprint", found, fingerprint + "; name another file by --reference")
    }
    func values(_ name: String, _ shape: [Int]) throws -> [Double] {
      try file.checkLinks(to: name)
      guard file.isDataset(name) else { throw refuse(name, "none", "float64 \(shape)") }
      let dataset = try file.dataset(name)
      guard dataset.type == .float64, dataset.shape == shape else {
        throw refuse(name, "\(dataset.type) \(dataset.shape)", "float64 \(shape)")
      }
      let values = try dataset.readAll(as: Double.self)
      guard values.allSatisfy(\.isFinite) else {
        throw refuse(name, "numbers that are not finite", "finite ones")
      }
      return values
    }
    return FeatureGaussian(
      mean: try values("/mean", [width]), covariance: try values("/covariance", [width, width]))
  }

  /// Writes the statistics.
  ///
  /// - Throws: errors of writing the file.
  func write(_ gaussian: FeatureGaussian, _ fingerprint: String) throws {
    let width = gaussian.dimensions
    try DatasetWriter.writeFile(path, force: false) { file in
      try file.createDataset("/mean", .float64, shape: [width]).write(gaussian.mean)
      try file.createDataset("/covariance", .float64, shape: [width, width])
        .write(gaussian.covariance)
      try file.write(attribute: "format", on: "/", Self.format)
      try file.write(attribute: "version", on: "/", 1)
      try file.write(attribute: "fingerprint", on: "/", fingerprint)
    }
  }
}

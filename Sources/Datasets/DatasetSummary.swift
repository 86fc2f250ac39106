import HDF5

/// The content of a data set file, as `cleave info` prints it.
public struct DatasetSummary: Codable, Equatable, Sendable {
  /// `cleave-dataset`.
  public let format: String
  /// The name of the data set.
  public let name: String?
  /// The source of the data set.
  public let source: String?
  /// The extents of every dataset by split and name: `splits["train"]["images"] == [N, H, W, C]`.
  public let splits: [String: [String: [Int]]]
  /// The SPEC of the corruption of each split whose images carry one.
  public let noise: [String: String]

  /// Reads the summary of a file.
  ///
  /// - Throws: `HDF5Error` if the file cannot be read; `DatasetError` if it is not a data set of
  ///   Cleave.
  public init(of path: String) throws {
    let file = try File.open(path)
    let format = try file.stringAttribute("format", on: "/")
    guard let format, format == DatasetWriter.format else {
      throw DatasetError.mismatch(
        file: path, item: "format", found: format ?? "none", expected: DatasetWriter.format)
    }
    self.format = format
    name = try file.stringAttribute("name", on: "/")
    source = try file.stringAttribute("source", on: "/")
    var splits: [String: [String: [Int]]] = [:]
    var noise: [String: String] = [:]
    for group in try file.children(of: "/") where file.isGroup("/" + group) {
      var extents: [String: [Int]] = [:]
      for child in try file.children(of: "/" + group) where file.isDataset("/\(group)/\(child)") {
        extents[child] = try file.dataset("/\(group)/\(child)").shape
      }
      splits[group] = extents
      if extents["images"] != nil {
        noise[group] = try file.stringAttribute("noise", on: "/\(group)/images")
      }
    }
    self.splits = splits
    self.noise = noise
  }
}

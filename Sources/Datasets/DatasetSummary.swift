import HDF5

/// What a data set file holds, as `cleave info` prints it.
public struct DatasetSummary: Codable, Equatable, Sendable {
  /// `cleave-dataset`.
  public let format: String
  /// What the data set is called.
  public let name: String?
  /// Where it comes from.
  public let source: String?
  /// The extents of every dataset by split and name: `splits["train"]["images"] == [N, H, W, C]`.
  public let splits: [String: [String: [Int]]]
  /// The SPEC of the corruption of each split whose images carry one.
  public let noise: [String: String]

  /// Reads the summary of a file.
  ///
  /// - Throws: `HDF5Error` where the file cannot be read; `DatasetError` where it is no data set of
  ///   Cleave's.
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

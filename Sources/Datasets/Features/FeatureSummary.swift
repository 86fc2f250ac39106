import HDF5
import Support

/// What a split of features holds, as `cleave info` prints it.
public struct FeatureSummary: Sendable {
  /// A class and its number of rows.
  public struct Label: Equatable, Sendable {
    /// The name of the class, or its number.
    public let name: String
    /// Its rows.
    public let count: Int
  }

  /// The number of rows, N.
  public let rows: Int
  /// The number of features, D.
  public let columns: Int
  /// How they were scaled.
  public let scaling: FeatureScaling.Kind
  /// The groups of the rows; empty where there are none.
  public let groups: [RowGroups.Group]
  /// The classes of the rows, in the order of their numbers; empty without labels.
  public let labels: [Label]

  /// Reads the summary of a split; nil where it holds no features.
  ///
  /// - Throws: `HDF5Error` if the file cannot be read; `DatasetError` for parts that do not fit.
  public init?(of path: String, split: String) throws {
    let file = try File.open(path)
    guard let scaling = try FeatureScaling(of: split, in: file) else { return nil }
    let shape = try file.dataset("/\(split)/images").shape
    (rows, columns) = (shape[0], shape[1])
    self.scaling = scaling.kind
    groups = try RowGroups(of: split, in: file, rows: shape[0])?.groups ?? []
    labels = try Self.labels(of: split, in: file)
  }

  private static func labels(of split: String, in file: File) throws -> [Label] {
    guard file.isDataset("/\(split)/labels") else { return [] }
    var counts: [Int32: Int] = [:]
    for label in try file.dataset("/\(split)/labels").readAll(as: Int32.self) {
      counts[label, default: 0] += 1
    }
    let names =
      file.isDataset("/label_names") ? try file.dataset("/label_names").readStrings() : []
    return counts.sorted { $0.key < $1.key }.map { number, count in
      let place = Int(number)
      return Label(
        name: names.indices.contains(place) ? names[place] : "\(number)", count: count)
    }
  }
}

import HDF5
import Support

/// The groups of a split's rows, such as the queries of an image search: each may be trained on by
/// itself.
///
/// A file has `/SPLIT/groups`, int32 [N], and `/group_names`, a name for each number.
public struct RowGroups: Sendable {
  /// A group.
  public struct Group: Equatable, Sendable {
    /// Its name.
    public let name: String
    /// Its rows in the split.
    public let count: Int

    /// A group from its parts.
    public init(name: String, count: Int) {
      self.name = name
      self.count = count
    }
  }

  /// The groups that have rows, in the order of their numbers.
  public let groups: [Group]
  /// The name of each row's group.
  public let ofRows: [String]
  private let file: String
  private let split: String

  /// Reads the groups of a split of a data set.
  ///
  /// - Returns: nil where it has none.
  /// - Throws: `HDF5Error` for a file that cannot be read; `DatasetError` for numbers without a
  ///   name, and for a data set without the split.
  public init?(of path: String, split: Split = .train) throws {
    let file = try File.open(path)
    let images = "/\(split.rawValue)/images"
    guard file.isDataset(images) else {
      throw DatasetError.mismatch(
        file: path, item: images, found: "no such dataset",
        expected: "rows with groups (cleave import features --groups)")
    }
    let rows = try file.dataset(images).shape.first ?? 0
    try self.init(of: split.rawValue, in: file, rows: rows)
  }

  /// Reads the groups of the `rows` rows of a split; nil where it has none.
  init?(of split: String, in file: File, rows: Int) throws {
    let (place, table) = ("/\(split)/groups", "/group_names")
    try file.checkLinks(to: place)
    guard file.isDataset(place) else { return nil }
    let numbers = try file.dataset(place)
    guard numbers.shape == [rows], [.int32, .int64, .uint8].contains(numbers.type) else {
      throw DatasetError.mismatch(
        file: file.path, item: place, found: "\(numbers.type) \(numbers.shape)",
        expected: "int32 [\(rows)], one for each row")
    }
    let values = try numbers.readAll(as: Int32.self)
    try file.checkLinks(to: table)
    let names = try file.dataset(table).readStrings()
    guard let last = values.max(), let first = values.min(), first >= 0, last < names.count else {
      throw DatasetError.mismatch(
        file: file.path, item: place, found: "groups \(values.min() ?? 0) to \(values.max() ?? 0)",
        expected: "0 to \(names.count - 1), as there are \(names.count) names in \(table)")
    }
    var counts = [Int](repeating: 0, count: names.count)
    for value in values { counts[Int(value)] += 1 }
    groups = zip(names, counts).filter { $1 > 0 }.map { Group(name: $0, count: $1) }
    ofRows = values.map { names[Int($0)] }
    self.file = file.path
    self.split = split
  }

  /// The rows of a group.
  ///
  /// - Throws: `DatasetError.option` for a name that no group has.
  func selection(_ name: String) throws(DatasetError) -> RowSelection {
    guard groups.contains(where: { $0.name == name }) else {
      throw .option(
        "group", found: name,
        expected: "a group of \(file), \(split): "
          + Quantity.list(groups.map(\.name), atMost: 8)
          + Spelling.hint(for: name, in: groups.map(\.name)))
    }
    return RowSelection(
      group: name, rows: ofRows.indices.filter { ofRows[$0] == name }, total: ofRows.count)
  }

  /// The rows of a group of a split.
  ///
  /// - Throws: `DatasetError` for a split without groups, and for a name that no group has.
  static func selection(
    _ name: String, of split: String, in file: File, rows: Int
  ) throws -> RowSelection {
    guard let groups = try RowGroups(of: split, in: file, rows: rows) else {
      throw DatasetError.mismatch(
        file: file.path, item: "/\(split)/groups", found: "no such dataset",
        expected: "groups, of which \(name) is one (cleave import features --groups)")
    }
    return try groups.selection(name)
  }
}

/// The rows of a split that a set of images holds, in their order.
public struct RowSelection: Equatable, Sendable {
  /// The group that they are.
  public let group: String
  /// Their numbers in the split.
  public let rows: [Int]
  /// The rows of the split.
  public let total: Int

  /// The first of them.
  func prefix(_ n: Int) -> RowSelection {
    RowSelection(group: group, rows: Array(rows.prefix(n)), total: total)
  }
}

extension ImageSet {
  /// A set of some rows of this set, copied into memory with their labels and clean images.
  ///
  /// Traps if a row is not in `heldRows`, or the rows are derived.
  func selecting(_ selection: RowSelection) -> ImageSet {
    let size = shape.count * format.size
    let copied = PixelMemory(allocating: selection.rows.count * size)
    for (place, row) in selection.rows.enumerated() {
      guard let start = stored(row..<row + 1).baseAddress else { continue }
      (copied.start + place * size).copyMemory(from: start, byteCount: size)
    }
    let rows = Quantity.count(selection.rows.count, shape.rowName)
    return ImageSet(
      path: path, split: split, shape: shape, count: selection.rows.count,
      heldRows: 0..<selection.rows.count, format: format, memory: copied,
      labels: labels.map { labels in selection.rows.map { labels[$0] } },
      clean: clean?.selecting(selection), noise: noise, scale: scale, dataset: dataset,
      files: files,
      reading: reading.map { "\($0); of these the \(rows) of the group \(selection.group)" },
      selection: selection)
  }
}

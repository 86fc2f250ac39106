import HDF5
import Support

/// Labels, groups and names of the rows of features, joined over the sources of each split.
struct FeatureAsides {
  /// The label of each row.
  let labels: [Split: [Int32]]
  /// The name of each class, where labels are text.
  let classes: [String]
  /// The place of each row's group among `groupNames`.
  let groups: [Split: [Int32]]
  /// The names of the groups, in order.
  let groupNames: [String]
  private let names: [Split: [String]]

  /// Reads what stands beside the rows.
  ///
  /// Several sources of a split without groups are groups themselves.
  ///
  /// - Throws: `DatasetError` for values that are no labels or groups, and where some sources of a
  ///   split have them and others have not; `HDF5Error`.
  init(_ sources: [(split: Split, of: [FeatureParts.Source])], files: String) throws {
    var columns: [CSVTable.Aside: [Split: [any NumberArray]]] = [:]
    for (split, of) in sources {
      for aside in CSVTable.Aside.allCases {
        let found = of.compactMap { $0.asides[aside] }
        guard let odd = found.first else { continue }
        guard found.count == of.count else {
          let bare = of.first { $0.asides[aside] == nil }?.rows
          throw DatasetError.mismatch(
            file: bare?.file ?? files, item: bare?.name ?? split.rawValue,
            found: "rows without \(aside.rawValue)",
            expected: "\(aside.rawValue) in all sources, as \(odd.file) has some "
              + "(\(aside.option) none leaves them out)")
        }
        columns[aside, default: [:]][split] = found
      }
    }
    (labels, classes) = try Self.labels(columns[.labels] ?? [:])
    names = try (columns[.names] ?? [:]).mapValues { try $0.flatMap { try $0.strings() } }
    var words = try (columns[.groups] ?? [:]).mapValues { try $0.flatMap(Self.groups) }
    for (split, of) in sources where words[split] == nil && of.count > 1 {
      words[split] = of.flatMap { Array(repeating: Self.name(of: $0.rows), count: $0.count) }
    }
    let all = Set(words.values.joined())
    let areNumbers = all.allSatisfy { Int($0) != nil }
    let ordered =
      areNumbers
      ? all.sorted { (Int($0) ?? 0, $0) < (Int($1) ?? 0, $1) }
      : all.sorted(by: ImageSource.precedes)
    let places = Dictionary(
      uniqueKeysWithValues: ordered.enumerated().map { ($1, Int32($0)) })
    groups = words.mapValues { $0.map { places[$0] ?? 0 } }
    groupNames = ordered
  }

  /// What a source that is a group is called: its array or, of arrays of one name, its file.
  private static func name(of rows: any NumberArray) -> String {
    rows is MemoryArray ? rows.name : ArrayImporter.stem(rows.file)
  }

  private static func labels(
    _ columns: [Split: [any NumberArray]]
  ) throws -> (labels: [Split: [Int32]], classes: [String]) {
    // Text in one array makes all labels text, with one table of names.
    guard columns.values.joined().contains(where: { $0.kind == .text }) else {
      return (
        try columns.mapValues { try $0.flatMap(ArrayParts.classNumbers) }, []
      )
    }
    let words = try columns.mapValues { try $0.flatMap(ArrayParts.words) }
    let classes = Set(words.values.joined()).sorted(by: ImageSource.precedes)
    let places = Dictionary(
      uniqueKeysWithValues: classes.enumerated().map { ($1, Int32($0)) })
    return (words.mapValues { $0.map { places[$0] ?? 0 } }, classes)
  }

  private static func groups(_ array: any NumberArray) throws -> [String] {
    let words = try array.strings()
    guard words.count == array.extents[0] else {
      throw array.mismatch(
        found: array.kind == .floats ? "\(array.typeName) with fractions" : array.typeName,
        expected: "text or whole numbers, one for each row")
    }
    if let row = words.firstIndex(of: "") {
      throw array.mismatch(
        found: "nothing in row \(row), from 0", expected: "the name of a group")
    }
    return words
  }

  // MARK: - Writing

  /// Writes what stands beside some rows of a split, as those of another.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  func write(
    _ rows: [Int], of split: Split, as target: Split, to writer: DatasetWriter
  ) throws {
    if let labels = labels[split] { try writer.write(labels: rows.map { labels[$0] }, of: target) }
    if let groups = groups[split] { try writer.write(groups: rows.map { groups[$0] }, of: target) }
    if let names = names[split] { try writer.write(names: rows.map { names[$0] }, of: target) }
  }

  /// Writes the names of classes and groups.
  ///
  /// - Throws: `HDF5Error` if the disk is full.
  func writeNames(to writer: DatasetWriter) throws {
    if !classes.isEmpty { try writer.write(labelNames: classes) }
    if !groupNames.isEmpty { try writer.write(groupNames: groupNames) }
  }

  /// The groups of the rows to train with; empty without groups.
  var groupsInWords: String {
    guard let groups = groups[.train] else { return "" }
    var counts: [Int32: Int] = [:]
    for group in groups { counts[group, default: 0] += 1 }
    let (least, most) = (counts.values.min() ?? 0, counts.values.max() ?? 0)
    return "; \(Quantity.count(counts.count, "group")) of "
      + (least == most ? "" : "\(Quantity.grouped(least)) to ") + Quantity.count(most, "row")
  }
}

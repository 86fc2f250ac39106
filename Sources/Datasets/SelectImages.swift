import HDF5
import Support

/// Writes a part of a data set: images of some classes, with others among them, with another test
/// split, or with an attribute for their classes.
public struct SelectImages: Sendable {
  /// The classes that are taken, by number or name; empty for all.
  public var classes: [String] = []
  /// The share of images of other classes among those taken; 0 for none.
  public var outliers = 0.0
  /// Training images at most; nil for as many as there are.
  public var count: Int?
  /// Training images that become the test split; nil for the test split that there is.
  public var test: Int?
  /// The attribute that becomes the class: 1 of images that have it, 0 of others; nil for none.
  public var attribute: String?
  /// Another seed draws other images.
  public var seed: UInt64 = 595

  /// Everything.
  public init() {}

  /// Writes the part of `input` into the new file `output`.
  ///
  /// Classes and outliers are chosen in each split, by draws of the seed; images stay in their order.
  /// Labels, attributes and names go with them. The source of an outlier is its label.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if the input is no such data set, if it has too few
  ///   images, or if the output exists or cannot be written. No output remains then.
  public func run(input: String, output: String, force: Bool = false) throws {
    try DatasetWriter.checkTarget(output, force: force, inputs: [input])
    let file = try File.open(input)
    let splits = Split.allCases.filter { file.isDataset("/\($0.rawValue)/images") }
    // Without any split, opening the training split gives the error.
    let sets = try (splits.isEmpty ? [.train] : splits).map {
      try ImageSet.open(input, split: $0.rawValue)
    }
    for set in sets {
      let item = "/\(set.split.rawValue)/images"
      if let noise = set.noise {
        throw DatasetError.mismatch(
          file: input, item: item, found: "noise \(noise)",
          expected: "images not corrupted yet: select first, then corrupt")
      }
      guard set.mixed == nil else {
        throw DatasetError.mismatch(
          file: input, item: item, found: "mixed sizes", expected: "images of one size")
      }
    }
    let names = file.isDataset("/label_names") ? try file.dataset("/label_names").readStrings() : []
    let name = try file.stringAttribute("name", on: "/") ?? "images"
    try DatasetWriter.write(output, name: name, source: input, force: force, inputs: [input]) {
      writer in
      for set in sets where test == nil || set.split != .test {
        let rows = try chosen(from: set, names)
        let (own, others) = divided(rows, of: set.split)
        try write(set, own, as: set.split, from: file, to: writer)
        if !others.isEmpty { try write(set, others, as: .test, from: file, to: writer) }
      }
      if let attribute {
        try writer.write(labelNames: ["not \(attribute)", attribute])
      } else if !names.isEmpty {
        try writer.write(labelNames: names)
      }
      for table in DatasetWriter.tables where file.isDataset(table) {
        try writer.copy(table, from: file)
      }
    }
  }

  /// The rows of a split by classes and outliers, ascending.
  private func chosen(from set: ImageSet, _ names: [String]) throws(DatasetError) -> [Int] {
    guard !classes.isEmpty else { return Array(0..<set.count) }
    try set.checkLabels(for: "--classes")
    let labels = set.labels ?? []
    var inside: Set<Int32> = []
    for word in classes {
      let number = Int32(word) ?? names.firstIndex(of: word).map { Int32($0) }
      guard let number, labels.contains(number) else {
        throw .option(
          "--classes", found: word,
          expected: "a class of the images: "
            + Quantity.list(Set(labels).sorted().map(String.init), atMost: 20))
      }
      inside.insert(number)
    }
    let own = (0..<set.count).filter { inside.contains(labels[$0]) }
    guard outliers > 0 else { return own }
    let others = drawn((0..<set.count).filter { !inside.contains(labels[$0]) }, set.split)
    // Training images that become the test split are counted besides.
    let asked = set.split == .train ? count.map { $0 + (test ?? 0) } : nil
    let most = min(
      Double(own.count) / (1 - outliers), Double(others.count) / outliers)
    let total = asked.map { min($0, Int(most)) }
    // As many as the share asks, of so many in all, or beside all of the classes.
    let wanted =
      total.map { Int((Double($0) * outliers).rounded()) }
      ?? Int((Double(own.count) * outliers / (1 - outliers)).rounded())
    let kept = total.map { $0 - wanted } ?? own.count
    guard wanted > 0, kept > 0, kept <= own.count, wanted <= others.count else {
      throw .mismatch(
        file: set.path, item: set.split.rawValue,
        found: "\(own.count) images of the classes and \(others.count) others",
        expected: "\(max(1, kept)) and \(max(1, wanted)) for that share; ask fewer by --count")
    }
    return (drawn(own, set.split).prefix(kept) + others.prefix(wanted)).sorted()
  }

  /// The rows that stay in their split, and those that become the test split.
  private func divided(_ rows: [Int], of split: Split) -> (own: [Int], others: [Int]) {
    guard split == .train, test != nil || count != nil else { return (rows, []) }
    // Other draws than those that chose outliers, which would all come first.
    let order = drawn(rows, split, again: 1)
    let others = order.prefix(test ?? 0)
    let own = order.dropFirst(others.count).prefix(count ?? .max)
    return (own.sorted(), others.sorted())
  }

  /// Rows in an order that seed, split and row tell, and the number of the draw.
  private func drawn(_ rows: [Int], _ split: Split, again: Int = 0) -> [Int] {
    var draws = SplitMix64(seed: Int(truncatingIfNeeded: seed) &* 8 &+ 2 &* split.index &+ again)
    let first = draws.next()
    return rows.map { row -> (key: UInt64, row: Int) in
      var own = SplitMix64(seed: Int(truncatingIfNeeded: first) &+ row)
      return (own.next(), row)
    }.sorted { ($0.key, $0.row) < ($1.key, $1.row) }.map(\.row)
  }

  private func write(
    _ set: ImageSet, _ rows: [Int], as split: Split, from file: File, to writer: DatasetWriter
  ) throws {
    guard !rows.isEmpty else {
      throw DatasetError.mismatch(
        file: set.path, item: set.split.rawValue, found: "\(set.count) images",
        expected: "more than become the test split")
    }
    let group = "/\(set.split.rawValue)"
    let images = try writer.createImages(
      split, count: rows.count, shape: set.shape, type: set.format.elementType)
    let bytes = set.shape.count * set.format.size
    let atOnce = max(1, (1 << 22) / bytes)
    let memory = PixelMemory(allocating: atOnce * bytes)
    for first in stride(from: 0, to: rows.count, by: atOnce) {
      let part = rows[first..<min(first + atOnce, rows.count)]
      for (place, row) in part.enumerated() {
        set.corrupt(
          row..<row + 1, by: .none, seed: 0, as: set.format, into: memory.start + place * bytes)
      }
      try images.write(
        rows: first..<first + part.count, from: memory.start, as: set.format.elementType)
    }
    let attributes = try ImageAttributes(of: set)
    if let attribute {
      guard let attributes, let classes = attributes.labels(attribute, count: set.count) else {
        throw DatasetError.option(
          "--label", found: attribute,
          expected: attributes.map {
            "an attribute of the images: " + Quantity.list($0.names, atMost: 50)
          } ?? "images with attributes")
      }
      try writer.write(labels: rows.map { classes[$0] }, of: split)
    } else if let labels = set.labels {
      try writer.write(labels: rows.map { labels[$0] }, of: split)
    }
    if let attributes {
      let columns = attributes.names.map { attributes.labels($0, count: set.count) ?? [] }
      let values = rows.flatMap { row in columns.map { $0[row] > 0 ? Int8(1) : -1 } }
      try writer.write(attributes: values, called: attributes.names, of: split)
    }
    if file.isDataset("\(group)/names") {
      let names = try file.dataset("\(group)/names").readStrings()
      try writer.write(names: rows.map { names[$0] }, of: split)
    }
    guard split == set.split else { return }
    try writer.copyFraming(group, from: file)
    try writer.copyScaling(group, from: file)
  }
}

import HDF5
import Support

/// The rows of features in some arrays, by splits, and what stands beside them.
struct FeatureParts {
  /// An array of rows, and the arrays beside it that have a value for each of its rows.
  struct Source {
    let rows: any NumberArray
    var asides: [CSVTable.Aside: any NumberArray]
    var count: Int { rows.extents[0] }
  }

  /// The sources of each split, in the order of the command line.
  let sources: [(split: Split, of: [Source])]
  /// Features of a row, D.
  let columns: Int
  /// How values are scaled; nil for the standard scaling, by training rows that are not read yet.
  let scaling: FeatureScaling?
  /// Labels, groups and names of each split.
  let asides: FeatureAsides
  /// The rows to train with that become test rows.
  let test: TestImages?
  /// The smallest and the largest value.
  private let range: ClosedRange<Float>

  /// Finds rows and what stands beside them, by the options or the names of the arrays, and looks at
  /// all values.
  ///
  /// - Parameters:
  ///   - name: the array with the rows; nil to find it.
  ///   - wanted: the arrays or columns beside them, "none" for none.
  ///   - word: the scaling.
  /// - Throws: `DatasetError` or `HDF5Error` for arrays without rows of one length of finite numbers,
  ///   and for a number of labels, groups or names that is not that of the rows.
  init(
    _ arrays: [any NumberArray], _ request: ImportRequest, named name: String?,
    asides wanted: [CSVTable.Aside: String], scaling word: String?
  ) throws {
    let files = request.sources.joined(separator: " ")
    let search = FeatureSearch(known: arrays.map { Role($0) }, wanted: wanted, files: files)
    let found = try search.rows(named: name)
    let splits = Split.allCases.filter { split in found.contains { ($0.split ?? .train) == split } }
    let sources = try splits.map { split in
      let own = found.filter { ($0.split ?? .train) == split }
      return (
        split: split,
        of: try own.map { role in
          Source(
            rows: role.array,
            asides: try search.asides(of: role, split, isAlone: own.count == 1))
        }
      )
    }
    guard sources.contains(where: { $0.split == .train }) else {
      throw DatasetError.mismatch(
        file: files, item: "train",
        found: "rows of " + splits.map(\.rawValue).joined(separator: ", "),
        expected: "rows to train with, too (a word of a name tells the split)")
    }
    let all = sources.flatMap(\.of)
    columns = all[0].rows.extents[1]
    var (low, high) = (Float.infinity, -Float.infinity)
    for source in all {
      let found = try Self.check(source.rows, columns: columns, as: all[0].rows)
      (low, high) = (min(low, found.lowerBound), max(high, found.upperBound))
    }
    range = low...high
    self.sources = sources
    for (split, of) in sources {
      let rows = of.reduce(0) { $0 + $1.count }
      guard rows <= Int(Int32.max) else {
        throw DatasetError.mismatch(
          file: files, item: split.rawValue, found: Quantity.count(rows, "row"),
          expected: "no more than \(Quantity.grouped(Int(Int32.max)))")
      }
    }
    asides = try FeatureAsides(sources, files: files)
    scaling = try Self.scaling(word, columns: columns)
    test = try Self.test(request, sources, asides)
  }

  /// Checks the form of rows, and that all values are finite; returns their range.
  private static func check(
    _ rows: any NumberArray, columns: Int, as first: any NumberArray
  ) throws -> ClosedRange<Float> {
    guard rows.extents[1] == columns else {
      throw rows.mismatch(
        found: Quantity.count(rows.extents[1], "feature"),
        expected: "\(columns), as \(first.name) of \(first.file) has")
    }
    guard Features.counts.contains(columns), rows.extents[0] > 0 else {
      throw rows.mismatch(
        found: "\(rows.typeName) \(rows.extents)",
        expected: "[N, D] with a row at least, and D from 1 to \(Features.counts.upperBound)")
    }
    try rows.check()
    var (low, high) = (Float.infinity, -Float.infinity)
    try rows.forEachBlock { block, values in
      for (index, value) in values.enumerated() {
        guard value.isFinite else {
          throw rows.mismatch(
            found: "\(value) in row \(block.lowerBound + index / columns), column "
              + "\(index % columns), both from 0",
            expected: "finite values, as floats of 32 bits hold them")
        }
        (low, high) = (min(low, value), max(high, value))
      }
    }
    return low...high
  }

  private static func scaling(_ word: String?, columns: Int) throws -> FeatureScaling? {
    let word = word ?? FeatureScaling.Kind.none.rawValue
    switch FeatureScaling.Kind(rawValue: word) {
    case .standard: return nil
    case let kind?: return FeatureScaling(kind)
    case nil:
      guard word.contains(".") || word.contains("/") else {
        throw DatasetError.option(
          "--scaling", found: word,
          expected: FeatureScaling.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            + " or a data set")
      }
      return try FeatureScaling(ofFile: word, columns: columns)
    }
  }

  private static func test(
    _ request: ImportRequest, _ sources: [(split: Split, of: [Source])], _ asides: FeatureAsides
  ) throws -> TestImages? {
    guard request.has(TestImages.option) else { return nil }
    func count(_ split: Split) -> Int? {
      sources.first { $0.split == split }?.of.reduce(0) { $0 + $1.count }
    }
    let groups = asides.groups[.train]
    let labels = groups ?? asides.labels[.train]
    return try TestImages(
      request, of: 0..<(count(.train) ?? 0),
      own: count(.test).map { ($0, request.sources.joined(separator: " ")) }, order: nil,
      label: labels.map { labels in { labels[$0] } },
      name: {
        groups != nil
          ? asides.groupNames[Int($0)]
          : asides.classes.isEmpty
            ? "\($0)" : asides.classes[Int($0)]
      }, kind: groups == nil ? "class" : "group")
  }

  // MARK: - Writing

  /// Writes the rows of all splits, with what stands beside them.
  ///
  /// - Returns: what was read, and how it was scaled: a line each.
  /// - Throws: `HDF5Error` or `DatasetError` if an array is damaged or the disk is full.
  func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws -> [String] {
    let total = sources.reduce(0) { $0 + $1.of.reduce(0) { $0 + $1.count } }
    var (done, constants) = (0, 0)
    var scaling = scaling
    if scaling == nil {
      let moments = try moments()
      (scaling, constants) = (
        FeatureScaling(mean: moments.means, deviation: moments.deviations),
        moments.constants.count
      )
    }
    let found = scaling ?? FeatureScaling(.none)
    try writer.write(found)
    var zeros = 0
    for (split, parts) in sources {
      for (target, rows) in targets(split) {
        let dataset = try writer.createImages(
          target, count: rows.count, shape: ImageShape(features: columns), type: .float32)
        try writer.note(scaling: found.kind, on: target)
        var place = 0
        try forEachBlock(parts) { first, values in
          var values = values
          let block = first..<first + values.count / columns
          let own = rows[place...].prefix { $0 < block.upperBound }
          if own.count < block.count {
            values = own.flatMap { row in
              values[(row - first) * columns..<(row - first + 1) * columns]
            }
          }
          if own.isEmpty { return }
          if found.kind == .unit { zeros += Self.zeroRows(values, columns) }
          found.apply(to: &values, columns: columns)
          try values.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return }
            try dataset.write(rows: place..<place + own.count, from: start, as: .float32)
          }
          place += own.count
          monitor.progress(done + place, total)
          if monitor.isStopped() { throw writer.stopped }
        }
        done += rows.count
        try asides.write(rows, of: split, as: target, to: writer)
      }
    }
    try asides.writeNames(to: writer)
    return [reading(found)] + [test?.note].compactMap { $0 }
      + notes(found, constants: constants, zeros: zeros)
  }

  /// The splits that the rows of a split become, with their rows.
  private func targets(_ split: Split) -> [(Split, [Int])] {
    let count = sources.first { $0.split == split }?.of.reduce(0) { $0 + $1.count } ?? 0
    guard split == .train, let chosen = test?.chosen, !chosen.isEmpty else {
      return [(split, Array(0..<count))]
    }
    return [(.train, (0..<count).filter { !chosen.contains($0) }), (.test, chosen.sorted())]
  }

  /// Calls `body` with all rows of a split in turn: the first row of a block, and its values.
  private func forEachBlock(_ parts: [Source], _ body: (Int, [Float]) throws -> Void) throws {
    var first = 0
    for part in parts {
      try part.rows.forEachBlock { block, values in try body(first + block.lowerBound, values) }
      first += part.count
    }
  }

  /// Mean and deviation of each column over the rows to train with.
  private func moments() throws -> ColumnMoments {
    var moments = ColumnMoments(columns: columns)
    let parts = sources.first { $0.split == .train }?.of ?? []
    let chosen = test?.chosen ?? []
    func forEachRow(_ body: (ArraySlice<Float>) -> Void) throws {
      try forEachBlock(parts) { first, values in
        for row in 0..<values.count / columns where !chosen.contains(first + row) {
          body(values[row * columns..<(row + 1) * columns])
        }
      }
    }
    try forEachRow { moments.add($0) }
    let means = moments.means
    try forEachRow { moments.addDeviations($0, from: means) }
    return moments
  }

  private static func zeroRows(_ values: [Float], _ columns: Int) -> Int {
    stride(from: 0, to: values.count, by: columns).count { first in
      values[first..<first + columns].allSatisfy { $0 == 0 }
    }
  }

  // MARK: - Words

  private func reading(_ scaling: FeatureScaling) -> String {
    let texts = sources.map { split, parts -> String in
      let rows = parts.reduce(0) { $0 + $1.count }
      let arrays = Quantity.list(
        parts.map { $0.rows.name + ($0.rows.note.map { " (\($0))" } ?? "") }, atMost: 4)
      let beside = CSVTable.Aside.allCases.map { aside -> String in
        let names = parts.compactMap { $0.asides[aside]?.name }
        return names.isEmpty
          ? "no \(aside.rawValue)" : "\(aside.rawValue) \(Quantity.list(names, atMost: 2))"
      }
      return "\(arrays), \(ImageShape(features: columns).extent(of: rows)), "
        + "\(Set(parts.map(\.rows.typeName)).sorted().joined(separator: " and ")) values, "
        + beside.joined(separator: ", ") + ", as \(split.rawValue)"
    }
    let files = Set(sources.flatMap { $0.of.map(\.rows.file) }).count
    let place = files == 1 ? sources[0].of[0].rows.file : Quantity.count(files, "file")
    return "read \(place): " + texts.joined(separator: "; ")
      + "; values from \(range.lowerBound) to \(range.upperBound)"
      + (asides.classes.isEmpty ? "" : "; classes " + Quantity.list(asides.classes, atMost: 8))
      + asides.groupsInWords
  }

  private func notes(_ scaling: FeatureScaling, constants: Int, zeros: Int) -> [String] {
    var notes: [String] = []
    switch scaling.kind {
    case .none: break
    case .standard:
      notes.append(
        "scaling: mean and deviation of each column over the rows to train with, kept as "
          + "/feature_mean and /feature_deviation")
    case .unit: notes.append("scaling: each row has length 1")
    }
    if constants > 0 {
      notes.append(
        "\(Quantity.count(constants, "column")) of \(columns) with one value everywhere: become 0, "
          + "not divided")
    }
    if zeros > 0 { notes.append("\(Quantity.count(zeros, "row")) of zeros alone stay 0") }
    return notes
  }
}

import Support

/// The search for rows of features, and for what stands beside them, among arrays.
struct FeatureSearch {
  /// All arrays of all sources.
  let known: [Role]
  /// The arrays or columns that options name.
  let wanted: [CSVTable.Aside: String]
  /// The sources, for errors.
  let files: String

  private static let words: [CSVTable.Aside: Set<Substring>] = [
    .labels: ["y", "label", "labels", "target", "targets", "class", "classes"],
    .groups: ["group", "groups", "query", "queries", "qid"],
    .names: ["name", "names", "file", "filename", "filenames"],
  ]

  /// The arrays of rows, in the order of the sources.
  ///
  /// - Parameter name: that of the array; nil to find those of two dimensions.
  /// - Throws: `DatasetError` where there is none, or a choice of several.
  func rows(named name: String?) throws -> [Role] {
    guard let name else { return try found() }
    let named = Self.named(name, in: known.filter { $0.array.aside == nil })
    guard let first = named.first else {
      throw DatasetError.option(
        "--features", found: name,
        expected: known.isEmpty
          ? "an array of \(files), which has none"
          : "an array of \(files): " + Quantity.list(known.map(\.array.name), atMost: 8))
    }
    let others = first.counterparts(in: known)
    let all = known.filter { role in
      (named + others.values).contains { $0.isSame(as: role) }
    }
    for role in all {
      guard role.array.kind == .integers || role.array.kind == .floats,
        role.array.extents.count == 2
      else {
        throw role.array.mismatch(
          found: "\(role.array.typeName) \(role.array.extents)", expected: "numbers [N, D]")
      }
    }
    try checkRivals(all)
    return all
  }

  private func found() throws -> [Role] {
    let candidates = known.filter { role in
      let array = role.array
      guard array.aside == nil, array.kind == .integers || array.kind == .floats,
        array.extents.count == 2
      else { return false }
      return array.isTable || array.extents[1] > 1 && !role.hasWord(of: Self.words[.labels] ?? [])
    }
    guard !candidates.isEmpty else {
      throw ArrayParts.noneFits(
        known, in: files, expected: "one of rows, [N, D] (--features names it)")
    }
    try checkRivals(candidates)
    return candidates
  }

  /// Makes sure that a file has one array of rows for each split.
  private func checkRivals(_ candidates: [Role]) throws {
    for role in candidates {
      let rivals = candidates.filter {
        $0.array.file == role.array.file && ($0.split ?? .train) == (role.split ?? .train)
      }
      guard rivals.count == 1 else {
        throw DatasetError.mismatch(
          file: role.array.file, item: "arrays",
          found: Quantity.list(rivals.map(\.array.name), atMost: 8),
          expected: "one array of rows for each split (--features names it)")
      }
    }
  }

  /// The arrays that a name on the command line means: its last part is enough where no array is
  /// called so.
  private static func named(_ name: String, in roles: [Role]) -> [Role] {
    let exact = roles.filter { $0.isNamed(name) }
    return exact.isEmpty ? roles.filter { $0.array.name.hasSuffix("/" + name) } : exact
  }

  /// What stands beside rows.
  ///
  /// - Parameter isAlone: whether no other array has rows of this split.
  /// - Throws: `DatasetError` for an array that is not there, a choice of several, or another
  ///   number of values than rows.
  func asides(
    of rows: Role, _ split: Split, isAlone: Bool
  ) throws -> [CSVTable.Aside: any NumberArray] {
    var found: [CSVTable.Aside: any NumberArray] = [:]
    for aside in CSVTable.Aside.allCases {
      let name = wanted[aside]
      if name == CSVTable.noColumn { continue }
      let candidates =
        try name.map { try named($0, aside, of: rows, split) }
        ?? guessed(aside, of: rows, split, isAlone: isAlone)
      let fitting = candidates.filter {
        $0.array.extents == [rows.array.extents[0]]
          || $0.array.extents == [rows.array.extents[0], 1]
      }
      guard let first = candidates.first else { continue }
      guard let one = fitting.first, fitting.count == 1 else {
        let rest = fitting.isEmpty ? [first] : fitting
        throw first.array.mismatch(
          found: rest.map { "\($0.array.name) \($0.array.extents)" }.joined(separator: " and "),
          expected: "\(aside.rawValue) of \(rows.array.name) in one array, "
            + "[\(rows.array.extents[0])] (\(aside.option) names it, \(aside.option) "
            + "\(CSVTable.noColumn) leaves them out)")
      }
      try one.array.check()
      found[aside] = one.array
    }
    return found
  }

  /// The arrays of a name that stand beside rows: those of the same file, if there are any.
  private func named(
    _ name: String, _ aside: CSVTable.Aside, of rows: Role, _ split: Split
  ) throws -> [Role] {
    let others = known.filter {
      !$0.isSame(as: rows) && ($0.array.aside ?? aside) == aside
    }
    let all = Self.named(name, in: others)
    guard let first = all.first else {
      throw DatasetError.option(
        aside.option, found: name,
        expected: "an array of \(files): " + Quantity.list(known.map(\.array.name), atMost: 8))
    }
    let counterparts = first.counterparts(in: known)
    if (first.split ?? .train) != split, let other = counterparts[split] { return [other] }
    let near = near(rows, all)
    let own = near.filter { ($0.split ?? .train) == split }
    return own.isEmpty && split == .train ? near : own
  }

  /// The arrays that by their names stand beside rows.
  private func guessed(
    _ aside: CSVTable.Aside, of rows: Role, _ split: Split, isAlone: Bool
  ) -> [Role] {
    let all = known.filter { role in
      guard !role.isSame(as: rows), role.array.aside ?? aside == aside, !role.array.isTable else {
        return false
      }
      if role.array.aside == aside { return role.array.file == rows.array.file }
      let kinds = CSVTable.Aside.allCases.filter { role.hasWord(of: Self.words[$0] ?? []) }
      return kinds == [aside] && (role.split ?? .train) == split
        && (aside != .names || role.array.kind == .text)
        && (role.array.extents.count == 1 || role.array.extents.dropFirst() == [1])
    }
    let own = all.filter { $0.array.file == rows.array.file }
    return own.isEmpty && !isAlone ? [] : own.isEmpty ? all : own
  }

  private func near(_ rows: Role, _ roles: [Role]) -> [Role] {
    let own = roles.filter { $0.array.file == rows.array.file }
    return own.isEmpty ? roles : own
  }
}

extension Role {
  /// Whether two are the same array.
  fileprivate func isSame(as other: Role) -> Bool {
    array.file == other.array.file && array.name == other.array.name
  }
}

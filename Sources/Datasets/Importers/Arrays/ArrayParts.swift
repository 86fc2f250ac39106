import Support

/// The splits of a collection of arrays: which hold images, and which the labels of these.
struct ArrayParts {
  /// A split: its images and their labels.
  struct Part {
    let split: Split
    let images: ArrayImages
    let labels: (any NumberArray)?
    /// Arrays with names of labels that are no labels of these images.
    let unfit: [any NumberArray]
  }

  /// The splits that were found.
  let parts: [Part]
  /// The names of the other arrays.
  private let others: [String]
  private let classes: [String]
  /// The rows to train with that become test images.
  private var test: TestImages?

  /// Finds images and labels by the options, or by the names of the arrays.
  ///
  /// - Throws: `DatasetError` or `HDF5Error` if there is no array of images, or a choice of
  ///   several.
  init(_ arrays: [any NumberArray], _ request: ImportRequest, _ form: ArrayForm, of file: String)
    throws
  {
    let known = arrays.map { Role($0) }
    func named(_ name: String, _ option: String) throws -> Role {
      let wanted = name.split(separator: "/").joined(separator: "/")
      // Labels of a table are called after it and their column.
      if let role = known.first(where: {
        $0.plainName == wanted || $0.plainName.hasSuffix(" column \(wanted)")
      }) {
        return role
      }
      throw DatasetError.option(
        option, found: name,
        expected: arrays.isEmpty
          ? "an array of \(file), which has none"
          : "an array of \(file): " + Quantity.list(arrays.map(\.name), atMost: 8))
    }
    var images: [Split: Role] = [:]
    if let name = form.images[.train] {
      let first = try named(name, "--images")
      images = first.counterparts(in: known)
      images[.train] = first
    } else if form.images[.test] == nil {
      images = try Self.found(known, in: file)
    }
    if let name = form.images[.test] { images[.test] = try named(name, "--test-images") }
    var labels: [Split: Role] = [:]
    if let name = form.labels[.train] {
      let first = try named(name, "--labels")
      labels = first.counterparts(in: known)
      labels[.train] = first
    }
    if let name = form.labels[.test] { labels[.test] = try named(name, "--test-labels") }
    var parts: [Part] = []
    for split in Split.allCases {
      guard let role = images[split] else { continue }
      let own = labels[split] ?? (form.labels.isEmpty ? role.labels(in: known) : nil)
      let part = Part(
        split: split, images: try ArrayImages(role.array, form), labels: own?.array,
        unfit: own == nil && form.labels.isEmpty
          ? known.filter { $0.isLabels && $0.split == role.split }.map(\.array) : [])
      if let found = part.labels {
        let count = part.images.count
        try found.check()
        guard found.extents == [count] || found.extents == [count, 1] else {
          throw found.mismatch(
            found: "\(found.typeName) \(found.extents)",
            expected: "[\(count)], a label for each image of \(role.array.name)")
        }
      }
      parts.append(part)
    }
    let shapes = Set(parts.map { "\($0.images.shape)" })
    guard shapes.count == 1 else {
      throw DatasetError.mismatch(
        file: file, item: parts.map(\.images.array.name).joined(separator: ", "),
        found: "images of \(shapes.sorted().joined(separator: " and "))",
        expected: "one size in all splits")
    }
    self.parts = parts
    let used = Set(parts.flatMap { [$0.images.array.name] + [$0.labels?.name].compactMap { $0 } })
    others = arrays.map(\.name).filter { !used.contains($0) }
    // Text in one part makes the labels of all parts text, with one table of names.
    var names: Set<String> = []
    if parts.contains(where: { $0.labels?.kind == .text }) {
      for part in parts { names.formUnion(try part.labels.map(Self.words) ?? []) }
    }
    classes = names.sorted(by: ImageSource.precedes)
    if request.has(TestImages.option) { test = try testImages(request) }
  }

  private func testImages(_ request: ImportRequest) throws -> TestImages {
    let train = parts.first { $0.split == .train }
    let own = parts.first { $0.split == .test }
    let labels = try train?.labels.map(numbers)
    return try TestImages(
      request, of: 0..<(train?.images.count ?? 0),
      own: own.map { ($0.images.count, $0.images.array.name) }, order: nil,
      label: labels.map { labels in { labels[$0] } },
      name: { classes.isEmpty ? "\($0)" : classes[Int($0)] })
  }

  /// The error about arrays of which none has the form that is wanted.
  static func noneFits(_ known: [Role], in file: String, expected: String) -> DatasetError {
    .mismatch(
      file: file, item: "arrays",
      found: known.isEmpty
        ? "none"
        : Quantity.list(known.map { "\($0.array.name) \($0.array.extents)" }, atMost: 8),
      expected: expected)
  }

  /// The arrays that have the form and the names of images.
  private static func found(_ known: [Role], in file: String) throws -> [Split: Role] {
    let candidates = known.filter(\.mayBeImages)
    guard !candidates.isEmpty else {
      throw noneFits(known, in: file, expected: "one of images, [N, H, W, C] or [N, D]")
    }
    var images: [Split: Role] = [:]
    for role in candidates {
      let split = role.split ?? .train
      if let other = images[split] {
        throw DatasetError.mismatch(
          file: file, item: "images", found: "\(other.array.name) and \(role.array.name)",
          expected: "one array for each split (--images and --test-images name them)")
      }
      images[split] = role
    }
    return images
  }

  /// Writes images and labels of all splits.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if an array is damaged or the disk is full.
  func write(to writer: DatasetWriter, _ monitor: WorkMonitor) throws {
    let total = parts.reduce(0) { $0 + $1.images.count }
    var done = 0
    for part in parts {
      var rows = [(split: part.split, rows: Array(0..<part.images.count))]
      if part.split == .train, let chosen = test?.chosen, !chosen.isEmpty {
        rows[0].rows.removeAll(where: chosen.contains)
        rows.append((.test, chosen.sorted()))
      }
      try part.images.write(rows, to: writer) { count in
        monitor.progress(done + count, total)
        if monitor.isStopped() { throw writer.stopped }
      }
      done += part.images.count
      guard let labels = try part.labels.map(numbers) else { continue }
      for (split, rows) in rows { try writer.write(labels: rows.map { labels[$0] }, of: split) }
    }
    if !classes.isEmpty { try writer.write(labelNames: classes) }
  }

  /// Labels as text.
  static func words(_ labels: any NumberArray) throws -> [String] {
    let words = try labels.strings()
    guard labels.kind == .text || words.count == labels.extents[0] else { throw unusable(labels) }
    return words
  }

  /// The error about values that are no labels.
  static func unusable(_ labels: any NumberArray) -> DatasetError {
    labels.mismatch(
      found: labels.kind == .floats ? "\(labels.typeName) with fractions" : labels.typeName,
      expected: "whole numbers or text, one for each image")
  }

  private func numbers(_ labels: any NumberArray) throws -> [Int32] {
    if !classes.isEmpty {
      let places = Dictionary(
        uniqueKeysWithValues: classes.enumerated().map { ($1, Int32($0)) })
      return try Self.words(labels).map { places[$0] ?? 0 }
    }
    return try Self.classNumbers(labels)
  }

  /// Labels that are the numbers of classes.
  static func classNumbers(_ labels: any NumberArray) throws -> [Int32] {
    guard let whole = try labels.integers() else { throw unusable(labels) }
    let fitting = whole.compactMap { Int32(exactly: $0) }
    guard fitting.count == whole.count else {
      throw labels.mismatch(
        found: "a label beyond 32 bits", expected: "the numbers of classes")
    }
    return fitting
  }

  /// What was read, and which rows became test images: a line each.
  func notes(of file: String) -> [String] { [reading(of: file)] + [test?.note].compactMap { $0 } }

  private func reading(of file: String) -> String {
    let texts = parts.map { part -> String in
      "\(part.images.description), "
        + (part.labels.map { "labels \($0.name)" } ?? "no labels")
        + (part.unfit.isEmpty
          ? ""
          : " (expected one value an image in one array, found "
            + Quantity.list(part.unfit.map { "\($0.name) \($0.extents)" }, atMost: 4) + ")")
        + ", as \(part.split.rawValue)"
    }
    return "read \(file): " + texts.joined(separator: "; ")
      + (classes.isEmpty ? "" : "; classes " + Quantity.list(classes, atMost: 8))
      + (others.isEmpty ? "" : "; not read: " + Quantity.list(others, atMost: 8))
  }
}

/// What the name and the form of an array tell.
struct Role {
  let array: any NumberArray
  private let words: [Substring]

  init(_ array: any NumberArray) {
    self.array = array
    words = array.name.lowercased().split { !$0.isLetter && !$0.isNumber }
  }

  /// The name without a slash at its beginning.
  var plainName: String { array.name.split(separator: "/").joined(separator: "/") }

  private static let splits: [String: Split] = [
    "train": .train, "training": .train, "trn": .train, "test": .test, "testing": .test,
    "t10k": .test, "val": .validation, "valid": .validation, "validation": .validation,
    "dev": .validation,
  ]
  private static let labels: Set<Substring> = [
    "y", "label", "labels", "target", "targets", "class", "classes", "column",
  ]

  /// The split that a word of the name tells.
  var split: Split? { words.lazy.compactMap { Self.splits[String($0)] }.first }

  /// Whether the name has one of some words.
  func hasWord(of some: Set<Substring>) -> Bool { words.contains(where: some.contains) }

  /// Whether a name on the command line is that of the array, or of a table's column.
  func isNamed(_ wanted: String) -> Bool {
    let wanted = wanted.split(separator: "/").joined(separator: "/")
    return plainName == wanted || plainName.hasSuffix(" column \(wanted)")
  }

  /// Whether a word of the name tells labels.
  var isLabels: Bool { words.contains(where: Self.labels.contains) }

  /// Whether the array has the form of images, and no name of labels.
  var mayBeImages: Bool {
    !isLabels && (array.kind == .integers || array.kind == .floats)
      && ((3...4).contains(array.extents.count)
        || array.extents.count == 2 && array.extents[1] >= 4)
  }

  /// The name without the words for its split.
  private var stem: [Substring] { words.filter { Self.splits[String($0)] == nil } }

  /// The arrays of other splits whose names differ in the words for the split alone.
  func counterparts(in known: [Role]) -> [Split: Role] {
    guard split == .train else { return [:] }
    var found: [Split: Role] = [:]
    for role in known where role.stem == stem {
      guard let other = role.split, other != .train else { continue }
      found[other] = role
    }
    return found
  }

  /// The labels of these images: one value a row, a name of labels, and the same split.
  func labels(in known: [Role]) -> Role? {
    let rows = array.extents[0]
    let fitting = known.filter {
      $0.isLabels && $0.split == split
        && ($0.array.extents == [rows] || $0.array.extents == [rows, 1])
    }
    return fitting.count == 1 ? fitting[0] : nil
  }
}

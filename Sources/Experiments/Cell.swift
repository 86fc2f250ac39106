import Support

/// One number of an experiment: what is trained, on which images, and what is measured of it.
struct Cell: Sendable {
  /// What a choice, or the member `cell`, may say.
  static let keys = [
    "preset", "set", "data", "select", "noise", "net", "on", "metric", "of", "value", "options",
    "values",
    "checkpoints", "absent", "aside",
  ]

  /// Images: a source, perhaps a part of it, perhaps with noise on them.
  struct Images: Hashable, Sendable {
    let source: String
    /// Options of `select` without dashes, in the order of their names; none for all images.
    let selection: [String: String]
    let noise: String
  }

  /// A model to train.
  struct Training: Hashable, Sendable {
    let preset: String
    /// Settings as `key=value`, in the order of their names.
    let assignments: [String]
    let images: Images
  }

  /// What is read of a run.
  struct Reading: Hashable, Sendable {
    let metric: String
    /// The name of the number, where it is not the metric's, and the compared image.
    let value: String, of: [String]
    /// Options of `evaluate` without dashes, in the order of their names; a flag has no text.
    let options: [String: String]
    /// The net by whose features it measures; nil for none.
    let net: Training?
    /// Other images than those trained on; nil for these.
    let images: Images?
    /// Whether every checkpoint is measured.
    let isCourse: Bool
  }

  /// The choice of each axis.
  let at: [String: String]
  /// What is trained.
  let training: Training
  /// What is measured.
  let reading: Reading
  /// Whether it stands beside the others and is no rival.
  let isAside: Bool

  /// Whether the number is of the model, and not of the images or a filter beside it.
  var isOfModel: Bool {
    let others = ["X", "mean_image", "median_3x3", "median_5x5"]
    return !isAside && !reading.of.contains { others.contains($0) }
  }
}

extension Experiment {
  /// The cells of a scale, in the order of the axes, the last fastest.
  ///
  /// - Throws: `ExperimentError` for a cell that says too little, or a name in braces without
  ///   value.
  func cells(at scale: Scale) throws(ExperimentError) -> [Cell] {
    var rows: [[Choice]] = [[]]
    let axes = axes(at: scale)
    for axis in axes { rows = rows.flatMap { row in axis.choices.map { row + [$0] } } }
    var cells: [Cell] = []
    for row in rows {
      let at = Dictionary(
        zip(axes, row).map { ($0.name, $1.name) }, uniquingKeysWith: { $1 })
      if leftOut.contains(where: { rule in rule.allSatisfy { at[$0.key] == $0.value } }) {
        continue
      }
      if let cell = try cell(at, row, scale) { cells.append(cell) }
    }
    return cells
  }

  private func cell(
    _ at: [String: String], _ row: [Choice], _ scale: Scale
  ) throws(ExperimentError) -> Cell? {
    var members = JSONValue.object(cell.map { .init($0.key, $0.value) })
    var names = values.merging(extents[scale]?.values ?? [:]) { $1 }
    for (axis, choice) in zip(axes, row) { names[axis.name] = .string(choice.name) }
    for added in row.map(\.members) + [extents[scale]?.cell ?? [:]] {
      if case .object(let own)? = added["values"] {
        for member in own { names[member.name] = member.value }
      }
      members = members.merged(
        with: .object(added.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) }))
    }
    let words = at.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    let place = "\(name) at \(words.joined(separator: ", "))"
    var fields = try Fields(Template(names, place).filled(members), place)
    if try fields.flag("absent") { return nil }
    _ = fields.take("values")
    let training = try Self.training(&fields)
    let isAside = try fields.flag("aside")
    let reading = try Self.reading(&fields)
    try fields.end()
    return Cell(at: at, training: training, reading: reading, isAside: isAside)
  }

  /// Takes what says how a model is trained.
  private static func training(_ fields: inout Fields) throws(ExperimentError) -> Cell.Training {
    let preset = try fields.text("preset")
    var assignments: [String] = []
    for (key, value) in try fields.object("set").sorted(by: { $0.key < $1.key }) {
      guard let word = value.name else { throw fields.refuse("set: \(key)", value, "a setting") }
      assignments.append("\(key)=\(word)")
    }
    return Cell.Training(preset: preset, assignments: assignments, images: try images(&fields))
  }

  private static func images(_ fields: inout Fields) throws(ExperimentError) -> Cell.Images {
    let source = try fields.text("data")
    guard ImageSource.all.contains(where: { $0.name == source }) else {
      throw .data(
        "\(fields.place): data: found \(source), expected one of "
          + ImageSource.all.map(\.name).joined(separator: ", "))
    }
    return Cell.Images(
      source: source, selection: try words(of: "select", &fields),
      noise: try fields.text("noise", or: "none"))
  }

  /// The members of an object as words.
  private static func words(
    of name: String, _ fields: inout Fields
  ) throws(ExperimentError) -> [String: String] {
    var words: [String: String] = [:]
    for (key, value) in try fields.object(name) {
      guard let word = value.name else { throw fields.refuse("\(name): \(key)", value, "a text") }
      words[key] = word
    }
    return words
  }

  private static func reading(_ fields: inout Fields) throws(ExperimentError) -> Cell.Reading {
    let metric = try fields.text("metric")
    let options = try words(of: "options", &fields)
    let of = fields.take("of")
    var compared: [String] = []
    switch of {
    case nil: break
    case .array(let items)?: compared = items.compactMap(\.name)
    case let one?: compared = [one.name ?? ""]
    }
    var net: Cell.Training?
    if let value = fields.take("net"), value != .null {
      var inner = try Fields(value, "\(fields.place): net")
      net = try training(&inner)
      try inner.end()
    }
    var images: Cell.Images?
    if let value = fields.take("on"), value != .null {
      var inner = try Fields(value, "\(fields.place): on")
      images = try Self.images(&inner)
      try inner.end()
    }
    let isCourse = try fields.flag("checkpoints")
    return Cell.Reading(
      metric: metric, value: try fields.text("value", or: metric), of: compared, options: options,
      net: net, images: images, isCourse: isCourse)
  }
}

/// Texts with names in braces, such as `{noise}`, which stand for values.
struct Template {
  private let names: [String: JSONValue]
  private let place: String

  /// Values may hold further names.
  init(_ names: [String: JSONValue], _ place: String) { (self.names, self.place) = (names, place) }

  /// The value with each name replaced; a text that is one name alone becomes its value of any
  /// kind.
  func filled(_ value: JSONValue, depth: Int = 0) throws(ExperimentError) -> JSONValue {
    switch value {
    case .string(let text): return try filled(text, depth)
    case .array(let items):
      return .array(
        try items.map { item throws(ExperimentError) in try filled(item, depth: depth) })
    case .object(let members):
      return .object(
        try members.map { member throws(ExperimentError) in
          // Values are looked up where they are used.
          member.name == "values"
            ? member : JSONValue.Member(member.name, try filled(member.value, depth: depth))
        })
    default: return value
    }
  }

  private func filled(_ text: String, _ depth: Int) throws(ExperimentError) -> JSONValue {
    guard depth < 8 else { throw .data("\(place): {…} stands for itself in \(text)") }
    var (result, rest) = ("", text[...])
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      let name = String(rest[rest.index(after: open)..<close])
      guard let value = names[name] else {
        throw .data(
          "\(place): {\(name)} has no value" + Spelling.hint(for: name, in: names.keys.sorted()))
      }
      let full = try filled(value, depth: depth + 1)
      if result.isEmpty, open == text.startIndex, rest.index(after: close) == text.endIndex {
        return full
      }
      result += rest[..<open] + (full.name ?? full.line)
      rest = rest[rest.index(after: close)...]
    }
    return .string(result + rest)
  }
}

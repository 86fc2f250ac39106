import Support

/// A table or figure that is made by training and measuring models, as data.
///
/// A definition is a JSON document (docs/experiments.md): axes of choices, whose members together
/// say what to train and what to measure; a layout of tables; published values. Adding one takes
/// its file in `Definitions` and a line of the catalogue.
public struct Experiment: Sendable {
  /// A size of the experiment.
  public enum Scale: String, CaseIterable, Sendable {
    /// As in the paper, for clusters.
    case full = "1"
    /// About a tenth, an hour or two on two cores.
    case tenth = "0.1"
    /// A few images of the project's own, seconds: whether it works at all.
    case smoke
  }

  /// One value of an axis.
  struct Choice: Sendable {
    /// The name in tables.
    let name: String
    /// Its place on the horizontal axis of a drawing; nil where the name has to do.
    let x: Double?
    /// What it says of a cell.
    let members: [String: JSONValue]
  }

  /// What varies: methods, noises, seeds.
  struct Axis: Sendable {
    /// The name, and the words over a drawing's axis.
    let name: String, label: String
    /// Its values in order.
    let choices: [Choice]
  }

  /// How much a scale takes.
  struct Extent: Sendable {
    /// What it means, and which claim can still show at it: one line.
    let meaning: String
    /// Values of names in braces.
    let values: [String: JSONValue]
    /// What it says of all cells, after the choices.
    let cell: [String: JSONValue]
    /// The choices of an axis that are taken; all of an axis that is not named.
    let kept: [String: [String]]
  }

  /// The name on the command line.
  public let name: String
  /// What it shows, in one line.
  public let title: String
  /// The paper and the place in it.
  public let source: String
  /// What the paper or we say it shows.
  public let claim: String
  /// The whole document.
  public let definition: JSONValue
  let extents: [Scale: Extent]
  let values: [String: JSONValue]
  let cell: [String: JSONValue]
  let axes: [Axis]
  let leftOut: [[String: String]]
  let layout: Layout
  let published: JSONValue?

  /// What a scale means, and which claim can still show at it.
  public func meaning(_ scale: Scale) -> String { extents[scale]?.meaning ?? "" }

  /// Reads a definition.
  ///
  /// - Parameters:
  ///   - name: its name on the command line.
  ///   - place: its file, for errors.
  ///   - relative: the definition that one named in `like` has.
  /// - Throws: `ExperimentError` with the place, what was found and what was expected.
  public init(
    _ document: JSONValue, name: String, place: String,
    relative: (String) throws(ExperimentError) -> JSONValue
  ) throws(ExperimentError) {
    var document = document
    if let other = document["like"] {
      guard let model = other.text else {
        throw .data("\(place): like: found \(other.line.shortened), expected the name of another")
      }
      document = try relative(model).merged(with: document).merged(with: ["like": .null])
    }
    definition = document
    self.name = name
    var fields = try Fields(document, place)
    title = try fields.text("title")
    source = try fields.text("source")
    claim = try fields.text("claim")
    values = try fields.object("values")
    cell = try fields.object("cell")
    leftOut = try fields.list("left_out").map { value throws(ExperimentError) in
      var fields = try Fields(value, "\(place): left_out")
      return fields.rest().mapValues { $0.name ?? "" }
    }
    published = fields.take("published")
    axes = try fields.list("axes").map { value throws(ExperimentError) in
      try Self.axis(value, place)
    }
    extents = try Self.extents(try fields.object("scales"), axes, place)
    let known = axes
    for (index, axis) in known.enumerated()
    where known[..<index].contains(where: { $0.name == axis.name }) {
      throw .data("\(place): axes: found \(axis.name) twice, expected each axis once")
    }
    for rule in leftOut {
      if let odd = rule.keys.sorted().first(where: { name in !known.contains { $0.name == name } })
      {
        throw .data(
          "\(place): left_out: unknown axis \(odd)"
            + Spelling.hint(for: odd, in: axes.map(\.name)))
      }
      if rule.isEmpty { throw .data("\(place): left_out: found {}, which takes all cells") }
    }
    layout = try Layout(fields.take("table") ?? [:], axes: axes, "\(place): table")
    try fields.end()
    for members in [cell] + extents.values.map(\.cell)
      + axes.flatMap({ $0.choices.map(\.members) })
    {
      if let odd = members.keys.sorted().first(where: { !Cell.keys.contains($0) }) {
        throw .data(
          "\(place): unknown key \(odd.shortened) of a cell"
            + Spelling.hint(for: odd, in: Cell.keys))
      }
    }
  }

  private static func axis(_ value: JSONValue, _ place: String) throws(ExperimentError) -> Axis {
    var fields = try Fields(value, "\(place): axes")
    let name = try fields.text("name")
    let label = try fields.text("label", or: name)
    let here = "\(place): axes: \(name)"
    let choices = try fields.list("choices").map { value throws(ExperimentError) -> Choice in
      if let name = value.name { return Choice(name: name, x: value.number, members: [:]) }
      var fields = try Fields(value, here)
      let name = try fields.text("name")
      let x = fields.take("x")
      if let x, x.number == nil { throw fields.refuse("x", x, "a number") }
      return Choice(name: name, x: x?.number, members: fields.rest())
    }
    try fields.end()
    guard !choices.isEmpty, Set(choices.map(\.name)).count == choices.count else {
      throw .data("\(here): choices: expected at least one, each name once")
    }
    return Axis(name: name, label: label, choices: choices)
  }

  private static func extents(
    _ scales: [String: JSONValue], _ axes: [Axis], _ place: String
  ) throws(ExperimentError) -> [Scale: Extent] {
    var extents: [Scale: Extent] = [:]
    for scale in Scale.allCases {
      let here = "\(place): scales: \(scale.rawValue)"
      guard let value = scales[scale.rawValue] else { throw .data("\(here): found nothing") }
      var fields = try Fields(value, here)
      let meaning = try fields.text("means")
      let values = try fields.object("values")
      let cell = try fields.object("cell")
      var kept: [String: [String]] = [:]
      for (axis, names) in try fields.object("keep") {
        guard let known = axes.first(where: { $0.name == axis })?.choices.map(\.name) else {
          throw .data(
            "\(here): keep: unknown axis \(axis)" + Spelling.hint(for: axis, in: axes.map(\.name)))
        }
        guard case .array(let items) = names else {
          throw .data("\(here): keep: \(axis): expected an array of its choices")
        }
        kept[axis] = items.map { $0.name ?? "" }
        if let odd = kept[axis]?.first(where: { !known.contains($0) }) {
          throw .data(
            "\(here): keep: \(axis): unknown choice \(odd.shortened)"
              + Spelling.hint(for: odd, in: known))
        }
      }
      try fields.end()
      extents[scale] = Extent(meaning: meaning, values: values, cell: cell, kept: kept)
    }
    return extents
  }

  /// The axes with the choices that a scale takes.
  func axes(at scale: Scale) -> [Axis] {
    axes.map { axis in
      guard let kept = extents[scale]?.kept[axis.name] else { return axis }
      return Axis(
        name: axis.name, label: axis.label,
        choices: axis.choices.filter { kept.contains($0.name) })
    }
  }
}

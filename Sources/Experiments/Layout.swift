import Support

/// How the cells of an experiment become tables and drawings.
///
/// Axes that no part names are averaged over, such as seeds.
struct Layout: Sendable {
  /// A kind of drawing.
  enum Drawing: String, CaseIterable, Sendable {
    case lines, bars, heatmap, none
  }

  /// The axes whose choices are tables, rows and columns.
  let tables: [String], rows: [String], columns: [String]
  /// The choices with which others are compared, by axis: cells show how much better they are, as a
  /// share; empty for the values themselves.
  let gainOver: [String: String]
  /// The factor of the limit whose time is told: that of the last value of `gainOver`.
  let within: Double?
  /// How a table is drawn.
  let drawing: Drawing
  /// Whether the values of a drawing are shown on a logarithmic axis.
  let isLogarithmic: Bool

  /// Reads the member `table`.
  init(
    _ value: JSONValue, axes: [Experiment.Axis], _ place: String
  ) throws(ExperimentError) {
    var fields = try Fields(value, place)
    tables = try fields.words("tables")
    rows = try fields.words("rows")
    columns = try fields.words("columns")
    gainOver = try fields.object("gain_over").mapValues { $0.name ?? "" }
    let factor = fields.take("within")
    within = factor?.number
    let drawing = try fields.text("drawing", or: "none")
    guard let kind = Drawing(rawValue: drawing) else {
      throw fields.refuse(
        "drawing", .string(drawing), Drawing.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.drawing = kind
    isLogarithmic = try fields.flag("logarithmic")
    try fields.end()
    for name in tables + rows + columns + gainOver.keys.sorted()
    where !axes.contains(where: { $0.name == name }) {
      throw .data(
        "\(place): unknown axis \(name)" + Spelling.hint(for: name, in: axes.map(\.name)))
    }
    guard !rows.isEmpty, factor == nil || within ?? 0 >= 1 else {
      throw .data("\(place): expected rows, and within of at least 1")
    }
  }
}

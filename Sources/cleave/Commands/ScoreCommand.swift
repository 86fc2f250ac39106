import Evaluation
import MPI
import Support
import Training

/// `cleave score`: how much of each image the model does not explain.
struct ScoreCommand: Subcommand {
  static let name = "score"
  static let summary = "tell how damaged each image is, and which are outliers"
  static let details = """
    FILE.csv has one line an image: its row and name, and
    \(scoreTable)
    What the model does not have stays empty. The verdict, inlier or outlier, is by the score that
    --by names: of all cuts of the sorted scores, the one with the smallest variance on its two
    sides. FILE.h5 has the same as /scores/NAME. L and S are those of denoise.
    """
  private static let scoreTable = String(
    Help.table(Score.allCases.map { ($0.rawValue, $0.summary) }).dropLast())
  static let operands = [RunQuery.operand]
  static let options =
    RunQuery.options + [
      Option.rounds,
      Option.value("by", "SCORE", "the score that decides (default residual)"),
      Option.value("worst", "N", "list the N images that are explained worst"),
      Option.value("grid", "FILE", "a picture of them, with names and numbers (default 50)"),
    ]
  /// Images in a picture of the worst, and the most that are legible.
  private static let usualWorst = 50, mostWorst = 1000

  private let query: RunQuery
  private let decisive: Score
  private let worst: Int?
  private let grid: String?

  init(_ arguments: Arguments) throws {
    query = try RunQuery(arguments, endings: [".csv"] + RunQuery.files)
    decisive = try arguments.choice("by", as: Score.self) ?? .residual
    worst = try arguments.integer("worst", in: 1...Self.mostWorst)
    grid = arguments.value("grid")
    if let grid, !grid.hasSuffix(".png") {
      throw UsageError("--grid: found \(grid), expected a name that ends in .png")
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    if let grid {
      _ = try world.onRoot {
        try Outputs.checkTarget(
          grid, force: query.isForced, inputs: [query.data.path].compactMap { $0 })
        return 0
      }
    }
    return try query.answer(on: world, console) { outputs, trained in
      try world.agree {
        _ = try trained.encoder()
        if let grid { try trained.checkDrawable(grid, option: "--grid") }
      }
      let (images, line) = try query.data.open(for: trained, on: world, console)
      console.note(line)
      let found = try outputs.score(
        images, by: decisive, to: query.output, grid: grid, worst: worst ?? Self.usualWorst,
        rounds: query.rounds)
      guard let (scores, originals, cleanPart) = found else { return [] }
      console.note(cleanPart.description)
      let rows = worst.map { Array(scores.order.prefix($0)) } ?? []
      let names = rows.map { originals.name(of: $0) }
      if !query.isJSON {
        console.result(text(scores, rows, names, rowName: trained.imageShape.rowName))
      }
      if let grid { console.note("written: \(grid)") }
      return members(scores, rows, names)
    }
  }

  private func members(
    _ scores: Scores, _ rows: [Int], _ names: [String]
  ) -> [JSONValue.Member] {
    let worst = zip(rows, names).map { row, name in
      JSONValue.object(
        [
          JSONValue.Member("row", .integer(row)), JSONValue.Member("name", .string(name)),
          JSONValue.Member("verdict", scores.isOutlier(row) ? "outlier" : "inlier"),
        ]
          + scores.values.map {
            JSONValue.Member($0.score.rawValue, .real(Double($0.of[row])))
          })
    }
    return [
      .init("rows", .integer(scores.rows)), .init("by", .string(decisive.rawValue)),
      .init("threshold", scores.thresholdValue.map { .real(Double($0)) } ?? .null),
      .init("variance_ratio", scores.threshold.map { .real($0.ratio) } ?? .null),
      .init("outliers", .integer(scores.threshold?.outliers ?? 0)), .init("worst", .array(worst)),
    ]
  }

  private func text(
    _ scores: Scores, _ rows: [Int], _ names: [String], rowName: String
  ) -> String {
    let images = Quantity.count(scores.rows, rowName)
    var lines: [String] = []
    if let threshold = scores.threshold, let value = scores.thresholdValue {
      lines.append(
        "\(images): \(Quantity.count(threshold.outliers, "outlier")) from \(decisive.rawValue) "
          + "\(Quantity.significant(Double(value), 5)) on (variance within the two sides: "
          + "\(Quantity.significant(100 * threshold.ratio, 3)) % of the whole)")
    } else {
      lines.append("\(images): all have the same \(decisive.rawValue), so none is an outlier")
    }
    guard !rows.isEmpty else { return lines[0] }
    let cells = zip(rows, names).map { row, name in
      ["\(row)", name, scores.isOutlier(row) ? "outlier" : "inlier"]
        + scores.values.map { Quantity.significant(Double($0.of[row]), 5) }
    }
    lines.append(
      Columns.text(["row", "name", "verdict"] + scores.values.map(\.score.rawValue), cells))
    return lines.joined(separator: "\n")
  }
}

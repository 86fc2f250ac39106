import Datasets
import Images
import MPI
import Support
import Training

extension Outputs {
  /// Scores all images and writes the scores: a table of text if the name ends in `.csv`, otherwise
  /// `/scores/NAME` [N] float32 with names and labels.
  ///
  /// **Collective.** The scores, and so the verdicts, do not depend on the number of ranks.
  ///
  /// - Parameters:
  ///   - decisive: the score that decides who is an outlier.
  ///   - grid: a picture of the images that are explained worst; nil for none.
  ///   - worst: how many images that picture shows.
  ///   - rounds: the largest number of rounds that split rows outside the training set.
  /// - Returns: the scores and the names of the images, on rank 0.
  /// - Throws: `Scores.Missing` where the model does not have the deciding score.
  public func score(
    _ data: ImageSet, by decisive: Score, to path: String, grid: String?, worst: Int,
    rounds: Int
  ) throws -> (scores: Scores, originals: Originals, cleanPart: CleanPart)? {
    let rows = try SplitRows(trained, data, rounds: rounds, on: world)
    let source = rows.source
    var table: [Float] = []
    try RowBlocks(rows: source.count, of: source.whole.largestShape, on: world)
      .collect(width: Score.allCases.count) { block in
        try rows.scores(block, try rows.split(block, hasTerms: true))
      } write: {
        table += $1
      }
    return try world.agree {
      guard world.isRoot else { return nil }
      let scores = try Scores(table, rows: source.count, by: decisive)
      let originals = try Originals(of: data.whole)
      try checkTarget(path, data)
      if let grid { try checkTarget(grid, data) }
      if path.hasSuffix(".csv") {
        try TemporaryFile.write(scores.csv(originals), to: path)
      } else {
        try DatasetWriter.writeFile(path, force: force) { file in
          try originals.write(rows: source.count, to: file)
          try scores.write(to: file)
          for (name, value) in origin(data) { try file.write(attribute: name, on: "/", value) }
        }
      }
      if let grid {
        try drawWorst(rows, data, scores, originals, Array(scores.order.prefix(worst)), to: grid)
      }
      return (scores, originals, rows.cleanPart)
    }
  }

  /// Draws the images that are explained worst, with their names and numbers.
  private func drawWorst(
    _ rows: SplitRows, _ data: ImageSet, _ scores: Scores, _ originals: Originals, _ worst: [Int],
    to path: String
  ) throws {
    let source = rows.source
    let shape = source.whole.largestShape
    var (x, l, s) = ([Float](), [Float](), [Float]())
    for row in worst {
      let split = try rows.split(row..<row + 1)
      x += source.onCanvas(row, split.x)
      l += source.onCanvas(row, split.l)
      s += source.onCanvas(row, split.s, ground: 0)
    }
    var columns = [ComparisonSheet.Column("X", x), .init("L", l)]
    columns.append(.signed(rows.hasSparsePart ? "S" : "X - L", s))
    let shown = scores.values.map(\.score).filter { $0 != scores.decisive }
    let labels = worst.map { row in
      let numbers = ([scores.decisive] + shown).compactMap { score in
        scores.value(score, row).map {
          "\(score.rawValue) \(Quantity.significant(Double($0), 4))"
        }
      }
      return ([originals.name(of: row), scores.isOutlier(row) ? "outlier" : "inlier"] + numbers)
        .joined(separator: "\n")
    }
    let title =
      "\(runName), \(trained.checkpoint.name): the \(Quantity.count(worst.count, "image")) of the "
      + "\(scores.decisive.isHighWhereUnexplained ? "highest" : "lowest") "
      + "\(scores.decisive.rawValue), of \(Quantity.grouped(scores.rows))"
    let sheet = ComparisonSheet(
      title: title, columns: columns, labels: labels, rows: worst.count, height: shape.height,
      width: shape.width, channels: shape.channels, blocks: worst.count > 12 ? 2 : 1)
    try PNG.write(sheet.picture(), texts: texts(title, data), to: path)
  }
}

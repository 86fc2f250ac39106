import Evaluation
import Support

/// What was measured of the runs of groups: each, and the mean and deviation over them.
struct GroupEvaluationReport {
  private let path: String
  private let names: [String]
  private let results: [EvaluationResult]
  private let figures: [Comparison.Figure]

  /// The report of a folder of runs.
  ///
  /// - Throws: `Comparison.UnlikeFingerprints`.
  init(_ runs: NamedRuns, _ entries: [Comparison.Entry]) throws {
    path = runs.path
    names = runs.runs.map { $0.group ?? $0.directory.path }
    results = entries.map(\.result)
    figures = try Comparison(entries).groups.flatMap(\.figures)
  }

  /// The document of `--json`: each group as `evaluate` has a run, and the mean and deviation.
  var document: JSONValue {
    let groups = zip(names, results).map { name, result -> JSONValue in
      ["name": .string(name), "result": EvaluationReport.document(result)]
    }
    return [
      "runs": .string(path), "groups": .array(groups),
      "figures": .array(figures.map(ComparisonReport.figure)),
    ]
  }

  /// A table of each metric with a line each group, then mean and deviation.
  var text: String {
    let metrics = results[0].metrics.map(\.name)
      .filter { !$0.hasSuffix(MetricCatalogue.standardError) }
    let first = results[0]
    let title =
      "\(path) on \(first.data), \(first.part): "
      + "\(Quantity.count(names.count, "group")) of "
      + "\(Quantity.grouped(results.reduce(0) { $0 + $1.rows })) rows"
    return title.printable + "\n" + metrics.map(table).joined(separator: "\n")
      + (first.fingerprints + first.notes).map { "\n\($0.name): \($0.text)" }.joined()
  }

  private func table(_ metric: String) -> String {
    let columns = results[0][metric].map(\.of)
    let unit = MetricCatalogue.unit(of: metric) ?? .count
    func line(_ name: String, _ rows: Int?, _ value: (String) -> Double?) -> [String] {
      [name.printable, rows.map { Quantity.grouped($0) } ?? ""]
        + columns.map { of in value(of).flatMap { $0.isNaN ? nil : unit.text($0) } ?? "" }
    }
    func figure(_ of: String) -> Comparison.Figure? {
      figures.first { $0.metric == metric && $0.of == of }
    }
    let groups = zip(names, results).map { name, result in
      line(name, result.rows) { of in result[metric].first { $0.of == of }?.value }
    }
    return Columns.text(
      [metric, "rows"] + columns.map { $0.isEmpty ? "value" : $0 },
      groups + [
        line("mean", nil) { figure($0)?.mean }, line("deviation", nil) { figure($0)?.deviation },
      ])
  }
}

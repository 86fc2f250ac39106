import Evaluation
import Support

/// What was measured of one run, for people and as a document.
enum EvaluationReport {
  /// The document of `--json`.
  static func document(_ result: EvaluationResult) -> JSONValue {
    let metrics = result.metrics.map { name, values in
      let isPlain = values.count == 1 && values[0].of.isEmpty
      let members = values.map {
        JSONValue.Member($0.of, $0.value.isNaN ? .null : .real($0.value))
      }
      return JSONValue.Member(name, isPlain ? .real(values[0].value) : .object(members))
    }
    return .object(
      [
        .init("run", .string(result.run)), .init("checkpoint", .string(result.checkpoint)),
        .init("data", .string(result.data)),
        .init("split", .string(result.split)), .init("rows", .integer(result.rows)),
      ] + (result.patches.map { [.init("patches", .integer($0))] } ?? []) + [
        .init("reference", .string(result.reference)), .init("metrics", .object(metrics)),
        .init(
          "notes",
          .object(result.notes.map { JSONValue.Member($0.name, .string($0.text)) })),
        .init(
          "fingerprints",
          .object(result.fingerprints.map { JSONValue.Member($0.name, .string($0.text)) })),
      ])
  }

  /// A table, a line each number, with its standard error where that is known.
  static func text(_ result: EvaluationResult) -> String {
    let errors = Dictionary(
      result.metrics.filter { $0.name.hasSuffix(MetricCatalogue.standardError) }
        .map { (String($0.name.dropLast(MetricCatalogue.standardError.count)), $0.values) }
    ) { first, _ in first }
    let rows = result.metrics.filter { !$0.name.hasSuffix(MetricCatalogue.standardError) }
      .flatMap { name, values -> [[String]] in
        let unit = MetricCatalogue.unit(of: name) ?? .count
        return values.filter { !$0.value.isNaN }.map { value in
          let error = errors[name]?.first { $0.of == value.of }?.value
          let deviation = error.flatMap {
            $0.isNaN ? nil : "± \(Quantity.significant(unit.inUnit($0), 2))"
          }
          return [name, value.of, unit.text(value.value), deviation ?? "", unit.unit]
        }
      }
    return "\(result.run) on \(result.data), \(result.part): ".printable
      + (result.patches == nil ? result.count : result.extent + ",")
      + " against "
      + (result.reference == "clean" ? "the clean ones\n" : "themselves\n")
      + Columns.text(["metric", "of", "value", "", "unit"], rows)
      + explanations(result)
  }

  /// What the numbers belong to and are, a line each.
  static func explanations(_ result: EvaluationResult) -> String {
    (result.fingerprints + result.notes).map { "\n\($0.name): \($0.text)" }.joined()
  }
}

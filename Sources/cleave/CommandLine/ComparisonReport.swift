import Evaluation
import Support

/// What was measured of several runs, for people and as a document.
enum ComparisonReport {
  /// The document of `--json`: each run as `evaluate` has it, and the groups.
  static func document(
    _ comparison: Comparison, _ entries: [Comparison.Entry], baselines: [Comparison.Entry]
  ) -> JSONValue {
    let groups = comparison.groups.map { group in
      JSONValue.object([
        .init(
          "settings",
          .object(zip(comparison.keys, group.values).map { .init($0, .string($1)) })),
        .init("runs", .array(group.runs.map { .string($0) })),
        .init("figures", .array(group.figures.map(figure))),
      ])
    }
    func documents(_ entries: [Comparison.Entry]) -> JSONValue {
      .array(entries.map { EvaluationReport.document($0.result) })
    }
    return .object([
      .init("groups", .array(groups)), .init("runs", documents(entries)),
      .init("baselines", documents(baselines)),
    ])
  }

  /// A number of a group.
  static func figure(_ figure: Comparison.Figure) -> JSONValue {
    .object(
      [
        .init("metric", .string(figure.metric)), .init("of", .string(figure.of)),
        .init("mean", .real(figure.mean)),
      ]
        + (figure.deviation.map { [.init("deviation", .real($0))] } ?? [])
        + (figure.standardError.map { [.init("standard_error", .real($0))] } ?? [])
        + (figure.gain.map { [.init("gain", .real($0))] } ?? []))
  }

  /// A table, a line each group and number.
  static func text(_ comparison: Comparison, _ entries: [Comparison.Entry]) -> String {
    let figures = comparison.groups.flatMap(\.figures)
    let (hasSeveral, hasGain) = (
      comparison.groups.contains { $0.runs.count > 1 }, figures.contains { $0.gain != nil }
    )
    let header =
      ["run"] + comparison.keys + (hasSeveral ? ["runs"] : [])
      + ["metric", "of", "value", hasSeveral ? "deviation" : "", "unit"]
      + (hasGain ? ["gain"] : [])
    let rows = comparison.groups.flatMap { group in
      group.figures.map { figure -> [String] in
        let unit = MetricCatalogue.unit(of: figure.metric) ?? .count
        let runs = hasSeveral ? ["\(group.runs.count)"] : []
        let spread = (hasSeveral ? figure.deviation : figure.standardError).map {
          (hasSeveral ? "" : "± ") + Quantity.significant(unit.inUnit($0), 2)
        }
        return [group.name.printable] + group.values + runs
          + [figure.metric, figure.of, unit.text(figure.mean), spread ?? "", unit.unit]
          + (hasGain ? [figure.gain.map { Quantity.decimal(100 * $0, 1) + " %" } ?? ""] : [])
      }
    }
    return Columns.text(header, rows)
      + (hasGain ? "\ngain: how much better than the baseline, as a share of the baseline" : "")
      + (entries.first.map { EvaluationReport.explanations($0.result) } ?? "")
  }
}

/// How a metric went over the checkpoints of runs, for people and as a document.
enum CourseReport {
  /// The document of `--json`.
  static func document(
    _ courses: [Course], of metric: any Metric.Type, within factor: Double?
  ) -> JSONValue {
    let limit = limit(courses, metric, factor)
    let runs = courses.map { course in
      let first = limit.flatMap {
        course.first(reaching: $0, isHigherBetter: metric.isHigherBetter)
      }
      return JSONValue.object(
        [
          .init("run", .string(course.run)),
          .init("checkpoints", .array(course.points.map(point))),
        ] + (first.map { [.init("reached", point($0))] } ?? []))
    }
    return .object(
      [.init("metric", .string(metric.name))] + (limit.map { [.init("limit", .real($0))] } ?? [])
        + [.init("runs", .array(runs))])
  }

  private static func point(_ point: Course.Point) -> JSONValue {
    .object([
      .init("step", .integer(point.step)),
      .init("seconds", point.seconds.map { .real($0) } ?? .null),
      .init("value", .real(point.value)),
    ])
  }

  private static func limit(
    _ courses: [Course], _ metric: any Metric.Type, _ factor: Double?
  ) -> Double? {
    factor.flatMap {
      courses.last?.limit(within: $0, isHigherBetter: metric.isHigherBetter)
    }
  }

  /// A table, a line each checkpoint; then the times.
  static func text(
    _ courses: [Course], of metric: any Metric.Type, within factor: Double?
  ) -> String {
    let rows = courses.flatMap { course in
      course.points.map { point in
        [
          course.run.printable, "\(point.step)",
          point.seconds.map { Quantity.clock($0) } ?? "", metric.unit.text(point.value),
          metric.unit.unit,
        ]
      }
    }
    var text = Columns.text(["run", "step", "training", metric.name, "unit"], rows)
    guard let limit = limit(courses, metric, factor), let factor else { return text }
    text +=
      "\n\(metric.unit.words(limit)), within \(Quantity.significant(factor)) of the end of "
      + (courses.last?.run ?? "").printable + ":"
    let reached = courses.map {
      $0.first(reaching: limit, isHigherBetter: metric.isHigherBetter)
    }
    for (course, point) in zip(courses, reached) {
      text += "\n  \(course.run.printable): "
      guard let point else {
        text += "not reached"
        continue
      }
      text += "step \(point.step)"
      if let seconds = point.seconds { text += ", \(Quantity.clock(seconds)) of training" }
      if let last = reached.last?.flatMap(\.seconds), last > 0, let seconds = point.seconds,
        course.run != courses.last?.run
      {
        text += ", \(Quantity.decimal(100 * (last - seconds) / last, 1)) % less than the last run"
      }
    }
    return text
  }
}

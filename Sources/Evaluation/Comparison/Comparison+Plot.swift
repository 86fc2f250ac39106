import Report
import Support

extension Comparison {
  /// The picture of a metric over the settings in which the runs differ.
  ///
  /// One key of numbers gives a curve, two a heat map, others bars. It shows the gain over the
  /// baselines where there are any.
  ///
  /// - Parameter metric: the metric; its headline is drawn.
  /// - Returns: nil where no run has the metric.
  public func plot(of metric: any Metric.Type) -> Plot? {
    guard
      let of = metric.headline.first(where: { of in
        groups.contains { $0.figure(metric.name, of) != nil }
      })
    else { return nil }
    // One name for models that answer by L and by their reconstruction.
    let what = of.isEmpty || metric.headline.count > 1 ? metric.name : "\(metric.name): \(of)"
    let isGain = groups.contains { $0.figure(metric.name, of)?.gain != nil }
    let label = isGain ? "gain" : what
    let unit = isGain ? Measure.share : metric.unit
    let found = groups.map { group -> (value: Double, deviation: Double) in
      // Where a model has no L, its reconstruction is its answer.
      guard let figure = group.headline(of: metric) else { return (.nan, 0) }
      let value = isGain ? figure.gain ?? .nan : figure.mean
      let error = figure.deviation ?? figure.standardError ?? 0
      return (unit.inUnit(value), isGain ? 0 : unit.inUnit(error))
    }
    let runs = groups.reduce(0) { $0 + $1.runs.count }
    let numbers = keys.indices.compactMap(numbers(of:))
    let y = Plot.Axis(label, unit: unit.unit.isEmpty ? nil : unit.unit)
    func plot(_ x: String, _ y: Plot.Axis, _ marks: Plot.Marks) -> Plot {
      Plot(
        title: what + (isGain ? ", gain over the baseline" : "")
          + ", \(Quantity.count(runs, "run"))",
        subtitle: metric.summary,
        x: Plot.Axis(x), y: y, marks: marks)
    }
    if keys.count == 2, numbers.count == 2 {
      let (columns, rows) = (sortedValues(0, numbers[0]), sortedValues(1, numbers[1]))
      let cells = rows.flatMap { row in
        columns.map { column in
          groups.firstIndex { $0.values == [column, row] }.map { found[$0].value } ?? .nan
        }
      }
      return plot(
        keys[0], Plot.Axis(keys[1]),
        .heatMap(
          Plot.Matrix(
            rows: rows, columns: columns, cells, label: y.unit.map { "\(label) (\($0))" } ?? label,
            colours: isGain ? .diverging(around: 0) : .sequential)))
    }
    if keys.count == 1, let x = numbers.first {
      let order = x.indices.sorted { x[$0] < x[$1] }
      return plot(
        keys[0], y,
        .lines([
          Plot.Points(
            what, x: order.map { x[$0] }, y: order.map { found[$0].value },
            errors: order.map { found[$0].deviation })
        ]))
    }
    return plot(
      "run", y,
      .bars(
        groups: groups.map { $0.name.split(separator: "/").last.map(String.init) ?? $0.name },
        [Plot.Series(what, found.map(\.value), errors: found.map(\.deviation))]))
  }

  /// The values of a key as numbers, one of each group: `0.25`, or the levels of one kind of noise
  /// such as `salt-pepper:0.25`; nil where they are something else.
  private func numbers(of key: Int) -> [Double]? {
    let values = groups.map { $0.values[key].split(separator: ":") }
    guard Set(values.map { $0.dropLast().joined() }).count == 1 else { return nil }
    let numbers = values.compactMap { $0.last.flatMap { Double($0) } }
    return numbers.count == groups.count ? numbers : nil
  }

  /// The values of a key, each once, in the order of their numbers.
  private func sortedValues(_ key: Int, _ numbers: [Double]) -> [String] {
    var seen: Set<String> = []
    return groups.indices.sorted { numbers[$0] < numbers[$1] }.map { groups[$0].values[key] }
      .filter { seen.insert($0).inserted }
  }
}

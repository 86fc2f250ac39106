import Report
import Support

extension ExperimentResult {
  /// A drawing of each table; none for an experiment without.
  ///
  /// - Throws: `ExperimentError` for a result that its definition does not fit.
  public func drawings() throws -> [Plot] {
    guard experiment.layout.drawing != .none else { return [] }
    return try tables().map { drawing(of: $0) }
  }

  private func drawing(of table: ResultTable) -> Plot {
    let layout = experiment.layout
    let unit = table.units.first ?? .count
    let spacing: Plot.Spacing = layout.isLogarithmic ? .logarithmic : .linear
    let isOfTimes = layout.within != nil
    let what = isOfTimes ? table.measured : table.quantity
    let unitName = unit.unit.isEmpty || isOfTimes ? nil : unit.unit
    let y = Plot.Axis(what, unit: unitName, spacing)
    func plot(_ x: String, _ y: Plot.Axis, _ marks: Plot.Marks) -> Plot {
      Plot(
        title: table.caption(of: self),
        subtitle: "scale \(scale.rawValue): \(experiment.meaning(scale))", x: Plot.Axis(x), y: y,
        marks: marks)
    }
    let columns = label(of: layout.columns)
    switch layout.drawing {
    case .heatmap:
      return plot(
        columns, Plot.Axis(label(of: layout.rows)),
        .heatMap(
          Plot.Matrix(
            rows: table.rows, columns: table.columns,
            table.places.flatMap { $0.map { table.shown($0, unit).value } },
            label: unitName.map { "\(what) (\($0))" } ?? what,
            colours: layout.gainOver.isEmpty ? .sequential : .diverging(around: 0))))
    case .lines where !table.courses.isEmpty:
      return plot(
        "training (s)", y,
        .lines(
          table.courses.map { name, course in
            Plot.Points(
              name, x: course.points.map { $0.seconds ?? .nan }, y: course.points.map(\.value))
          }))
    case .lines:
      let x = places(of: table)
      return plot(
        columns, y,
        .lines(
          table.rows.indices.map { row in
            let shown = table.places[row].map { table.shown($0, unit) }
            return Plot.Points(
              table.rows[row], x: x, y: shown.map(\.value), errors: shown.map(\.deviation))
          }))
    case .bars, .none:
      return plot(
        columns, y,
        .bars(
          groups: table.columns,
          table.rows.indices.map { row in
            let shown = table.places[row].map { table.shown($0, unit) }
            return Plot.Series(
              table.rows[row], shown.map(\.value), errors: shown.map(\.deviation))
          }))
    }
  }

  private func label(of axes: [String]) -> String {
    axes.compactMap { name in experiment.axes.first { $0.name == name }?.label }
      .joined(separator: ", ")
  }

  /// The columns' places on the horizontal axis.
  private func places(of table: ResultTable) -> [Double] {
    let choices = experiment.layout.columns.first.flatMap { name in
      experiment.axes.first { $0.name == name }?.choices
    }
    return table.columns.enumerated().map { index, name in
      choices?.first { $0.name == name }?.x ?? Double(index)
    }
  }
}

extension ResultTable {
  /// A number as a drawing has it, not a number where there is none.
  fileprivate func shown(_ place: Place, _ unit: Measure) -> (value: Double, deviation: Double) {
    guard case .number(let number) = place else { return (.nan, .nan) }
    return (unit.inUnit(number.mean), number.deviation.map(unit.inUnit) ?? .nan)
  }
}

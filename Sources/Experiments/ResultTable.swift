import Evaluation
import Support

/// A table of a result: rows, columns and their numbers.
struct ResultTable {
  /// One number, with what stands beside it.
  struct Number {
    let mean: Double, deviation: Double?
    let count: Int
    let published: Double?
    let warnings: Set<String>
    /// Why some of the runs have no number; nil where all have.
    let failure: String?
    let isAside: Bool
  }

  /// What a place of the table has.
  enum Place {
    case number(Number)
    case failure(String)
    /// No cell.
    case none
  }

  /// The choices of the axes of tables, in words; empty for the only table.
  let name: String
  let rows: [String], columns: [String]
  /// `[rows, columns]`.
  let places: [[Place]]
  /// The kind of the numbers of a column.
  let units: [Measure]
  /// Whether a higher number of a column is better.
  let isHigherBetter: [Bool]
  /// What the numbers are, and what was measured for them.
  let quantity: String, measured: String
  /// How each row went over its checkpoints; empty where that was not measured.
  let courses: [(name: String, course: Course)]
}

extension ExperimentResult {
  /// The tables, in the order of their choices.
  func tables() throws -> [ResultTable] {
    let cells = try experiment.cells(at: scale)
    let axes = experiment.axes(at: scale)
    func combinations(_ names: [String]) -> [[String: String]] {
      var found: [[String: String]] = [[:]]
      for name in names {
        let choices = axes.first { $0.name == name }?.choices ?? []
        found = found.flatMap { row in choices.map { row.merging([name: $0.name]) { $1 } } }
      }
      return found
    }
    func words(_ at: [String: String], _ names: [String]) -> String {
      names.compactMap { at[$0] }.joined(separator: ", ")
    }
    let layout = experiment.layout
    return combinations(layout.tables).map { table in
      let columns = combinations(layout.columns)
      // A row or column without a cell at this scale is left out.
      func isThere(_ at: [String: String]) -> Bool {
        entries.keys.contains { key in
          at.merging(table) { $1 }.allSatisfy { key[$0.key] == $0.value }
        }
      }
      // What the others are compared with would gain nothing.
      func isBase(_ row: [String: String]) -> Bool {
        let at = table.merging(row) { $1 }
        return !layout.gainOver.isEmpty && layout.within == nil
          && layout.gainOver.allSatisfy { at[$0.key] == $0.value }
      }
      let rows = combinations(layout.rows).filter { isThere($0) && !isBase($0) }
      let kept = columns.filter(isThere)
      func cell(_ row: [String: String]?, _ column: [String: String]) -> Cell? {
        let at = table.merging(row ?? [:]) { $1 }.merging(column) { $1 }
        return cells.first { cell in at.allSatisfy { cell.at[$0.key] == $0.value } }
      }
      let samples = kept.map { column in cell(nil, column) }
      let isTime = layout.within != nil
      let isGain = !layout.gainOver.isEmpty && !isTime
      let units = samples.map { sample -> Measure in
        isTime ? .count : isGain ? .share : MetricNames.unit(of: sample?.reading.value ?? "")
      }
      return ResultTable(
        name: words(table, layout.tables), rows: rows.map { words($0, layout.rows) },
        columns: kept.map { words($0, layout.columns) },
        places: rows.map { row in
          kept.map { column in
            place(
              table.merging(row) { $1 }.merging(column) { $1 }, cell(row, column),
              published: published(table, row, column))
          }
        },
        units: units,
        isHigherBetter: samples.map { sample in
          isTime ? false : isGain || MetricNames.isHigherBetter(sample?.reading.metric ?? "")
        },
        quantity: quantity(of: samples.compactMap { $0 }),
        measured: Self.measured(by: samples.compactMap { $0 }),
        courses: rows.flatMap { row in
          kept.compactMap { column in
            let at = table.merging(row) { $1 }.merging(column) { $1 }
            return (entries[at]?.courses.min { $0.key < $1.key }).map {
              (words(row, layout.rows), $0.value)
            }
          }
        })
    }.filter { !$0.rows.isEmpty && !$0.columns.isEmpty }
  }

  /// The name of the only number that cells have; empty for several.
  private static func measured(by cells: [Cell]) -> String {
    let names = Set(cells.map(\.reading.value))
    return names.count == 1 ? names.first ?? "" : ""
  }

  private func quantity(of cells: [Cell]) -> String {
    let what = Self.measured(by: cells)
    let layout = experiment.layout
    let over = layout.gainOver.values.sorted().joined(separator: ", ")
    if let within = layout.within {
      return "seconds of training until \(what) is within \(Quantity.significant(within)) of the "
        + "end of \(over)"
    }
    return layout.gainOver.isEmpty ? what : "gain in \(what) over \(over)"
  }

  private func published(
    _ table: [String: String], _ row: [String: String], _ column: [String: String]
  ) -> Double? {
    var value = experiment.published
    let layout = experiment.layout
    for (names, at) in [(layout.tables, table), (layout.rows, row), (layout.columns, column)] {
      for name in names { value = at[name].flatMap { value?[$0] } }
    }
    return value?.number
  }

  private func place(
    _ at: [String: String], _ cell: Cell?, published: Double?
  ) -> ResultTable.Place {
    guard let cell, let entry = entries[at] else { return .none }
    if let failure = entry.failure, entry.values.isEmpty, entry.courses.isEmpty {
      return .failure(failure)
    }
    let values = cell.reading.isCourse ? times(at, entry, cell) : gains(at, entry, cell)
    guard !values.isEmpty else {
      return .failure(cell.reading.isCourse ? "not reached" : "nothing to compare with")
    }
    // One fit for all seeds has no deviation.
    let isOne = values.allSatisfy { abs($0 - values[0]) <= 1e-12 * abs(values[0]) }
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return .number(
      ResultTable.Number(
        mean: mean,
        deviation: values.count > 1 && !isOne ? (squares / (count - 1)).squareRoot() : nil,
        count: isOne ? 1 : values.count, published: published,
        warnings: cell.isOfModel ? entry.warnings : [], failure: entry.failure,
        isAside: cell.isAside))
  }

  /// The values, or how much better they are than those of what they are compared with, seed by seed.
  private func gains(_ at: [String: String], _ entry: Entry, _ cell: Cell) -> [Double] {
    let layout = experiment.layout
    let names = entry.values.keys.sorted()
    guard !layout.gainOver.isEmpty else { return names.compactMap { entry.values[$0] } }
    let base = entries[at.merging(layout.gainOver) { $1 }]?.values ?? [:]
    let sign = MetricNames.isHigherBetter(cell.reading.metric) ? -1.0 : 1
    return names.compactMap { name in
      guard let own = entry.values[name], let other = base[name], other != 0 else { return nil }
      return sign * (other - own) / abs(other)
    }
  }

  /// When each course had come to the quality that the layout names; none where it never did.
  private func times(_ at: [String: String], _ entry: Entry, _ cell: Cell) -> [Double] {
    let layout = experiment.layout
    let isHigher = MetricNames.isHigherBetter(cell.reading.metric)
    let names = entry.courses.keys.sorted()
    guard let within = layout.within else {
      return names.compactMap { entry.courses[$0]?.points.last?.value }
    }
    let base = entries[at.merging(layout.gainOver) { $1 }]?.courses ?? [:]
    return names.compactMap { name in
      guard let limit = base[name]?.limit(within: within, isHigherBetter: isHigher) else {
        return nil
      }
      return entry.courses[name]?.first(reaching: limit, isHigherBetter: isHigher)?.seconds
    }
  }
}

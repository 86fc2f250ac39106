import Support

extension ExperimentResult {
  /// The tables as a page in Markdown.
  ///
  /// - Parameter pictures: the file names of the drawings, one for each table; none for no
  ///   drawings.
  /// - Throws: `ExperimentError` for a result that its definition does not fit.
  public func page(pictures: [String] = []) throws -> String {
    let tables = try tables()
    var lines = ["# \(experiment.title)", "", "\(experiment.source). \(experiment.claim)", ""]
    let command = "cleave experiment run \(experiment.name) --scale \(scale.rawValue) --out FOLDER"
    lines += ["    \(command)", "", "At this scale: \(experiment.meaning(scale))", ""]
    lines.append(
      facts.filter { !$0.text.isEmpty }.map { "\($0.name) \($0.text)" }.joined(separator: "; ")
        + ".")
    for (index, table) in tables.enumerated() {
      if !table.name.isEmpty { lines += ["", "## \(table.name)"] }
      lines += ["", table.markdown]
      lines += table.notes.isEmpty ? [] : [""] + table.notes.map { "- \($0)" }
      if index < pictures.count {
        lines += ["", "![\(table.caption(of: self))](\(pictures[index]))"]
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension ResultTable {
  /// Signs of warnings in tables.
  private static let sign = "†"
  private static let failureSign = "‡"

  /// The table in Markdown; the best number of a column is bold.
  var markdown: String {
    let best = columns.indices.map(bestRow)
    let header =
      "| \(quantity) | "
      + columns.map { $0.isEmpty ? "ours" : Self.escaped($0) }
      .joined(separator: " | ") + " |"
    let rule = "| --- |" + String(repeating: " --- |", count: columns.count)
    let body = rows.indices.map { row in
      let cells = columns.indices.map { column in
        let text = self.text(places[row][column], column)
        return best[column] == row ? "**\(text)**" : text
      }
      return "| \(Self.escaped(rows[row])) | " + cells.joined(separator: " | ") + " |"
    }
    return ([header, rule] + body).joined(separator: "\n")
  }

  private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }

  private func text(_ place: Place, _ column: Int) -> String {
    switch place {
    case .none: return ""
    case .failure: return "fails"
    case .number(let number):
      let unit = units[column]
      var text = unit.text(number.mean)
      if let deviation = number.deviation {
        text += " ± \(Quantity.significant(unit.inUnit(deviation), 2))"
      }
      if unit.unit == "%" { text += " %" }
      if !number.warnings.isEmpty { text += " \(Self.sign)" }
      if number.failure != nil { text += " \(Self.failureSign)" }
      if let published = number.published {
        let difference = unit.inUnit(number.mean) - published
        text +=
          " (\(Quantity.significant(published)), "
          + "\(difference < 0 ? "−" : "+")\(Quantity.significant(abs(difference), 3)))"
      }
      return text
    }
  }

  /// The row with the best number of a column, among rivals; nil where there are fewer than two.
  private func bestRow(_ column: Int) -> Int? {
    let rivals = rows.indices.compactMap { row -> (row: Int, mean: Double)? in
      guard case .number(let number) = places[row][column], !number.isAside,
        number.failure == nil
      else { return nil }
      return (row, number.mean)
    }
    guard rivals.count > 1 else { return nil }
    return isHigherBetter[column]
      ? rivals.max { $0.mean < $1.mean }?.row : rivals.min { $0.mean < $1.mean }?.row
  }

  /// What signs and brackets mean.
  var notes: [String] {
    let all = places.flatMap { $0 }
    let numbers = all.compactMap { place -> Number? in
      if case .number(let number) = place { number } else { nil }
    }
    var notes: [String] = []
    let counts = Set(numbers.map(\.count)).sorted()
    if let most = counts.last, most > 1 {
      let words = counts.map { "\($0)" }.joined(separator: " to ")
      notes.append("Means of \(words) runs, ± their standard deviation.")
    }
    if numbers.contains(where: { $0.published != nil }) {
      notes.append("In brackets: the published value, and ours less that.")
    }
    let warnings = Set(numbers.flatMap(\.warnings)).sorted()
    if !warnings.isEmpty {
      notes.append(
        "\(Self.sign): a run ended with "
          + warnings.map { $0.replacing("_", with: " ") }.joined(separator: " or ") + ".")
    }
    let failures = rows.indices.flatMap { row in
      columns.indices.compactMap { column -> String? in
        let place = [rows[row], columns[column]].filter { !$0.isEmpty }.joined(separator: ", ")
        switch places[row][column] {
        case .failure(let reason): return "\(place): \(reason)"
        case .number(let number):
          return number.failure.map { "\(Self.failureSign) \(place), a part of the runs: \($0)" }
        case .none: return nil
        }
      }
    }
    return notes + failures
  }

  /// What a drawing of the table shows.
  func caption(of result: ExperimentResult) -> String {
    let words = [result.experiment.title, name].filter { !$0.isEmpty }
    return words.joined(separator: ": ")
  }
}

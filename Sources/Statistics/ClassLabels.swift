/// The classes of labelled rows, in ascending order.
struct ClassLabels {
  /// The different labels, ascending.
  let classes: [Int32]
  /// The place of each row's label in `classes`, [N].
  let indices: [Int]
  /// Rows by ascending class; rows of a class keep their order.
  let order: [Int]

  /// The classes of `rows` rows.
  ///
  /// - Throws: `StatisticsError.labels` for another number of labels; `StatisticsError.oneClass`.
  init(_ labels: [Int32], rows: Int) throws(StatisticsError) {
    guard labels.count == rows, rows > 0 else { throw .labels(found: labels.count, rows: rows) }
    let classes = Set(labels).sorted()
    guard classes.count > 1 else { throw .oneClass(label: classes[0]) }
    let places = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    indices = labels.map { places[$0] ?? 0 }
    self.classes = classes
    var rowsOfClass = [[Int]](repeating: [], count: classes.count)
    for (row, index) in indices.enumerated() { rowsOfClass[index].append(row) }
    order = rowsOfClass.flatMap { $0 }
  }
}

/// Shares of right predictions.
public enum Accuracy {
  /// The number of predictions that equal the truth; ranks add their counts.
  ///
  /// - Throws: `StatisticsError.labels` unless there is a label for each prediction.
  public static func right(
    _ predicted: [Int32], _ truth: [Int32]
  ) throws(StatisticsError) -> Int {
    guard predicted.count == truth.count else {
      throw .labels(found: truth.count, rows: predicted.count)
    }
    return zip(predicted, truth).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
  }

  /// The share of `test` that has the most frequent label of `training`, the lowest of equally
  /// frequent ones: what a classifier reaches that looks at no feature.
  ///
  /// - Throws: `StatisticsError.labels` if either is empty.
  public static func majorityRate(
    training: [Int32], test: [Int32]
  ) throws(StatisticsError) -> Double {
    var counts: [Int32: Int] = [:]
    for label in training { counts[label, default: 0] += 1 }
    let best = counts.max { ($0.value, $1.key) < ($1.value, $0.key) }
    guard let best, !test.isEmpty else { throw .labels(found: 0, rows: 1) }
    return Double(test.filter { $0 == best.key }.count) / Double(test.count)
  }
}

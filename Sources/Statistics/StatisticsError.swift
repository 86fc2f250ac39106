import Support

/// Data that a statistic is not defined for: one line with what was found and what was expected.
///
/// `quantity` names the data in words of the caller, such as `features`; the caller adds the file.
public enum StatisticsError: ExitStatusError, Equatable, CustomStringConvertible {
  /// A row with a number that is NaN or infinite; `row` counts from 0 in the given rows.
  case notFinite(quantity: String, row: Int)
  /// Fewer rows than the statistic needs.
  case rows(quantity: String, found: Int, needed: Int)
  /// Rows of another length than the rows they are compared with.
  case dimensions(quantity: String, found: Int, expected: Int)
  /// Another number of labels than of rows; 0 where labels are missing.
  case labels(found: Int, rows: Int)
  /// Labels of one class only, which leaves a classifier nothing to separate.
  case oneClass(label: Int32)
  /// Eigenvalues that do not converge, or numbers too large for a double.
  case notConverged(quantity: String)
  /// A parameter that a library of classifiers refuses; `reason` is the library's message.
  case refused(library: String, reason: String)

  /// One line: the quantity, what was found, what was expected.
  public var description: String {
    switch self {
    case .notFinite(let quantity, let row):
      "\(quantity): found NaN or infinity in row \(row), expected finite numbers"
    case .rows(let quantity, let found, let needed):
      "\(quantity): found \(Quantity.count(found, "row")), expected at least \(needed)"
    case .dimensions(let quantity, let found, let expected):
      "\(quantity): found rows of \(found) numbers, expected \(expected)"
    case .labels(let found, let rows):
      "labels: found \(found == 0 ? "none" : "\(found)"), expected one for each of "
        + Quantity.count(rows, "row")
    case .oneClass(let label):
      "labels: found class \(label) only, expected at least two classes"
    case .notConverged(let quantity):
      "\(quantity): found no eigenvalues, expected covariances of moderate size"
    case .refused(let library, let reason): "\(library): \(reason)"
    }
  }

  /// 65, wrong data.
  public var exitStatus: Int32 { 65 }
}

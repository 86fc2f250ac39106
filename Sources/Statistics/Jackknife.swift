/// The standard error of any number that is computed from rows, by leaving out groups of them in
/// turn.
///
/// Efron and Stein, "The Jackknife Estimate of Variance", Annals of Statistics 1981: with g groups,
/// ((g - 1) / g sum (x_i - mean)²)^½ over the numbers x_i without group i. A row's group is its
/// number modulo g, so that sorted rows do no harm.
public enum Jackknife {
  /// The number of groups, g.
  public static let groups = 10

  /// The standard error.
  ///
  /// - Parameter without: the number without the rows of a group.
  /// - Returns: nil where a number is not finite.
  public static func standardError(_ without: (_ group: Int) throws -> Double) rethrows -> Double? {
    try standardErrors(1) { [try without($0)] }[0]
  }

  /// The standard errors of several numbers.
  public static func standardErrors(
    _ count: Int, _ without: (_ group: Int) throws -> [Double]
  ) rethrows -> [Double?] {
    let found = try (0..<groups).map(without)
    let g = Double(groups)
    return (0..<count).map { place in
      let mean = found.reduce(0) { $0 + $1[place] } / g
      let squares = found.reduce(0) { $0 + ($1[place] - mean) * ($1[place] - mean) }
      return squares.isFinite ? ((g - 1) / g * squares).squareRoot() : nil
    }
  }
}

/// Mean, standard deviation and standard error of single numbers, from three sums.
///
/// The sums of several ranks add up. How values were blocked matters for rounding only.
public struct SampleMoments: Equatable, Sendable {
  /// The number of values, the sum of their distances from `origin`, and the sum of the squares of
  /// these distances, [3]; callers all-reduce them.
  public var sums: [Double]
  /// A number near the values, the same on all ranks.
  ///
  /// Rounding grows with the square of (mean - origin) / deviation; below 1000, nine digits stay.
  public let origin: Double

  /// No values yet.
  public init(origin: Double = 0) {
    self.origin = origin
    sums = [0, 0, 0]
  }

  /// All values at once: those of several seeds, for example.
  ///
  /// The first is the origin.
  public init(_ values: [Double]) {
    self.init(origin: values.first ?? 0)
    add(values)
  }

  /// Adds values.
  public mutating func add(_ values: [Double]) {
    for value in values {
      let distance = value - origin
      sums[0] += 1
      sums[1] += distance
      sums[2] += distance * distance
    }
  }

  /// The number of values.
  public var count: Int { Int(sums[0]) }

  /// The mean; nil without values.
  public var mean: Double? { sums[0] > 0 ? origin + sums[1] / sums[0] : nil }

  /// The standard deviation, by N - 1; nil below two values.
  public var deviation: Double? {
    guard sums[0] > 1 else { return nil }
    // A NaN stays one.
    let squares = sums[2] - sums[1] * sums[1] / sums[0]
    return (squares < 0 ? 0 : squares / (sums[0] - 1)).squareRoot()
  }

  /// The standard error of the mean: the deviation by the root of N; nil below two values.
  public var standardError: Double? { standardError(of: count) }

  /// The deviation by the root of another number than that of the values.
  ///
  /// The adversarial autoencoders' code divides the deviation of all pixels' errors by the root of
  /// the number of images (docs/systems.md, 8.6).
  public func standardError(of count: Int) -> Double? {
    deviation.map { $0 / Double(count).squareRoot() }
  }
}

import Tensors

/// The Frechet distance for infinitely many samples, from distances of several numbers of samples.
///
/// Chong & Forsyth, "Effectively Unbiased FID and Inception Score and Where to Find Them", CVPR
/// 2020: the distance of N samples is nearly a line over 1/N; the value of the line at 0 is free of
/// the bias. The number of reference samples stays as it is.
///
/// The line is fitted by ordinary least squares. The subsets share rows, so the standard error only
/// tells how well the line fits; it is below the deviation over independent sets of samples.
public struct FrechetExtrapolation: Equatable, Sendable {
  /// The value of the line at 1/N = 0.
  public let value: Double
  /// The standard error of that value.
  public let standardError: Double
  /// The slope of the line: the bias of N samples is slope / N.
  public let slope: Double
  /// The numbers of samples N, and their distances.
  public let sizes: [Int], distances: [Double]

  /// The line through distances of several numbers of samples.
  ///
  /// Ranks may share the distances, each of which is one call of `distance`. Traps unless there are
  /// as many distances as sizes.
  ///
  /// - Throws: `StatisticsError.rows` below three different sizes.
  public init(sizes: [Int], distances: [Double]) throws(StatisticsError) {
    precondition(sizes.count == distances.count, "\(sizes.count) sizes, \(distances.count) values")
    let distinct = Set(sizes).count
    guard distinct >= 3 else {
      throw .rows(quantity: "sizes of subsets", found: distinct, needed: 3)
    }
    let n = Double(sizes.count)
    let x = sizes.map { 1 / Double($0) }
    let (meanX, meanY) = (x.reduce(0, +) / n, distances.reduce(0, +) / n)
    var (xx, xy) = (0.0, 0.0)
    for (x, y) in zip(x, distances) {
      xx += (x - meanX) * (x - meanX)
      xy += (x - meanX) * (y - meanY)
    }
    slope = xy / xx
    value = meanY - slope * meanX
    var residual = 0.0
    for (x, y) in zip(x, distances) {
      let rest = y - value - slope * x
      residual += rest * rest
    }
    standardError = (residual / (n - 2) * (1 / n + meanX * meanX / xx)).squareRoot()
    (self.sizes, self.distances) = (sizes, distances)
  }

  /// Numbers of samples from a tenth of the rows to all, evenly spaced; the paper has 15.
  public static func sizes(rows: Int, count: Int = 15) -> [Int] {
    let smallest = max(2, rows / 10)
    guard rows > smallest, count > 1 else { return [rows] }
    return (0..<count).map { smallest + (rows - smallest) * $0 / (count - 1) }
  }

  /// The distance of `size` random rows of `features` [N, D] to a reference.
  ///
  /// The rows depend on seed and size alone.
  ///
  /// - Throws: `StatisticsError` for fewer rows than `size` or 2, for another D, and for numbers
  ///   that are not finite.
  public static func distance(
    size: Int, of features: Tensor, to reference: FrechetDistance, seed: Int
  ) throws(StatisticsError) -> Double {
    try features.requireRows(max(2, size), "features")
    try features.requireFinite("features")
    let rows = RandomSubset.draw(size, of: features.shape.rows, seed: seed, index: size)
    var moments = FeatureMoments(centre: reference.reference.mean)
    try features.requireColumns(moments.dimensions, "features")
    for part in parts(of: 0..<size, size: 2048) {
      try moments.add(features.gathered(Array(rows[part])))
    }
    return try reference.distance(of: moments.gaussian())
  }

  /// All distances on one rank, and their line.
  ///
  /// - Throws: `StatisticsError` as `distance` and `init` do.
  public init(
    of features: Tensor, to reference: FrechetDistance, sizes: [Int]? = nil, seed: Int
  ) throws(StatisticsError) {
    let sizes = sizes ?? Self.sizes(rows: features.shape.rows)
    var distances: [Double] = []
    for size in sizes {
      distances.append(try Self.distance(size: size, of: features, to: reference, seed: seed))
    }
    try self.init(sizes: sizes, distances: distances)
  }
}

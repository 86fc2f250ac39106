import Tensors

/// Sums of features and of their outer products, for mean and covariance.
///
/// D features. Blocks may come in any order and number; that changes rounding only. Products are
/// taken of distances from a centre. With centre 0, the covariance loses digits with the square of
/// mean / deviation: at a ratio of 1000, ten digits stay. Features far from 0 want a centre, which
/// must be the same on all ranks: the first row of the whole set, for example.
public struct FeatureMoments {
  /// The number of rows, the sums of the distances [D], and their outer products [D, D].
  ///
  /// Callers all-reduce them, [1 + D + D²]. Only the lower triangle of the products is in use.
  public var sums: [Double]
  /// What each row is measured from, [D].
  public let centre: [Double]

  /// No rows yet, of D = `dimensions` features, around 0.
  public init(dimensions: Int) { self.init(centre: [Double](repeating: 0, count: dimensions)) }

  /// No rows yet, around a centre [D].
  public init(centre: [Double]) {
    precondition(!centre.isEmpty, "features without dimensions")
    self.centre = centre
    sums = [Double](repeating: 0, count: 1 + centre.count + centre.count * centre.count)
  }

  /// The number of features of a row, D.
  public var dimensions: Int { centre.count }
  /// The number of rows so far.
  public var count: Int { Int(sums[0]) }

  /// Adds the rows of a block [B, D].
  ///
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  public mutating func add(_ block: Tensor) throws(StatisticsError) {
    try block.requireColumns(dimensions, "features")
    try block.requireFinite("features")
    let (d, centre) = (dimensions, centre)
    let chunk = max(16, min(2048, (1 << 22) / d))
    var rows = [Double](repeating: 0, count: min(chunk, block.shape.rows) * d)
    rows.withUnsafeMutableBufferPointer { rows in
      sums.withUnsafeMutableBufferPointer { sums in
        guard let rows = rows.baseAddress, let sums = sums.baseAddress else { return }
        for part in parts(of: 0..<block.shape.rows, size: chunk) {
          block.copyRows(part, minus: centre, to: rows)
          sums[0] += Double(part.count)
          for row in 0..<part.count {
            for j in 0..<d { sums[1 + j] += rows[row * d + j] }
          }
          DoubleAlgebra.addGram(part.count, d, rows, to: sums + 1 + d)
        }
      }
    }
  }

  /// The moments of all rows of some sets around one centre.
  public static func joined(_ parts: [FeatureMoments]) -> FeatureMoments {
    var all = parts[0]
    for part in parts.dropFirst() {
      precondition(part.centre == all.centre, "moments around unlike centres")
      for i in part.sums.indices { all.sums[i] += part.sums[i] }
    }
    return all
  }

  /// The mean of the rows and their covariance by N - 1.
  ///
  /// - Throws: `StatisticsError.rows` below two rows.
  public func gaussian() throws(StatisticsError) -> FeatureGaussian {
    guard count >= 2 else { throw .rows(quantity: "features", found: count, needed: 2) }
    let (d, n) = (dimensions, sums[0])
    let shift = sums[1...d].map { $0 / n }
    var covariance = [Double](repeating: 0, count: d * d)
    for i in 0..<d {
      for j in 0...i {
        let value = (sums[1 + d + i * d + j] - n * shift[i] * shift[j]) / (n - 1)
        // Rounding may leave a variance of constant features below 0.
        covariance[i * d + j] = i == j ? max(0, value) : value
        covariance[j * d + i] = covariance[i * d + j]
      }
    }
    return FeatureGaussian(mean: zip(centre, shift).map { $0 + $1 }, covariance: covariance)
  }
}

/// The mean [D] and the covariance [D, D] of features.
public struct FeatureGaussian: Equatable, Sendable {
  /// The mean, [D].
  public let mean: [Double]
  /// The covariance, [D, D], symmetric.
  public let covariance: [Double]

  /// Those of a file, for example; traps unless the covariance has the square of D elements.
  public init(mean: [Double], covariance: [Double]) {
    precondition(
      covariance.count == mean.count * mean.count,
      "a covariance of \(covariance.count) elements for \(mean.count) features")
    (self.mean, self.covariance) = (mean, covariance)
  }

  /// The number of features, D.
  public var dimensions: Int { mean.count }

  /// The trace of the covariance.
  public var trace: Double {
    (0..<dimensions).reduce(0) { $0 + covariance[$1 * dimensions + $1] }
  }
}

import Tensors

/// Precision and recall of samples by the manifolds of two sets of features.
///
/// Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models",
/// NeurIPS 2019. A set's manifold is the union of balls around its rows. Each is as wide as the
/// distance to the k-th nearest other row, k = 3. Precision is the share of samples within the
/// manifold of real features, recall the share of real features within that of the samples.
/// A row on the edge of a ball is inside, as in the paper's equation 1.
///
/// Distances are summed from differences, so results do not depend on how rows are blocked.
public struct FeatureManifold {
  /// The paper's k.
  public static let neighbours = 3
  private let nearest: NearestNeighbours
  private var distances: SquaredDistances { nearest.distances }

  /// The manifold of features [N, D].
  ///
  /// - Throws: `StatisticsError` without rows, and for numbers that are not finite.
  public init(of features: Tensor) throws(StatisticsError) {
    nearest = try NearestNeighbours(of: features)
  }

  /// Squared radii of the balls around some rows, [rows.count]; ranks may share the rows.
  ///
  /// - Throws: `StatisticsError.rows` unless there are more than k rows.
  public func squaredRadii(
    of rows: Range<Int>, k: Int = neighbours
  ) throws(StatisticsError) -> [Double] {
    let found = try nearest.nearestSquares(
      distances.reference.rows(rows), k, excludingFrom: rows.lowerBound)
    return (0..<rows.count).map { found.distances[$0 * k + k - 1] }
  }

  /// Which queries [B, D] lie in at least one ball, [B].
  ///
  /// - Parameter squaredRadii: of all rows, [N]; traps on another number.
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  public func contains(
    _ queries: Tensor, squaredRadii: [Double]
  ) throws(StatisticsError) -> [Bool] {
    precondition(
      squaredRadii.count == distances.count, "\(squaredRadii.count) radii of \(distances.count)")
    var isInside = [Bool](repeating: false, count: queries.shape.rows)
    try distances.forEachTile(of: queries, "queries") { tile in
      for (i, query) in tile.queries.enumerated() where !isInside[query] {
        for (j, row) in tile.references.enumerated()
        where tile.lowerBound(i, j) <= squaredRadii[row] {
          if distances.exactly(queries, query, to: row) <= squaredRadii[row] {
            isInside[query] = true
            break
          }
        }
      }
    }
    return isInside
  }
}

/// Both shares at once, on one rank.
public struct PrecisionRecall: Equatable, Sendable {
  /// The share of samples within the manifold of real features.
  public let precision: Double
  /// The share of real features within the manifold of the samples.
  public let recall: Double

  /// The shares of samples `made` [N, D] and features `real` [M, D].
  ///
  /// - Throws: `StatisticsError` unless both have more than k rows, for unlike D, and for numbers
  ///   that are not finite.
  public init(
    of made: Tensor, to real: Tensor, k: Int = FeatureManifold.neighbours
  ) throws(StatisticsError) {
    func share(of queries: Tensor, in features: Tensor) throws(StatisticsError) -> Double {
      let manifold = try FeatureManifold(of: features)
      let radii = try manifold.squaredRadii(of: 0..<features.shape.rows, k: k)
      let isInside = try manifold.contains(queries, squaredRadii: radii)
      return Double(isInside.filter { $0 }.count) / Double(max(1, isInside.count))
    }
    precision = try share(of: made, in: real)
    recall = try share(of: real, in: made)
  }
}

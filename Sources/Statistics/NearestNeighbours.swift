import Tensors

/// Nearest rows of a reference set by Euclidean distance (docs/systems.md, 8.10, and
/// k-nearest-neighbour classification).
///
/// Products of tiles only sort out pairs that cannot be near enough; every distance that counts is
/// summed from differences in double. So results are equal bit for bit however the queries are
/// blocked, and a copy has distance 0.
public struct NearestNeighbours {
  let distances: SquaredDistances

  /// The k nearest rows of each query, nearest first; of equal distances the lower row comes first.
  public struct Found: Equatable, Sendable {
    /// The number of neighbours of a query.
    public let k: Int
    /// Rows of the reference, [B, k].
    public let rows: [Int]
    /// Euclidean distances, [B, k].
    public let distances: [Double]
  }

  /// A reference set [N, D].
  ///
  /// - Throws: `StatisticsError` without rows, and for numbers that are not finite.
  public init(of reference: Tensor) throws(StatisticsError) {
    distances = try SquaredDistances(to: reference, "reference")
  }

  /// The k nearest reference rows of each query [B, D].
  ///
  /// - Parameters:
  ///   - k: at least 1.
  ///   - firstRow: where queries are rows of the reference, the number of the first: query i is not
  ///     compared with row `firstRow` + i. Copies of it elsewhere count.
  /// - Throws: `StatisticsError` for fewer than k reference rows besides the query, for rows of
  ///   another length, and for numbers that are not finite.
  public func nearest(
    to queries: Tensor, k: Int = 1, excludingFrom firstRow: Int? = nil
  ) throws(StatisticsError) -> Found {
    let squares = try nearestSquares(queries, k, excludingFrom: firstRow)
    return Found(k: k, rows: squares.rows, distances: squares.distances.map { $0.squareRoot() })
  }

  /// `nearest` with squared distances.
  func nearestSquares(
    _ queries: Tensor, _ k: Int, excludingFrom firstRow: Int?
  ) throws(StatisticsError) -> (rows: [Int], distances: [Double]) {
    precondition(k >= 1, "\(k) neighbours")
    let needed = k + (firstRow == nil ? 0 : 1)
    guard distances.count >= needed else {
      throw .rows(quantity: "reference", found: distances.count, needed: needed)
    }
    var rows = [Int](repeating: -1, count: queries.shape.rows * k)
    var best = [Double](repeating: .infinity, count: queries.shape.rows * k)
    try distances.forEachTile(of: queries, "queries") { tile in
      for (i, query) in tile.queries.enumerated() {
        let own = firstRow.map { $0 + query } ?? -1
        let (first, last) = (query * k, query * k + k - 1)
        var worst = best[last]
        for (j, row) in tile.references.enumerated() {
          // Equal distances leave the earlier row where it is.
          guard max(0, tile.lowerBound(i, j)) < worst, row != own else { continue }
          let distance = distances.exactly(queries, query, to: row)
          guard distance < worst else { continue }
          var place = last
          while place > first, distance < best[place - 1] {
            (best[place], rows[place]) = (best[place - 1], rows[place - 1])
            place -= 1
          }
          (best[place], rows[place]) = (distance, row)
          worst = best[last]
        }
      }
    }
    return (rows, best)
  }

  /// The class of each query [B, D] by the majority of its k nearest reference rows.
  ///
  /// Of classes with equally many neighbours, the class of the nearest of these neighbours wins.
  ///
  /// - Parameter labels: the classes of the reference rows, [N].
  /// - Throws: `StatisticsError.labels` for another number of labels; what `nearest` throws.
  public func classify(
    _ queries: Tensor, labels: [Int32], k: Int
  ) throws(StatisticsError) -> [Int32] {
    guard labels.count == distances.count else {
      throw .labels(found: labels.count, rows: distances.count)
    }
    let found = try nearest(to: queries, k: k)
    return (0..<queries.shape.rows).map { query in
      let classes = found.rows[query * k..<(query + 1) * k].map { labels[$0] }
      var votes: [Int32: Int] = [:]
      for label in classes { votes[label, default: 0] += 1 }
      let most = votes.values.max() ?? 0
      return classes.first { votes[$0] == most } ?? classes[0]
    }
  }
}

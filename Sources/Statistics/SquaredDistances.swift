import Tensors

/// Squared Euclidean distances between rows, tile by tile, by matrix products in double precision.
///
/// |x|² + |s|² - 2 x's cancels where rows are near each other. Rows are measured from the mean of
/// the reference, and each distance comes with a bound of its error; `exactly` has no cancellation.
struct SquaredDistances {
  /// The rows that distances are measured to, [N, D].
  let reference: Tensor
  private let centre: [Double]
  /// |s - centre|² of each reference row, [N].
  private let norms: [Double]

  /// A set of rows; `name` is what an error calls them.
  ///
  /// - Throws: `StatisticsError` without rows, and for numbers that are not finite.
  init(to reference: Tensor, _ name: String) throws(StatisticsError) {
    try reference.requireRows(1, name)
    try reference.requireFinite(name)
    self.reference = reference
    let centre = reference.meanRow()
    self.centre = centre
    norms = Self.norms(of: reference, minus: centre)
  }

  /// The number of numbers of a row, D.
  var dimensions: Int { reference.shape.columns }
  /// The number of reference rows, N.
  var count: Int { reference.shape.rows }

  /// Rows that are converted at once: 1024, or fewer where they are longer than 8192.
  private var tileRows: Int { max(64, min(1024, (1 << 23) / dimensions)) }

  /// Some queries against some reference rows.
  struct Tile {
    /// Rows of the queries.
    let queries: Range<Int>
    /// Rows of the reference.
    let references: Range<Int>
    /// Squared distances, [queries.count, references.count].
    let distances: UnsafePointer<Double>
    /// Squared norms of the centred rows.
    fileprivate let queryNorms: UnsafePointer<Double>, referenceNorms: UnsafePointer<Double>
    /// The bound of an error, as a part of the sum of both norms.
    fileprivate let precision: Double

    /// A lower bound of the true squared distance of a query's and a reference's place in the tile.
    func lowerBound(_ query: Int, _ reference: Int) -> Double {
      distances[query * references.count + reference]
        - precision * (queryNorms[query] + referenceNorms[reference])
    }
  }

  /// Calls `body` with tiles that cover all pairs of a query [B, D] and a reference row.
  ///
  /// Each query meets the reference rows in ascending order.
  ///
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  func forEachTile(
    of queries: Tensor, _ name: String, _ body: (Tile) -> Void
  ) throws(StatisticsError) {
    try queries.requireColumns(dimensions, name)
    try queries.requireFinite(name)
    let (d, n) = (dimensions, count)
    let queryNorms = Self.norms(of: queries, minus: centre)
    // Products and norms of D terms each have an error of D roundings of their size.
    let precision = 2 * Double(d + 8) * Double.ulpOfOne
    var left = [Double](repeating: 0, count: min(tileRows, queries.shape.rows) * d)
    var right = [Double](repeating: 0, count: min(tileRows, n) * d)
    var tile = [Double](
      repeating: 0, count: min(tileRows, queries.shape.rows) * min(tileRows, n))
    for rows in parts(of: 0..<queries.shape.rows, size: tileRows) {
      queries.copyRows(rows, minus: centre, to: &left)
      for columns in parts(of: 0..<n, size: tileRows) {
        reference.copyRows(columns, minus: centre, to: &right)
        DoubleAlgebra.multiply(
          rows.count, columns.count, d, left, right, transposeB: true, into: &tile)
        queryNorms.withUnsafeBufferPointer { queryNorms in
          norms.withUnsafeBufferPointer { norms in
            tile.withUnsafeMutableBufferPointer { tile in
              guard let firstX = queryNorms.baseAddress, let firstS = norms.baseAddress,
                let distances = tile.baseAddress
              else { return }
              let (x, s) = (firstX + rows.lowerBound, firstS + columns.lowerBound)
              for i in 0..<rows.count {
                let row = distances + i * columns.count
                for j in 0..<columns.count { row[j] = max(0, x[i] + s[j] - 2 * row[j]) }
              }
              body(
                Tile(
                  queries: rows, references: columns, distances: distances, queryNorms: x,
                  referenceNorms: s, precision: precision))
            }
          }
        }
      }
    }
  }

  /// The squared distance of one query to one reference row, from the differences.
  ///
  /// Equal rows have 0. The order of the sum depends on D alone, so it is symmetric, and equal bit
  /// for bit wherever it is computed.
  func exactly(_ queries: Tensor, _ query: Int, to row: Int) -> Double {
    let d = dimensions
    let x = queries.pointer + query * d
    let s = reference.pointer + row * d
    var partial = SIMD8<Double>.zero
    let vectors = d / 8 * 8
    for j in stride(from: 0, to: vectors, by: 8) {
      let a = UnsafeRawPointer(x + j).loadUnaligned(as: SIMD8<Float>.self)
      let b = UnsafeRawPointer(s + j).loadUnaligned(as: SIMD8<Float>.self)
      let difference = SIMD8<Double>(a) - SIMD8<Double>(b)
      partial += difference * difference
    }
    var sum = partial.sum()
    for j in vectors..<d {
      let difference = Double(x[j]) - Double(s[j])
      sum += difference * difference
    }
    return sum
  }

  private static func norms(of rows: Tensor, minus centre: [Double]) -> [Double] {
    let d = rows.shape.columns
    var row = [Double](repeating: 0, count: d)
    return (0..<rows.shape.rows).map { index in
      rows.copyRows(index..<index + 1, minus: centre, to: &row)
      return DoubleAlgebra.squares(row, d)
    }
  }
}

import Tensors

/// The Kernel Inception Distance between two sets of features.
///
/// Binkowski et al., "Demystifying MMD GANs", ICLR 2018: the squared maximum mean discrepancy with
/// the kernel (x'y / D + 1)³, unbiased, of random subsets of both sets. It may be below 0.
/// The distance is the mean over subsets; their deviation, by the number of subsets - 1, tells how
/// far one subset may be off.
public enum KernelDistance {
  /// Subsets that the paper takes.
  public static let subsets = 100

  /// Rows of a subset: 1000, or all rows of the smaller set.
  public static func subsetSize(_ rows: Int, _ others: Int) -> Int { min(1000, rows, others) }

  /// The squared discrepancies of some subsets, [subsets.count].
  ///
  /// Subset i has the same rows on every rank, so that ranks may share the subsets. Takes three
  /// products of [size, D] for each.
  ///
  /// - Parameters:
  ///   - subsets: numbers of subsets.
  ///   - size: rows of a subset, of each set.
  ///   - made: features [N, D].
  ///   - real: features [M, D].
  ///   - seed: of the choice of rows.
  /// - Throws: `StatisticsError` for fewer rows than `size` or 2, for unlike D, and for numbers
  ///   that are not finite.
  public static func discrepancies(
    _ subsets: Range<Int>, size: Int, of made: Tensor, to real: Tensor, seed: Int
  ) throws(StatisticsError) -> [Double] {
    guard size >= 2 else { throw .rows(quantity: "subset", found: size, needed: 2) }
    for (features, name) in [(made, "features"), (real, "reference")] {
      try features.requireRows(size, name)
      try features.requireFinite(name)
    }
    try made.requireColumns(real.shape.columns, "features")
    return subsets.map { index in
      discrepancy(
        chosen(size, of: made, seed: seed, index: 2 * index),
        chosen(size, of: real, seed: seed, index: 2 * index + 1), size)
    }
  }

  /// Random rows in double precision, [size, D].
  private static func chosen(_ size: Int, of features: Tensor, seed: Int, index: Int) -> [Double] {
    let rows = RandomSubset.draw(size, of: features.shape.rows, seed: seed, index: index)
    let (subset, d) = (features.gathered(rows), features.shape.columns)
    return [Double](unsafeUninitializedCapacity: size * d) { out, count in
      for i in 0..<size * d { out.initializeElement(at: i, to: Double(subset.pointer[i])) }
      count = size * d
    }
  }

  /// The unbiased squared discrepancy of x and y, both [n, D].
  private static func discrepancy(_ x: [Double], _ y: [Double], _ n: Int) -> Double {
    let d = x.count / n
    var gram = [Double](repeating: 0, count: n * n)
    /// Sums of the kernel over all pairs, and over pairs of a row with itself.
    func sums(_ a: [Double], _ b: [Double]) -> (all: Double, diagonal: Double) {
      DoubleAlgebra.multiply(n, n, d, a, b, transposeB: true, into: &gram)
      var (all, diagonal) = (0.0, 0.0)
      for i in 0..<n {
        var row = 0.0
        for j in 0..<n { row += kernel(gram[i * n + j], d) }
        all += row
        diagonal += kernel(gram[i * n + i], d)
      }
      return (all, diagonal)
    }
    let (xx, yy, xy) = (sums(x, x), sums(y, y), sums(x, y))
    let (pairs, cells) = (Double(n) * Double(n - 1), Double(n) * Double(n))
    return (xx.all - xx.diagonal) / pairs + (yy.all - yy.diagonal) / pairs - 2 * xy.all / cells
  }

  private static func kernel(_ product: Double, _ dimensions: Int) -> Double {
    let base = product / Double(dimensions) + 1
    return base * base * base
  }
}

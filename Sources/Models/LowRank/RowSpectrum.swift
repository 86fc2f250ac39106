import Foundation
import MPI
import Support
import Tensors
import Training

/// Singular values of a matrix whose rows lie with the ranks, and its right singular vectors.
struct RowSpectrum {
  /// Singular values, largest first, [k].
  let values: [Double]
  /// Right singular vectors as rows, [k, D].
  let vectors: [Double]
  /// The share of the matrix outside these vectors: its Frobenius norm over the whole one's.
  let outside: Double
}

/// How singular values are found.
enum SpectrumWay: String, CaseIterable, Sendable {
  /// From the matrix of all pairs of columns where that is small, otherwise at random.
  case auto
  /// From the eigenvalues of A'A, [D, D], in double precision.
  case gram
  /// From the range of A applied to random vectors: Halko, Martinsson & Tropp, "Finding structure
  /// with randomness", SIAM Review 2011.
  case randomized

  /// Columns of which a matrix of all pairs is made.
  static let largestGram = 4096
}

/// A matrix A, [N, D], whose rows live with the ranks; it is never stored.
struct RowMatrix {
  /// The rows.
  let rows: TrainingRows
  /// Writes consecutive rows of this rank, [rows.count, D].
  let fill: (Range<Int>, UnsafeMutablePointer<Double>) -> Void

  /// Columns, D.
  var columns: Int { rows.dimensions }

  // MARK: - A matrix of all pairs of columns

  /// All min(N, D) singular values.
  ///
  /// **Collective.** Values below 1e-8 of the largest are rounding.
  ///
  /// - Throws: `SpectrumError` if A has elements that are not finite.
  func spectrum() throws -> RowSpectrum {
    let d = columns
    let block = DoubleMemory(count: rows.blockRows * d)
    let gram = try rows.sum(d * d) { part, sums in
      fill(part, block.start)
      DoubleAlgebra.addGram(part.count, d, block.start, to: sums)
    }
    let k = min(d, rows.count)
    return try shared(count: k) {
      guard let found = DoubleAlgebra.eigen(gram, d) else { throw SpectrumError() }
      return RowSpectrum(
        values: found.values.prefix(k).map { max(0, $0).squareRoot() },
        vectors: Array(found.vectors.prefix(k * d)), outside: 0)
    }
  }

  // MARK: - A range

  /// About the `count` largest singular values, from the range of A V.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - first: V, as rows [count, D]: random ones, or those of a similar matrix.
  ///   - rounds: how often the range is found anew from the vectors it gave, at most.
  ///   - settled: the number of singular values that end it where a round moves each by less than
  ///     1e-9 of the largest; their vectors are then right to some 1e-5.
  /// - Throws: `SpectrumError` if A has elements that are not finite.
  func spectrum(
    from first: [Double], count k: Int, rounds: Int, settled: Int? = nil
  ) throws -> RowSpectrum {
    var found = try round(first, k)
    for _ in 1..<max(1, rounds) {
      let before = found.values
      found = try round(found.vectors, k)
      let moved = zip(before, found.values).prefix(settled ?? k).map { abs($0 - $1) }.max() ?? 0
      if moved <= 1e-9 * (found.values.first ?? 0) { break }
    }
    return found
  }

  /// `known` vectors and random ones, as rows [count, D], for a start.
  func filled(_ known: [Double], to count: Int, seed: UInt64, time: Int) -> [Double] {
    let d = columns
    let draws = Draws(seed: seed, purpose: .projection, time: time)
    var vectors = known
    var row = [Float](repeating: 0, count: d)
    for i in known.count / d..<count {
      draws.normal(row: i, into: &row, count: d)
      vectors += row.map { Double($0) }
    }
    return vectors
  }

  /// One round: Q spans A V, and B = Q'A has the singular values.
  private func round(_ vectors: [Double], _ k: Int) throws -> RowSpectrum {
    let d = columns
    let block = DoubleMemory(count: rows.blockRows * d)
    let image = DoubleMemory(count: rows.localRows.count * k)  // A V of this rank's rows
    let first = rows.localRows.lowerBound
    // R of A V = Q R, from those of the lanes.
    var triangles = [Double](repeating: 0, count: rows.lanes.count * k * k)
    vectors.withUnsafeBufferPointer { vectors in
      guard let v = vectors.baseAddress else { return }
      rows.forEachBlock { _, part in
        fill(part, block.start)
        DoubleAlgebra.product(
          part.count, k, d, block.start, v, transposeB: true,
          into: image.start + (part.lowerBound - first) * k)
      }
    }
    for lane in rows.localLanes {
      let own = rows.lanes.rows(of: lane)
      let start = image.start + (own.lowerBound - first) * k
      let triangle = DoubleAlgebra.triangle(
        Array(UnsafeBufferPointer(start: start, count: own.count * k)), own.count, k)
      triangles.replaceSubrange(lane * k * k..<(lane + 1) * k * k, with: triangle)
    }
    try rows.world.allReduce(&triangles, .sum)
    // Y'A and the squares of A, Y = A V.
    let products = try rows.sum(k * d + 1) { part, sums in
      fill(part, block.start)
      DoubleAlgebra.product(
        k, d, part.count, image.start + (part.lowerBound - first) * k, transposeA: true,
        block.start,
        into: sums, beta: 1)
      sums[k * d] += DoubleAlgebra.squares(block.start, part.count * d)
    }
    return try shared(count: k) {
      try Self.decompose(products, triangles, lanes: rows.lanes.count, k, d)
    }
  }

  /// The singular values of B = Q'A = R'⁻¹ Y'A; directions in which R is 0 are left out.
  private static func decompose(
    _ products: [Double], _ triangles: [Double], lanes: Int, _ k: Int, _ d: Int
  ) throws -> RowSpectrum {
    let r = DoubleAlgebra.triangle(triangles, lanes * k, k)
    guard let inner = DoubleAlgebra.singular(r, k, k) else { throw SpectrumError() }
    let limit = (inner.values.first ?? 0) * 1e-13
    let kept = inner.values.prefix { $0 > limit }.count
    // Q is Y V / values, by the singular values and vectors of R.
    var turn = Array(inner.right.prefix(kept * k))
    for i in 0..<kept {
      for j in 0..<k { turn[i * k + j] /= inner.values[i] }
    }
    var b = [Double](repeating: 0, count: kept * d)
    DoubleAlgebra.multiply(kept, d, k, turn, products, into: &b)
    guard let found = DoubleAlgebra.singular(b, kept, d) else { throw SpectrumError() }
    let (whole, inside) = (products[k * d], found.values.reduce(0) { $0 + $1 * $1 })
    let outside = whole > 0 ? (max(0, whole - inside) / whole).squareRoot() : 0
    let padding = k - found.values.count
    return RowSpectrum(
      values: found.values + Array(repeating: 0, count: padding),
      vectors: found.right + Array(repeating: 0, count: padding * d), outside: outside)
  }

  /// What rank 0 finds, on all ranks: processors may differ.
  ///
  /// **Collective.**
  private func shared(count k: Int, _ find: () throws -> RowSpectrum) throws -> RowSpectrum {
    let d = columns
    var flat = [Double](repeating: 0, count: k + k * d + 1)
    Activity.begin("singular values", lane: rows.localLanes.lowerBound)
    try rows.world.agreeAsleep {
      guard rows.world.isRoot else { return }
      let found = try find()
      flat = found.values + found.vectors + [found.outside]
    }
    try flat.withUnsafeMutableBytes { try rows.world.broadcast($0) }
    return RowSpectrum(
      values: Array(flat[..<k]), vectors: Array(flat[k..<k + k * d]), outside: flat[k + k * d])
  }
}

/// No singular values: an element is not a number, or the routine did not converge.
struct SpectrumError: Error, CustomStringConvertible {
  var description: String { "singular values: do not converge" }
}

/// Memory for doubles, freed with its owner.
final class DoubleMemory {
  let start: UnsafeMutablePointer<Double>

  init(count: Int) { start = .allocate(capacity: max(1, count)) }

  deinit { start.deallocate() }
}

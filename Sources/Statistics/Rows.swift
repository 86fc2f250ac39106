import CKernels
import Tensors

/// Checks of matrices [N, D], and their rows in double precision.
///
/// A tensor of another rank is read as a matrix: images [N, H, W, C] have D = H W C.
extension Tensor {
  /// Refuses numbers that are not finite.
  ///
  /// - Throws: `StatisticsError.notFinite` with the first such row.
  func requireFinite(_ quantity: String) throws(StatisticsError) {
    guard ck_all_finite(pointer, count) == 0 else { return }
    let d = shape.columns
    let row = (0..<shape.rows).first { ck_all_finite(pointer + $0 * d, d) == 0 } ?? 0
    throw .notFinite(quantity: quantity, row: row)
  }

  /// Refuses fewer than `needed` rows, and rows without numbers.
  ///
  /// - Throws: `StatisticsError.rows`, `StatisticsError.dimensions`.
  func requireRows(_ needed: Int, _ quantity: String) throws(StatisticsError) {
    guard shape.rows >= needed else {
      throw .rows(quantity: quantity, found: shape.rows, needed: needed)
    }
    guard shape.columns > 0 else {
      throw .dimensions(quantity: quantity, found: 0, expected: 1)
    }
  }

  /// Refuses rows of another length.
  ///
  /// - Throws: `StatisticsError.dimensions`.
  func requireColumns(_ expected: Int, _ quantity: String) throws(StatisticsError) {
    guard shape.columns == expected else {
      throw .dimensions(quantity: quantity, found: shape.columns, expected: expected)
    }
  }

  /// Writes rows minus `centre` [D] in double precision to `target`, [rows, D].
  func copyRows(
    _ rows: Range<Int>, minus centre: [Double], to target: UnsafeMutablePointer<Double>
  ) {
    let d = shape.columns
    precondition(rows.upperBound <= shape.rows && centre.count == d, "rows \(rows) of \(shape)")
    centre.withUnsafeBufferPointer { centre in
      for (index, row) in rows.enumerated() {
        let (source, out) = (pointer + row * d, target + index * d)
        for j in 0..<d { out[j] = Double(source[j]) - centre[j] }
      }
    }
  }

  /// The mean of all rows, [D], in double precision.
  func meanRow() -> [Double] {
    let d = shape.columns
    var mean = [Double](repeating: 0, count: d)
    ck_column_sums(pointer, &mean, shape.rows, d, 0)
    for j in 0..<d { mean[j] /= Double(max(1, shape.rows)) }
    return mean
  }

  /// Copies of the rows with the given numbers, [rows.count, D].
  func gathered(_ rows: [Int]) -> Tensor {
    let d = shape.columns
    let result = Tensor(Shape(rows.count, d))
    for (index, row) in rows.enumerated() {
      precondition((0..<shape.rows).contains(row), "row \(row) of \(shape)")
      ck_copy(result.pointer + index * d, pointer + row * d, d)
    }
    return result
  }
}

/// A range in consecutive parts of at most `size`.
func parts(of range: Range<Int>, size: Int) -> [Range<Int>] {
  stride(from: range.lowerBound, to: range.upperBound, by: size).map {
    $0..<min($0 + size, range.upperBound)
  }
}

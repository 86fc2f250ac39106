import COpenBLAS
import Foundation

/// Products and decompositions in double precision, by OpenBLAS and the LAPACK in it.
///
/// Matrices are row-major.
public enum DoubleAlgebra {
  /// c = op(a) op(b) + beta c, where op transposes or does nothing.
  ///
  /// op(a) is [m, k], op(b) [k, n], c [m, n]. Traps if an array is too short. The C function is
  /// `cblas_dgemm`.
  public static func multiply(
    _ m: Int, _ n: Int, _ k: Int, _ a: [Double], transposeA: Bool = false, _ b: [Double],
    transposeB: Bool = false, into c: UnsafeMutablePointer<Double>, beta: Double = 0
  ) {
    precondition(a.count >= m * k && b.count >= k * n, "[\(m), \(k)] times [\(k), \(n)]")
    guard m > 0, n > 0 else { return }
    BLAS.count(m, n, k)
    cblas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), 1, a, blasint(max(1, transposeA ? m : k)), b,
      blasint(max(1, transposeB ? k : n)), beta, c, blasint(n))
  }

  /// Replaces a symmetric positive definite matrix [n, n] by its inverse.
  ///
  /// The Fortran routines are `DPOTRF` and `DPOTRI`.
  ///
  /// - Returns: the log of the determinant. Nil, with undefined content, if the matrix is not
  ///   positive definite.
  public static func invert(_ a: UnsafeMutablePointer<Double>, _ n: Int) -> Double? {
    var (order, info) = (blasint(n), blasint(0))
    // The lower triangle in row-major order is the upper triangle in column-major order.
    dpotrf_("U", &order, a, &order, &info)
    guard info == 0 else { return nil }
    var logDeterminant = 0.0
    for i in 0..<n { logDeterminant += 2 * log(a[i * n + i]) }
    dpotri_("U", &order, a, &order, &info)
    guard info == 0 else { return nil }
    for i in 0..<n {
      for j in 0..<i { a[j * n + i] = a[i * n + j] }
    }
    return logDeterminant
  }

  /// Eigenvalues of a symmetric matrix [n, n], largest first, with their vectors as rows [n, n].
  ///
  /// The largest element of a vector is positive. The Fortran routine is `DSYEVD`.
  ///
  /// - Returns: nil if the routine does not converge, for example because an element is not a
  ///   number.
  public static func eigen(
    _ matrix: [Double], _ n: Int
  ) -> (values: [Double], vectors: [Double])? {
    precondition(matrix.count == n * n, "\(matrix.count) elements as [\(n), \(n)]")
    var (order, info) = (blasint(n), blasint(0))
    var (a, values) = (matrix, [Double](repeating: 0, count: n))
    var (length, integers) = (blasint(1 + 6 * n + 2 * n * n), blasint(3 + 5 * n))
    var work = [Double](repeating: 0, count: Int(length))
    var integerWork = [blasint](repeating: 0, count: Int(integers))
    dsyevd_(
      "V", "U", &order, &a, &order, &values, &work, &length, &integerWork, &integers, &info)
    guard info == 0, values.allSatisfy(\.isFinite) else { return nil }
    // LAPACK gives columns in column-major order, smallest eigenvalue first.
    var vectors: [Double] = []
    vectors.reserveCapacity(n * n)
    for row in (0..<n).reversed() {
      let vector = a[row * n..<(row + 1) * n]
      let largest = vector.max { abs($0) < abs($1) } ?? 1
      vectors += vector.map { largest < 0 ? -$0 : $0 }
    }
    return (values.reversed(), vectors)
  }
}

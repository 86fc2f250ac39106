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
    a.withUnsafeBufferPointer { a in
      b.withUnsafeBufferPointer { b in
        guard let a = a.baseAddress, let b = b.baseAddress else { return }
        product(m, n, k, a, transposeA: transposeA, b, transposeB: transposeB, into: c, beta: beta)
      }
    }
  }

  /// `multiply` of matrices in memory of the caller.
  public static func product(
    _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Double>, transposeA: Bool = false,
    _ b: UnsafePointer<Double>, transposeB: Bool = false, into c: UnsafeMutablePointer<Double>,
    beta: Double = 0
  ) {
    guard m > 0, n > 0 else { return }
    BLAS.count(m, n, k)
    cblas_dgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), 1, a, blasint(max(1, transposeA ? m : k)), b,
      blasint(max(1, transposeB ? k : n)), beta, c, blasint(n))
  }

  /// Adds a'a to the lower triangle of c; a is [n, d], c [d, d].
  ///
  /// The C function is `cblas_dsyrk`.
  public static func addGram(
    _ n: Int, _ d: Int, _ a: UnsafePointer<Double>, to c: UnsafeMutablePointer<Double>
  ) {
    guard n > 0, d > 0 else { return }
    BLAS.count(d, (d + 1) / 2, n)
    cblas_dsyrk(
      CblasRowMajor, CblasLower, CblasTrans, blasint(d), blasint(n), 1, a, blasint(d), 1, c,
      blasint(d))
  }

  /// The sum of the squares of `count` values; the C function is `cblas_ddot`.
  public static func squares(_ a: UnsafePointer<Double>, _ count: Int) -> Double {
    cblas_ddot(blasint(count), a, 1, a, 1)
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
  /// Only the lower triangle is read.
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

  /// Eigenvalues of a symmetric matrix [n, n], largest first.
  ///
  /// Only the lower triangle is read. The Fortran routine is `DSYEVD`, without vectors.
  ///
  /// - Returns: nil if the routine does not converge.
  public static func eigenvalues(_ matrix: [Double], _ n: Int) -> [Double]? {
    precondition(matrix.count == n * n, "\(matrix.count) elements as [\(n), \(n)]")
    guard n > 0 else { return [] }
    var (order, info) = (blasint(n), blasint(0))
    var (a, values) = (matrix, [Double](repeating: 0, count: n))
    var (work, length) = ([0.0], blasint(-1))
    var (integers, integerLength) = ([blasint(0)], blasint(-1))
    for _ in 0..<2 {  // the first call asks for the memory that is needed
      dsyevd_(
        "N", "U", &order, &a, &order, &values, &work, &length, &integers, &integerLength, &info)
      guard info == 0 else { return nil }
      if length < 0 {
        (length, integerLength) = (blasint(work[0]), integers[0])
        work = [Double](repeating: 0, count: Int(length))
        integers = [blasint](repeating: 0, count: Int(integerLength))
      }
    }
    return values.allSatisfy(\.isFinite) ? values.reversed() : nil
  }

  /// R of the decomposition a = Q R, [k, k]; a is [m, k].
  ///
  /// Rows of R beyond the m-th are zero. The Fortran routine is `DGELQF`, of a's transpose.
  public static func triangle(_ a: [Double], _ m: Int, _ k: Int) -> [Double] {
    precondition(a.count == m * k, "\(a.count) elements as [\(m), \(k)]")
    var result = [Double](repeating: 0, count: k * k)
    guard m > 0, k > 0 else { return result }
    var (rows, columns, lead, info) = (blasint(k), blasint(m), blasint(k), blasint(0))
    var length = blasint(64 * k)
    var (packed, scales) = (a, [Double](repeating: 0, count: min(m, k)))
    var work = [Double](repeating: 0, count: Int(length))
    dgelqf_(&rows, &columns, &packed, &lead, &scales, &work, &length, &info)
    for i in 0..<min(m, k) {
      for j in i..<k { result[i * k + j] = packed[i * k + j] }
    }
    return result
  }

  /// The singular value decomposition a = U diag(values) V', largest value first; a is [m, n].
  ///
  /// The Fortran routine is `DGESDD`, of a's transpose.
  ///
  /// - Returns: U as columns, [m, r], and V as rows, [r, n], r = min(m, n); nil if the routine does
  ///   not converge.
  public static func singular(
    _ a: [Double], _ m: Int, _ n: Int
  ) -> (left: [Double], values: [Double], right: [Double])? {
    precondition(a.count == m * n, "\(a.count) elements as [\(m), \(n)]")
    let r = min(m, n)
    guard r > 0 else { return ([], [], []) }
    var (rows, columns, info, rank) = (blasint(n), blasint(m), blasint(0), blasint(r))
    var leads = (blasint(n), blasint(n))
    var packed = a
    var values = [Double](repeating: 0, count: r)
    var (right, left) = (
      [Double](repeating: 0, count: n * r), [Double](repeating: 0, count: r * m)
    )
    var integers = [blasint](repeating: 0, count: 8 * r)
    var (work, length) = ([0.0], blasint(-1))
    for _ in 0..<2 {  // the first call asks for the memory that is needed
      dgesdd_(
        "S", &rows, &columns, &packed, &leads.0, &values, &right, &leads.1, &left, &rank, &work,
        &length, &integers, &info)
      guard info == 0 else { return nil }
      if length < 0 {
        length = blasint(work[0])
        work = [Double](repeating: 0, count: Int(length))
      }
    }
    return values.allSatisfy(\.isFinite) ? (left, values, right) : nil
  }
}

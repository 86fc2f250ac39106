import CKernels
import COpenBLAS
import Synchronization

/// Matrix products by OpenBLAS.
public enum BLAS {
  /// Keeps OpenBLAS to the calling thread: parallelism comes from ranks.
  public static func useOneThread() { openblas_set_num_threads(1) }

  /// The name of the kernel OpenBLAS chose when it was loaded, such as `SkylakeX` or `Zen`.
  public static var kernelName: String { String(cString: openblas_get_corename()) }

  private static let counter = Atomic<Int>(0)

  /// Multiplications and additions in all products of this process so far: 2 M N K of each.
  public static var operations: Int { counter.load(ordering: .relaxed) }

  /// Counts a product of [m, k] and [k, n] that is not made by OpenBLAS.
  public static func count(_ m: Int, _ n: Int, _ k: Int) {
    counter.wrappingAdd(2 * m * n * k, ordering: .relaxed)
  }

  /// c = alpha op(a) op(b) + beta c, where op transposes or not.
  ///
  /// Tensors of other ranks than 2 are read as matrices [rows, columns] (see ``Shape``). op(a) is
  /// [M, K], op(b) [K, N], c [M, N]; traps on other shapes. With `beta` 0 the former content of c
  /// does not matter. The C function is `cblas_sgemm`.
  public static func multiply(
    _ a: Tensor, _ b: Tensor, into c: Tensor, transposeA: Bool = false, transposeB: Bool = false,
    alpha: Float = 1, beta: Float = 0
  ) {
    let (m, k) =
      transposeA ? (a.shape.columns, a.shape.rows) : (a.shape.rows, a.shape.columns)
    let (kb, n) =
      transposeB ? (b.shape.columns, b.shape.rows) : (b.shape.rows, b.shape.columns)
    precondition(
      k == kb && c.shape.rows == m && c.shape.columns == n,
      """
      product of \(a.shape)\(transposeA ? " transposed" : "") \
      and \(b.shape)\(transposeB ? " transposed" : "") into \(c.shape)
      """)
    gemm(
      m, n, k, a.pointer, a.shape.columns, transposeA, b.pointer, b.shape.columns, transposeB,
      c.pointer, n, alpha: alpha, beta: beta)
  }

  /// c = alpha op(a) op(b) + beta c on memory.
  ///
  /// op(a) is [m, k], op(b) [k, n], c [m, n], row-major; each array is followed by its row stride
  /// in elements. Any of m, n, k may be 0. The C function is `cblas_sgemm`.
  public static func gemm(
    _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, _ strideA: Int, _ transposeA: Bool,
    _ b: UnsafePointer<Float>, _ strideB: Int, _ transposeB: Bool,
    _ c: UnsafeMutablePointer<Float>, _ strideC: Int,
    alpha: Float = 1, beta: Float = 0
  ) {
    if m == 0 || n == 0 { return }
    // OpenBLAS scales c by beta at a third of the speed of memory, and leaves it alone when beta is 1.
    if beta != 1 { scale(c, stride: strideC, rows: m, columns: n, by: beta) }
    if k == 0 { return }
    count(m, n, k)
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(strideA), b, blasint(strideB), 1, c,
      blasint(strideC))
  }

  /// c = beta c.
  private static func scale(
    _ c: UnsafeMutablePointer<Float>, stride: Int, rows: Int, columns: Int, by beta: Float
  ) {
    if beta == 0 && stride == columns { return ck_fill(c, 0, rows * columns) }
    for row in 0..<rows {
      if beta == 0 {
        ck_fill(c + row * stride, 0, columns)
      } else {
        ck_scale(c + row * stride, beta, columns)
      }
    }
  }
}

import CKernels
import COneDNN
import COpenBLAS
import Synchronization

/// Matrix products by oneDNN and OpenBLAS, each where it is the faster.
///
/// OpenBLAS copies both operands into the order in which its kernels read them, oneDNN reads them where they lie. For the
/// few rows of a batch that saves 5 to 15 % of a product, and most of a small one. Where it would go from row to row over
/// a stride that leaves it few sets of the cache, OpenBLAS takes a third or half less time.
public enum BLAS {
  /// Keeps both libraries to the calling thread, which parallelism does not come from but from ranks and ``Workers``.
  static func useOneThread() {
    openblas_set_num_threads(1)
    omp_set_num_threads(1)  // oneDNN's threads, of which OpenMP keeps a number for each thread
  }

  /// The name of the kernel OpenBLAS chose when it was loaded, such as `SkylakeX` or `Zen`; it is what stands for the
  /// arithmetic of a process, for oneDNN is held to the same vectors.
  public static var kernelName: String { String(cString: openblas_get_corename()) }

  /// Both libraries in words, oneDNN only where it takes part: `OpenBLAS kernel Zen, oneDNN 2.6.3`.
  public static var libraries: String {
    let kernel = "OpenBLAS kernel \(kernelName)"
    guard hasOneDNN, let version = dnnl_version()?.pointee else { return kernel }
    return "\(kernel), oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// The width of a kernel's vectors in bits; 128 for those not known.
  public static func vectorBits(of kernel: String) -> Int {
    switch kernel.lowercased() {
    case "skylakex", "cooperlake", "sapphirerapids": 512
    case "haswell", "zen", "sandybridge", "bulldozer", "piledriver", "steamroller", "excavator": 256
    default: 128
    }
  }

  /// Whether oneDNN takes part: not under kernels without fused multiply-add, for which it has nothing fast.
  private static let hasOneDNN: Bool =
    switch kernelName.lowercased() {
    case "haswell", "zen": dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2) == dnnl_success
    case let kernel: vectorBits(of: kernel) == 512
    }

  private static let counter = Atomic<Int>(0)

  /// Multiplications and additions in all products of this process so far: 2 M N K of each.
  public static var operations: Int { counter.load(ordering: .relaxed) }

  /// Counts a product of [m, k] and [k, n] that is made elsewhere.
  public static func count(_ m: Int, _ n: Int, _ k: Int) {
    counter.wrappingAdd(2 * m * n * k, ordering: .relaxed)
  }

  /// c = alpha op(a) op(b) + beta c, where op transposes or not.
  ///
  /// Tensors of other ranks than 2 are read as matrices [rows, columns] (see ``Shape``). op(a) is
  /// [M, K], op(b) [K, N], c [M, N]; traps on other shapes. With `beta` 0 the former content of c
  /// does not matter.
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
  /// in elements. Any of m, n, k may be 0. The C functions are
  /// `dnnl_sgemm` and `cblas_sgemm`.
  public static func gemm(
    _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, _ strideA: Int, _ transposeA: Bool,
    _ b: UnsafePointer<Float>, _ strideB: Int, _ transposeB: Bool,
    _ c: UnsafeMutablePointer<Float>, _ strideC: Int,
    alpha: Float = 1, beta: Float = 0
  ) {
    if m == 0 || n == 0 { return }
    count(m, n, k)
    guard m * n * k >= smallestShared else {
      return part(
        m, n, k, a, strideA, transposeA, b, strideB, transposeB, c, strideC, alpha, beta)
    }
    // Rows lie apart, columns side by side, where cores take lines of c from each other; few rows would cost more, since
    // each thread makes a packed copy of the operand that is not divided.
    if 2 * m > n {
      Workers.share(m, grain: tile) { rows in
        part(
          rows.count, n, k, a + rows.lowerBound * (transposeA ? 1 : strideA), strideA, transposeA,
          b, strideB, transposeB, c + rows.lowerBound * strideC, strideC, alpha, beta)
      }
    } else {
      Workers.share(n, grain: tile) { columns in
        part(
          m, columns.count, k, a, strideA, transposeA,
          b + columns.lowerBound * (transposeB ? strideB : 1), strideB, transposeB,
          c + columns.lowerBound, strideC, alpha, beta)
      }
    }
  }

  /// Below so many multiplications a product is not divided among threads: it takes some 5 us.
  private static let smallestShared = 1 << 18
  /// A multiple of the kernels' tiles.
  private static let tile = 16

  /// What one thread does of a product.
  private static func part(
    _ m: Int, _ n: Int, _ k: Int,
    _ a: UnsafePointer<Float>, _ strideA: Int, _ transposeA: Bool,
    _ b: UnsafePointer<Float>, _ strideB: Int, _ transposeB: Bool,
    _ c: UnsafeMutablePointer<Float>, _ strideC: Int, _ alpha: Float, _ beta: Float
  ) {
    if k == 0 { return scale(c, stride: strideC, rows: m, columns: n, by: beta) }
    let isStrided =
      transposeA && strideA % conflict == 0 || !transposeB && strideB % conflict == 0
    if hasOneDNN && !isStrided {
      let status = dnnl_sgemm(
        letter(transposeA), letter(transposeB), Int64(m), Int64(n), Int64(k), alpha,
        a, Int64(strideA), b, Int64(strideB), beta, c, Int64(strideC))
      precondition(status == dnnl_success, "dnnl_sgemm of \(m) x \(n) x \(k): \(status)")
      return
    }
    // OpenBLAS scales c by beta at a third of the speed of memory, and leaves it alone when beta is 1.
    if beta != 1 { scale(c, stride: strideC, rows: m, columns: n, by: beta) }
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(strideA), b, blasint(strideB), 1, c,
      blasint(strideC))
  }

  /// Rows a multiple of so many elements apart share cache sets: 512 bytes, by measurement.
  private static let conflict = 128

  /// How `dnnl_sgemm` is told to transpose an operand.
  private static func letter(_ transposes: Bool) -> CChar {
    CChar(UInt8(ascii: transposes ? "T" : "N"))
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

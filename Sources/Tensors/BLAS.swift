import CKernels
import COneDNN
import COpenBLAS
import Synchronization

/// Matrix products by oneDNN and OpenBLAS; each product uses the faster library.
///
/// OpenBLAS first copies both operands into the order that its kernels read. oneDNN reads the
/// operands in place. For the few rows of a batch, oneDNN saves 5 to 15 % of a product, and most of
/// a small product. If the row stride leaves oneDNN few cache sets, OpenBLAS takes a third or half
/// less time.
public enum BLAS {
  /// Keeps both libraries on the calling thread; parallelism comes from ranks and ``Workers``.
  static func useOneThread() {
    openblas_set_num_threads(1)
    omp_set_num_threads(1)  // OpenMP keeps a number of threads for each calling thread
  }

  /// The kernel that OpenBLAS chose when it was loaded, such as `SkylakeX` or `Zen`.
  ///
  /// The name describes the arithmetic of the process, because oneDNN is limited to the same
  /// vectors.
  public static var kernelName: String { String(cString: openblas_get_corename()) }

  /// Both libraries in words, oneDNN only if it is in use: `OpenBLAS kernel Zen, oneDNN 2.6.3`.
  public static var libraries: String {
    let kernel = "OpenBLAS kernel \(kernelName)"
    guard hasOneDNN, let version = dnnl_version()?.pointee else { return kernel }
    return "\(kernel), oneDNN \(version.major).\(version.minor).\(version.patch)"
  }

  /// The width of a kernel's vectors in bits; 128 for an unknown kernel.
  public static func vectorBits(of kernel: String) -> Int {
    switch kernel.lowercased() {
    case "skylakex", "cooperlake", "sapphirerapids": 512
    case "haswell", "zen", "sandybridge", "bulldozer", "piledriver", "steamroller", "excavator": 256
    default: 128
    }
  }

  /// The kernel with the widest vectors that all processors have on which these kernels run.
  public static func commonKernel(of kernels: [String]) -> String {
    let names = Set(kernels.map { $0.lowercased() })
    if names.count == 1, let only = kernels.first { return only }
    let ofHaswell: Set = ["haswell", "zen"]
    if names.allSatisfy({ vectorBits(of: $0) == 512 }) { return "SkylakeX" }
    if names.allSatisfy({ vectorBits(of: $0) == 512 || ofHaswell.contains($0) }) {
      return "Haswell"
    }
    #if arch(x86_64)
      return "Prescott"
    #else
      return "ARMV8"
    #endif
  }

  /// Whether oneDNN is in use: it is not used without fused multiply-add, because it is slow there.
  private static let hasOneDNN: Bool =
    switch kernelName.lowercased() {
    case "haswell", "zen": dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2) == dnnl_success
    case let kernel: vectorBits(of: kernel) == 512
    }

  private static let counter = Atomic<Int>(0)

  /// Multiplications and additions in all products of this process so far: 2 M N K of each.
  public static var operations: Int { counter.load(ordering: .relaxed) }

  /// Counts a product of [m, k] and [k, n] that other code makes.
  public static func count(_ m: Int, _ n: Int, _ k: Int) {
    counter.wrappingAdd(2 * m * n * k, ordering: .relaxed)
  }

  /// c = alpha op(a) op(b) + beta c, where op transposes or does nothing.
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
    // Parts of rows lie far apart in c. Parts of columns lie side by side, so cores compete for
    // cache lines. But with few rows, parts of rows cost more: each thread packs a copy of the
    // undivided operand.
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

  /// Multiplications of the smallest product that threads share; a smaller product takes about 5
  /// us.
  private static let smallestShared = 1 << 18
  /// A multiple of the kernels' tiles.
  private static let tile = 16

  /// One thread's part of a product.
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
    // OpenBLAS scales c by beta at a third of the speed of memory. With beta 1 it does not touch c.
    if beta != 1 { scale(c, stride: strideC, rows: m, columns: n, by: beta) }
    cblas_sgemm(
      CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), alpha, a, blasint(strideA), b, blasint(strideB), 1, c,
      blasint(strideC))
  }

  /// Row strides that are multiples of this many elements share cache sets: 512 bytes, by
  /// measurement.
  private static let conflict = 128

  /// The letter that tells `dnnl_sgemm` whether to transpose an operand.
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

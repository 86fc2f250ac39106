import Tensors
import Testing

@Suite struct BLASTests {
  /// The product in double precision; op(a) is [m, k], op(b) [k, n].
  private func product(
    _ a: Tensor, _ b: Tensor, _ m: Int, _ n: Int, _ k: Int, _ ta: Bool, _ tb: Bool
  ) -> [Double] {
    let (a, b) = (a.values, b.values)
    return (0..<m * n).map { at in
      let (i, j) = (at / n, at % n)
      return (0..<k).reduce(0.0) { sum, q in
        sum + Double(ta ? a[q * m + i] : a[i * k + q]) * Double(tb ? b[j * k + q] : b[q * n + j])
      }
    }
  }

  @Test(
    arguments: [(false, false), (true, false), (false, true), (true, true)],
    [(1, 1, 1), (7, 5, 3), (33, 17, 49), (20, 128, 31), (256, 40, 19)])
  func allTransposes(transposes: (Bool, Bool), size: (m: Int, n: Int, k: Int)) {
    Workers.start(1)
    let (ta, tb) = transposes
    let (m, n, k) = size
    let a = Tensor(ta ? Shape(k, m) : Shape(m, k), normals(m * k))
    let b = Tensor(tb ? Shape(n, k) : Shape(k, n), normals(n * k, row: 1))
    let before = normals(m * n, row: 2)
    let c = Tensor(Shape(m, n), before)
    let expected = product(a, b, m, n, k, ta, tb)
    BLAS.multiply(a, b, into: c, transposeA: ta, transposeB: tb)
    expectClose(c.values, expected, epsilons: 2, scale: Double(k))
    let d = Tensor(Shape(m, n), before)
    BLAS.multiply(a, b, into: d, transposeA: ta, transposeB: tb, alpha: 2, beta: -1)
    expectClose(
      d.values, zip(expected, before).map { 2 * $0 - Double($1) }, epsilons: 4, scale: Double(k))
  }

  /// A kernel that all of some processors have, of those that they chose themselves.
  @Test func commonKernels() {
    #expect(BLAS.commonKernel(of: ["Cooperlake", "Cooperlake"]) == "Cooperlake")
    #expect(BLAS.commonKernel(of: ["Cooperlake", "SkylakeX"]) == "SkylakeX")
    #expect(BLAS.commonKernel(of: ["SkylakeX", "Zen"]) == "Haswell")
    #if arch(x86_64)
      // Sandybridge has vectors of 256 bits, too, and no fused multiply-add.
      #expect(BLAS.commonKernel(of: ["Haswell", "Sandybridge"]) == "Prescott")
    #endif
  }

  @Test func emptyProducts() {
    let c = Tensor(Shape(2, 3), [.nan, 1, 2, 3, 4, 5])
    BLAS.multiply(Tensor(Shape(2, 0)), Tensor(Shape(0, 3)), into: c)
    #expect(c.values == zeros(6))
    let d = Tensor(Shape(2, 3), [0, 1, 2, 3, 4, 5])
    BLAS.multiply(Tensor(Shape(2, 0)), Tensor(Shape(0, 3)), into: d, beta: 2)
    #expect(d.values == [0, 2, 4, 6, 8, 10])
    let none = Tensor(Shape(0, 3))
    BLAS.multiply(Tensor(Shape(0, 4)), Tensor(Shape(4, 3)), into: none)
    BLAS.multiply(
      Tensor(Shape(4, 0)), Tensor(Shape(4, 3)), into: none, transposeA: true)
    let narrow = Tensor(Shape(3, 0))
    BLAS.multiply(Tensor(Shape(3, 4)), Tensor(Shape(4, 0)), into: narrow)
    #expect(none.values.isEmpty && narrow.values.isEmpty)
  }

  @Test func stridedMemory() {
    // c[0..<2, 1..<3] of a [2, 4] array = [[1, 2], [3, 4]] times the identity.
    let (a, identity, c) = (
      Tensor(Shape(2, 2), [1, 2, 3, 4]), Tensor(Shape(2, 2), [1, 0, 0, 1]), Tensor(Shape(2, 4))
    )
    BLAS.gemm(
      2, 2, 2, a.pointer, 2, false, identity.pointer, 2, false, c.pointer + 1, 4)
    #expect(c.values == [0, 1, 2, 0, 0, 3, 4, 0])
  }

  /// Exact runs need this: with another number of ranks, a lane's operands lie at another address.
  @Test(
    arguments: [(false, false), (true, false), (false, true)],
    [(64, 100, 300), (16, 1, 50), (40, 128, 60), (320, 200, 64)])
  func bitsDoNotDependOnWhereOperandsLie(
    transposes: (Bool, Bool), size: (m: Int, n: Int, k: Int)
  ) {
    Workers.start(1)
    let (ta, tb) = transposes
    let (m, n, k) = size
    let (a, b) = (normals(m * k + 16), normals(n * k + 16, row: 1))
    let results = [0, 1, 5, 16].map { shift in
      // The same numbers, further in memory by so many elements.
      let (x, y) = (Tensor(Shape(m * k + 32)), Tensor(Shape(n * k + 32)))
      let z = Tensor(Shape(m * n + 32))
      (x.pointer + shift).update(from: a, count: m * k)
      (y.pointer + shift).update(from: b, count: n * k)
      BLAS.gemm(
        m, n, k, x.pointer + shift, ta ? m : k, ta, y.pointer + shift, tb ? k : n, tb,
        z.pointer + shift, n)
      return (0..<m * n).map { z.pointer[shift + $0].bitPattern }
    }
    for other in results.dropFirst() { #expect(other == results[0]) }
  }

  @Test func higherRanksAreReadAsRows() {
    let a = Tensor(Shape(2, 1, 2), [1, 2, 3, 4])
    let c = Tensor(Shape(2, 1))
    BLAS.multiply(a, Tensor(Shape(2, 1), [1, 1]), into: c)
    #expect(c.values == [3, 7])
  }

  @Test func theKernelHasAName() {
    #expect(!BLAS.kernelName.isEmpty)
  }
}

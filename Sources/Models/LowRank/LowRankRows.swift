import Autodiff
import CKernels
import Tensors

/// Rows projected on some vectors V: A V diag(shares) V'.
struct LowRankRows {
  private let vectors: [Double]  // [r, D]
  private let shares: [Double]
  private let columns: Int
  private let whole: [Double]  // V diag(shares) V', [D, D], where that is less work

  init(vectors: [Double], shares: [Double], columns d: Int) {
    let r = shares.count
    self.vectors = Array(vectors.prefix(r * d))
    self.shares = shares
    columns = d
    guard 2 * r > d else {
      whole = []
      return
    }
    var scaled = self.vectors
    for i in 0..<r {
      for j in 0..<d { scaled[i * d + j] *= shares[i] }
    }
    var product = [Double](repeating: 0, count: d * d)
    DoubleAlgebra.multiply(d, d, r, scaled, transposeA: true, self.vectors, into: &product)
    whole = product
  }

  /// Projects `count` rows of A, [count, D].
  func apply(
    to a: UnsafePointer<Double>, _ count: Int, into l: UnsafeMutablePointer<Double>
  ) {
    let (d, r) = (columns, shares.count)
    guard r > 0 else { return l.update(repeating: 0, count: count * d) }
    guard whole.isEmpty else {
      return DoubleAlgebra.product(count, d, d, a, whole, into: l)
    }
    var codes = [Double](repeating: 0, count: count * r)
    DoubleAlgebra.product(count, r, d, a, vectors, transposeB: true, into: &codes)
    for i in codes.indices { codes[i] *= shares[i % r] }
    DoubleAlgebra.product(count, d, r, codes, vectors, into: l)
  }
}

extension Variable {
  /// The same variable, its values limited to [0, 1] where they are pixels; not for gradients.
  func limited(toUnit isBounded: Bool) -> Variable {
    if isBounded { ck_clamp(pointer, pointer, shape.count, 0, 1) }
    return self
  }
}

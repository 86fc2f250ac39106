import Tensors

/// The squared Frechet distance between Gaussians fitted to features.
///
/// Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
/// Equilibrium", NIPS 2017: |m1 - m2|² + tr C1 + tr C2 - 2 tr (C1 C2)^½. D features.
///
/// Differs from the authors' program: the trace of the root is the sum of the roots of the
/// eigenvalues of F C2 F', where C1 = F'F. So no complex numbers arise, and a covariance without
/// full rank needs nothing added. Eigenvalues below 0 count as 0; those of C1 below D epsilon times
/// the largest are rounding and count as 0. The error is some 1e-15 of the traces for covariances
/// of full rank, some 1e-8 of them otherwise.
public struct FrechetDistance {
  /// The Gaussian that distances are measured to.
  public let reference: FeatureGaussian
  /// F, one row for each eigenvalue of C1 above 0, [rank, D].
  private let factor: [Double]
  private let rank: Int

  /// Decomposes the covariance of the reference, once for all distances to it.
  ///
  /// Takes one eigendecomposition with vectors, about 5 s for D = 2048.
  ///
  /// - Throws: `StatisticsError.notFinite`; `StatisticsError.notConverged`.
  public init(to reference: FeatureGaussian) throws(StatisticsError) {
    try reference.requireFinite("reference")
    let d = reference.dimensions
    guard let axes = DoubleAlgebra.eigen(reference.covariance, d) else {
      throw .notConverged(quantity: "reference")
    }
    let smallest = Double(d) * Double.ulpOfOne * (axes.values.first ?? 0)
    rank = axes.values.prefix { $0 > max(0, smallest) }.count
    var factor = axes.vectors
    for row in 0..<rank {
      let root = axes.values[row].squareRoot()
      for j in 0..<d { factor[row * d + j] *= root }
    }
    factor.removeSubrange(rank * d..<d * d)
    self.factor = factor
    self.reference = reference
  }

  /// The squared distance of a Gaussian to the reference, at least 0.
  ///
  /// Takes two products and the eigenvalues of a matrix [rank, rank].
  ///
  /// - Throws: `StatisticsError.dimensions` for another D; `StatisticsError.notFinite`,
  ///   `StatisticsError.notConverged`.
  public func distance(of other: FeatureGaussian) throws(StatisticsError) -> Double {
    let d = reference.dimensions
    guard other.dimensions == d else {
      throw .dimensions(quantity: "features", found: other.dimensions, expected: d)
    }
    try other.requireFinite("features")
    let shift = zip(reference.mean, other.mean).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    var overlap = 0.0
    if rank > 0 {
      var half = [Double](repeating: 0, count: rank * d)
      DoubleAlgebra.multiply(rank, d, d, factor, other.covariance, into: &half)
      var product = [Double](repeating: 0, count: rank * rank)
      DoubleAlgebra.multiply(rank, rank, d, half, factor, transposeB: true, into: &product)
      guard product.allSatisfy(\.isFinite),
        let values = DoubleAlgebra.eigenvalues(product, rank)
      else { throw .notConverged(quantity: "features") }
      overlap = values.reduce(0) { $0 + max(0, $1).squareRoot() }
    }
    let distance = shift + reference.trace + other.trace - 2 * overlap
    guard distance.isFinite else { throw .notConverged(quantity: "features") }
    return max(0, distance)
  }
}

extension FeatureGaussian {
  /// Refuses means and covariances that are not finite.
  fileprivate func requireFinite(_ quantity: String) throws(StatisticsError) {
    if let index = mean.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(quantity: "mean of the \(quantity)", row: index)
    }
    if let index = covariance.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(quantity: "covariance of the \(quantity)", row: index / dimensions)
    }
  }
}

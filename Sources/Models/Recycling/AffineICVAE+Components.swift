import Layers
import Support
import Training

/// Sweeps over the principal components of images that are too large for sweeps over their pixels.
extension AffineICVAE {
  /// PCA of the components: W is diagonal, and b is 0.
  ///
  /// **Collective.** A line tells what the components keep.
  func first(
    of components: PrincipalComponents, _ session: Session
  ) throws -> (fit: AffineEM, variance: Double) {
    let (c, k) = (components.count, latent)
    let variances = try components.find(in: session.trainer, isCentred: hasBias)
    session.note(
      "principal components: \(Quantity.grouped(c)) of \(Quantity.grouped(session.trainer.dimensions)) "
        + "values keep \(Measure.share.words(Double(components.kept.value[0]))) of the variance")
    var fit = AffineEM(
      dimensions: c, latent: k, weights: Array(repeating: 0, count: c * k),
      bias: Array(repeating: 0, count: c))
    for a in 0..<k { fit.weights[a * k + a] = variances[a].squareRoot() }
    return (fit, max(variances.reduce(0, +) / Double(c), 1e-12))
  }

  /// The part of a block in a sweep over components.
  ///
  /// Of each row of `spreads`, the first C values are variances of m, the next C residuals of y.
  ///
  /// - Returns: the sum of h.
  func reducedSweep(
    _ x: [Double], _ projection: PrincipalComponents.Projection, _ fit: AffineEM,
    _ s: UnsafeMutablePointer<Float>, _ spreads: UnsafeMutablePointer<Float>, before: Double,
    least: Double, into sums: UnsafeMutablePointer<Double>
  ) -> Double {
    let (c, d) = (projection.components, projection.dimensions)
    let y = projection.codes(of: x)
    func place(_ i: Int) -> Int { i / c * d + i % c }
    var variances = y.indices.map {
      Self.variance(spreads[place($0) + c], spreads[place($0)], atLeast: before)
    }
    let posterior = fit.posterior(y, variances: variances)
    var means = y
    for i in y.indices {
      let at = place(i)
      means[i] -= posterior.residuals[i]
      (spreads[at], spreads[at + c]) = (
        Float(posterior.spreads[i]), Float(posterior.residuals[i])
      )
      variances[i] = Self.variance(spreads[at + c], spreads[at], atLeast: least)
    }
    for (i, value) in projection.images(of: means).enumerated() { s[i] = Float(x[i] - value) }
    fit.accumulate(y, posterior, variances: variances, into: sums)
    return posterior.objective
  }
}

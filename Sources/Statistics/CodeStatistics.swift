/// How far codes are from a standard normal prior (docs/systems.md, 8.11).
///
/// k latent dimensions, N codes. Sums are those of `FeatureMoments`, so that ranks add them; the
/// covariance is by N - 1. For exact draws from the prior, the variances are 1 up to the order
/// (2/N)^½. The other numbers are of the order N^-½, `covarianceError` k^½ times that.
public struct CodeStatistics: Equatable, Sendable {
  /// The largest |mean| of a dimension.
  public let largestMean: Double
  /// The smallest and the largest variance of a dimension.
  public let smallestVariance: Double, largestVariance: Double
  /// |C - I|_F / k^½, C the covariance: 0 if isotropic, 1 if all codes are equal.
  public let covarianceError: Double
  /// The largest |covariance| of two different dimensions; 0 for k = 1.
  public let largestCovariance: Double

  /// The numbers of codes whose moments are given.
  ///
  /// - Throws: `StatisticsError.rows` below two codes.
  public init(_ codes: FeatureMoments) throws(StatisticsError) {
    let gaussian = try codes.gaussian()
    let (k, c) = (gaussian.dimensions, gaussian.covariance)
    var (squares, apart) = (0.0, 0.0)
    for i in 0..<k {
      for j in 0..<k {
        let difference = c[i * k + j] - (i == j ? 1 : 0)
        squares += difference * difference
        if i != j { apart = max(apart, abs(difference)) }
      }
    }
    let variances = (0..<k).map { c[$0 * k + $0] }
    largestMean = gaussian.mean.reduce(0) { max($0, abs($1)) }
    smallestVariance = variances.min() ?? 0
    largestVariance = variances.max() ?? 0
    covarianceError = (squares / Double(k)).squareRoot()
    largestCovariance = apart
  }
}

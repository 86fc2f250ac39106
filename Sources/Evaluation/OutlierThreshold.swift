/// The cut that parts scores into inliers and outliers (docs/systems.md, 8.9).
///
/// Xia et al., "Learning Discriminative Reconstructions for Unsupervised Outlier Removal", ICCV
/// 2015: of all cuts of the sorted scores, the one with the smallest ratio of the variance within
/// the two sides to the whole variance. Of equal ratios the lowest cut counts.
public struct OutlierThreshold: Equatable, Sendable {
  /// The lowest score of an outlier: lower scores are those of inliers.
  public let value: Float
  /// The variance within the sides by the whole variance, from 0 to 1: small where they are far
  /// apart.
  public let ratio: Double
  /// The number of scores on the upper side.
  public let outliers: Int

  /// The threshold of scores; nil where all are equal, or there are fewer than two.
  ///
  /// Sorting takes n log n, sums of the sorted scores tell the rest. Traps if one is not a number.
  public init?(_ scores: [Float]) {
    precondition(!scores.contains { $0.isNaN }, "scores that are no numbers")
    let sorted = scores.sorted()
    let count = Double(sorted.count)
    guard let first = sorted.first, let last = sorted.last, first < last else { return nil }
    // Distances from the mean, so that the squares of large scores leave digits for small ones.
    let mean = sorted.reduce(0.0) { $0 + Double($1) } / count
    let total = sorted.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
    let whole = sorted.reduce(0.0) { $0 + (Double($1) - mean) }
    var (below, best, cut) = (0.0, Double.infinity, 0)
    for index in 1..<sorted.count {
      below += Double(sorted[index - 1]) - mean
      // Equal scores are on one side.
      guard sorted[index - 1] < sorted[index] else { continue }
      let above = whole - below
      let within =
        total - below * below / Double(index) - above * above / (count - Double(index))
      if within < best { (best, cut) = (within, index) }
    }
    value = sorted[cut]
    ratio = max(0, best / total)
    outliers = sorted.count - cut
  }
}

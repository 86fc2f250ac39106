/// How well scores, and a threshold on them, tell outliers from inliers (docs/systems.md, 8.9).
///
/// A higher score means an outlier. Scores of several ranks are gathered before.
public struct OutlierFigures: Equatable, Sendable {
  /// Precision, recall and F1 of one of the two classes.
  public struct Detection: Equatable, Sendable {
    /// The share of the rows called so that are so; nil if no row is called so.
    public let precision: Double?
    /// The share of the rows that are so that are called so; nil if no row is so.
    public let recall: Double?
    /// The harmonic mean of both, 0 where nothing is right; nil if no row is, or is called, so.
    public let f1: Double?

    /// From counts of right calls, wrong calls and missed rows.
    init(right: Int, wrong: Int, missed: Int) {
      func share(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
      }
      precision = share(right, right + wrong)
      recall = share(right, right + missed)
      f1 = share(2 * right, 2 * right + wrong + missed)
    }
  }

  /// With inliers as positive class: the default of published figures.
  public let inliers: Detection
  /// With outliers as positive class.
  public let outliers: Detection
  /// The probability that an outlier scores higher than an inlier, where a tie counts half; nil
  /// unless there are both.
  public let auc: Double?
  /// The mean, over outliers, of the precision at the outlier's score; nil without outliers.
  ///
  /// Rows of equal score are called outliers together. It is the area under the curve of precision
  /// and recall by steps, without interpolation.
  public let averagePrecision: Double?

  /// The figures of scores.
  ///
  /// - Parameters:
  ///   - scores: [N].
  ///   - isOutlier: the truth, [N].
  ///   - threshold: the lowest score that is called an outlier; nil calls none so.
  /// - Throws: `StatisticsError.labels` unless the truth has a value for each score;
  ///   `StatisticsError.notFinite` for a score that is NaN.
  public init(
    scores: [Float], isOutlier: [Bool], threshold: Float?
  ) throws(StatisticsError) {
    guard scores.count == isOutlier.count else {
      throw .labels(found: isOutlier.count, rows: scores.count)
    }
    if let row = scores.firstIndex(where: \.isNaN) {
      throw .notFinite(quantity: "scores", row: row)
    }
    // Of rows that are outliers or not, those that are called outliers or not.
    var counts = [[0, 0], [0, 0]]
    for (score, truth) in zip(scores, isOutlier) {
      counts[truth ? 1 : 0][threshold.map { score >= $0 } ?? false ? 1 : 0] += 1
    }
    inliers = Detection(right: counts[0][0], wrong: counts[1][0], missed: counts[0][1])
    outliers = Detection(right: counts[1][1], wrong: counts[0][1], missed: counts[1][0])
    (auc, averagePrecision) = Self.rankFigures(scores, isOutlier)
  }

  private static func rankFigures(
    _ scores: [Float], _ isOutlier: [Bool]
  ) -> (auc: Double?, averagePrecision: Double?) {
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    let positives = isOutlier.filter { $0 }.count
    let negatives = scores.count - positives
    guard positives > 0 else { return (nil, nil) }
    // Counts of rows with higher scores than those of the present group of equal scores.
    var (outliersAbove, inliersAbove, pairs, sum) = (0, 0, 0.0, 0.0)
    var start = 0
    while start < order.count {
      var end = start
      var (outliers, inliers) = (0, 0)
      while end < order.count, scores[order[end]] == scores[order[start]] {
        if isOutlier[order[end]] { outliers += 1 } else { inliers += 1 }
        end += 1
      }
      pairs += Double(inliers) * (Double(outliersAbove) + 0.5 * Double(outliers))
      outliersAbove += outliers
      inliersAbove += inliers
      sum += Double(outliers) * Double(outliersAbove) / Double(outliersAbove + inliersAbove)
      start = end
    }
    let auc = negatives > 0 ? pairs / (Double(positives) * Double(negatives)) : nil
    return (auc, sum / Double(positives))
  }
}

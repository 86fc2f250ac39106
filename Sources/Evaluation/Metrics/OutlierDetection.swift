import CKernels
import Datasets
import Layers
import Runs
import Statistics
import Support
import Training

/// How well the score of an image tells outliers, against their labels (docs/systems.md, 8.9).
///
/// The threshold is that of `cleave score`: it looks at no label. F1 is that of inliers, as
/// published figures are (D-51); that of outliers stands beside it.
enum OutlierDetection: Metric {
  static let name = "outliers"
  static let summary = "F1 of inliers by the score of --by and its threshold"
  static let needs: String? = "an encoder and labels"
  static let unit = Measure.index
  static let isHigherBetter = true
  static let headline = ["f1"]
  static let inliers = MetricOption(
    "inliers", "LABELS",
    "the classes that are no outliers, by number or name (default: 1 of 0 and 1)",
    .text)
  static let score = MetricOption(
    "by", "SCORE", "of outliers: the score that decides (default residual)",
    .word(Score.allCases.map(\.rawValue)))
  static let options = [inliers, score]
  static let note: String? =
    "f1 has inliers positive, outlier_f1 outliers; auc and average_precision need no threshold; "
    + "mean_image: the same by the distance to the mean image"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.trained.model is any Encoding else { return [] }
    let score =
      evaluation.options.metrics.text(score).flatMap { Score(rawValue: $0) } ?? .residual
    let isOutlier = try evaluation.world.agree { try truth(evaluation) }
    let risks = try evaluation.risks(score)
    let names = ["f1", "outlier_f1", "auc", "average_precision"]
    let numbers = try evaluation.onRoot(4 * names.count) {
      try risks.flatMap { risk -> [Double] in
        let errors = try Jackknife.standardErrors(names.count) { left in
          let rows = risk.indices.filter { $0 % Jackknife.groups != left }
          return try figures(rows.map { risk[$0] }, rows.map { isOutlier[$0] })
        }
        return try figures(risk, isOutlier) + errors.map { $0 ?? .nan }
      }
    }
    let share = Double(isOutlier.count { $0 }) / Double(isOutlier.count)
    return ["", " mean_image"].enumerated().flatMap { place, suffix in
      names.indices.map { i in
        let (value, error) = (
          numbers[2 * names.count * place + i], numbers[2 * names.count * place + names.count + i]
        )
        return MetricValue(
          names[i] + suffix, value, standardError: error.isFinite ? error : nil)
      }
    } + [MetricValue("share of outliers", share)]
  }

  /// F1 of inliers and of outliers, AUC and average precision; NaN where one has no value.
  private static func figures(_ risks: [Float], _ isOutlier: [Bool]) throws -> [Double] {
    let threshold = OutlierThreshold(risks)?.value
    let found = try OutlierFigures(scores: risks, isOutlier: isOutlier, threshold: threshold)
    return [found.inliers.f1, found.outliers.f1, found.auc, found.averagePrecision].map {
      $0 ?? .nan
    }
  }

  /// Which images are outliers by their labels.
  ///
  /// - Throws: `RunError.data` without labels, or where they do not tell.
  private static func truth(_ evaluation: Evaluation) throws -> [Bool] {
    let images = evaluation.source.whole
    let labels = Array(
      try evaluation.labels(of: images, for: name).prefix(evaluation.source.count))
    let classes = Set(labels)
    let inside: Set<Int32>
    if let text = evaluation.options.metrics.text(inliers) {
      let names = try Originals(of: images).labelNames ?? []
      inside = try Set(
        text.split(separator: ",").map { word in
          let number = Int32(word) ?? names.firstIndex(of: String(word)).map { Int32($0) }
          guard let number, classes.contains(number) else {
            throw RunError.data(
              images.path,
              "--inliers: found \(word), expected a class of the images: "
                + Quantity.list(classes.sorted().map(String.init), atMost: 20))
          }
          return number
        })
    } else {
      guard classes.isSubset(of: [0, 1]) else {
        throw RunError.data(
          images.path,
          "labels: found \(Quantity.count(classes.count, "class", plural: "classes")), expected 0 and 1 "
            + "(inlier) for \(name); name the classes that are inliers by --inliers")
      }
      inside = [1]
    }
    let truth = labels.map { !inside.contains($0) }
    guard truth.contains(true), truth.contains(false) else {
      throw RunError.data(
        images.path,
        "labels: found \(truth.contains(true) ? "only outliers" : "no outlier"), expected both for "
          + "\(name); name the classes that are inliers by --inliers")
    }
    return truth
  }
}

extension Evaluation {
  /// How much each image is not explained, and its squared distance to the mean image; on rank 0.
  ///
  /// **Collective.**
  ///
  /// - Throws: `Scores.Missing` where the model does not have the score.
  fileprivate func risks(_ score: Score) throws -> [[Float]] {
    let rows = try SplitRows(trained, data, rounds: options.rounds, on: world)
    let d = source.whole.shape.count
    let sums = try RowBlocks(rows: source.count, of: source.whole.shape, on: world).sum(d) {
      block in
      var sums = [Double](repeating: 0, count: d)
      ck_column_sums(source.whole.values(block), &sums, block.count, d, 0)
      return sums
    }
    let mean = sums.map { Float($0 / Double(source.count)) }
    var (table, distances): ([Float], [Float]) = ([], [])
    let width = Score.allCases.count + 1
    try RowBlocks(rows: source.count, of: source.whole.largestShape, on: world)
      .collect(width: width) { block in
        let scores = try rows.scores(block, try rows.split(block, hasTerms: true))
        var x = source.whole.values(block)
        return block.indices.flatMap { row -> [Float] in
          let i = row - block.lowerBound
          x.withUnsafeMutableBufferPointer { x in
            if let start = x.baseAddress { ck_axpy(start + i * d, mean, -1, d) }
          }
          return scores[i * (width - 1)..<(i + 1) * (width - 1)]
            + [Float(ck_sum_squares(Array(x[i * d..<(i + 1) * d]), d))]
        }
      } write: { _, values in
        for row in 0..<values.count / width {
          table += values[row * width..<(row + 1) * width - 1]
          distances.append(values[(row + 1) * width - 1])
        }
      }
    return try world.agree {
      guard world.isRoot else { return [] }
      let scores = try Scores(table, rows: source.count, by: score)
      return [scores.risks, distances]
    }
  }
}

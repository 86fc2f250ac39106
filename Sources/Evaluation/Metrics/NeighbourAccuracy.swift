import Statistics
import Support

/// The accuracy of the majority of the nearest training codes.
enum NeighbourAccuracy: Metric {
  static let name = "knn"
  static let summary = "accuracy of the majority of the --neighbours nearest training codes"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let headline = ["codes"]
  static let isHigherBetter = true
  private static let usual = 5
  static let neighbours = MetricOption(
    "neighbours", "K", "of knn (default \(usual))", .integer(1...1000))
  static let options = [MetricOption.fit, neighbours]
  static let note: String? = accuracyNote

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let k = evaluation.options.metrics.integer(neighbours) ?? usual
    return try evaluation.accuracies(name) { fit, labels, test in
      try NearestNeighbours(of: fit).classify(test, labels: labels, k: k)
    }
  }
}

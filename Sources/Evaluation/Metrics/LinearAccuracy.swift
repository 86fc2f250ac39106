import Statistics
import Support

/// The accuracy of a linear support vector machine on codes.
enum LinearAccuracy: Metric {
  static let name = "linear_svm"
  static let summary = "accuracy of a linear support vector machine (C = 1) on codes"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let headline = ["codes"]
  static let isHigherBetter = true
  static let options = [MetricOption.fit]
  static let note: String? = accuracyNote

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.accuracies(name) { fit, labels, test in
      try LinearClassifier(fit, labels: labels, loss: .squaredHinge).predict(test)
    }
  }
}

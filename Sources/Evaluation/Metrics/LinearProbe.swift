import Statistics
import Support

/// The accuracy of logistic regression on codes: a linear probe.
enum LinearProbe: Metric {
  static let name = "probe"
  static let summary = "accuracy of logistic regression on codes (linear probe)"
  static let needs: String? = "codes"
  static let unit = Measure.accuracy
  static let isOfWholeImages = true
  static let headline = ["codes"]
  static let isHigherBetter = true
  static let options = [MetricOption.fit]
  static let note: String? = accuracyNote

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.accuracies(name) { fit, labels, test in
      try LinearClassifier(fit, labels: labels, loss: .logistic).predict(test)
    }
  }
}

import Support

/// Mean squared error per pixel to the clean images.
enum MeanSquaredError: Metric {
  static let name = "mse"
  static let summary = "mean squared error per pixel to the clean images"
  static let options = [Evaluation.undo]
  static let needs: String? = "an encoder"
  static let unit = Measure.squaredError

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.squaredErrors()
  }

  static func warning(_ evaluation: Evaluation) throws -> String? {
    try evaluation.undoneWords()
  }
}

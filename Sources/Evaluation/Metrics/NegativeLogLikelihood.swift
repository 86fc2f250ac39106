/// The estimate of -log p(x) from many samples of z.
enum NegativeLogLikelihood: Metric {
  static let name = "nll"
  static let summary = "-log p(x) by --samples importance samples, in nats an image"
  static let needs: String? = "a likelihood"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.negativeLogLikelihood().map { [MetricValue("", $0)] } ?? []
  }
}

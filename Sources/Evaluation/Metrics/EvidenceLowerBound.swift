import Support

/// Evidence lower bound by one sample of z.
enum EvidenceLowerBound: Metric {
  static let name = "elbo"
  static let summary = "evidence lower bound in nats an image, one sample of z"
  static let needs: String? = "a likelihood and a KL"
  static let unit = Measure.nats
  static let isHigherBetter = true

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.evidence().bound.map { [$0] } ?? []
  }
}

import Support

/// KL of q(z|x) to the prior.
enum KLDivergence: Metric {
  static let name = "kl"
  static let summary = "KL of q(z|x) to the prior in nats, mean over the images"
  static let needs: String? = "a KL"
  static let unit = Measure.nats

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.evidence().kl.map { [$0] } ?? []
  }
}

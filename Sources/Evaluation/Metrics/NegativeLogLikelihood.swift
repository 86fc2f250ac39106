import Support
import Training

/// The estimate of -log p(x) from many samples of z.
enum NegativeLogLikelihood: Metric {
  static let name = "nll"
  static let summary = "-log p(x) by --samples importance samples, in nats an image"
  static let needs: String? = "a likelihood"
  static let unit = Measure.nats
  static let usualSamples = 5000
  static let samples = MetricOption(
    "samples", "N", "samples of z for each image in nll and bits (default \(usualSamples))",
    .integer(1...10_000_000))
  static let options = [samples]

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.negativeLogLikelihood().map {
      [MetricValue("", $0.mean, standardError: $0.standardError)]
    } ?? []
  }

  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    guard let found = try evaluation.negativeLogLikelihood() else { return [] }
    return [("ess_smallest", found.smallestSampleSize), ("ess_median", found.medianSampleSize)]
  }

  static func unit(ofDetail name: String) -> Measure { name.hasPrefix("ess") ? .count : unit }

  static func warning(_ evaluation: Evaluation) throws -> String? {
    guard let found = try evaluation.negativeLogLikelihood(), found.imagesOfFewSamples > 0 else {
      return nil
    }
    return "nll: \(Quantity.grouped(found.imagesOfFewSamples)) of "
      + "\(Quantity.count(found.images, "image")) have fewer than "
      + "\(Quantity.significant(LikelihoodEstimate.fewSamples)) effective samples of "
      + "\(Quantity.grouped(found.samples)) (the smallest "
      + "\(Quantity.significant(found.smallestSampleSize, 2)), the median "
      + "\(Quantity.significant(found.medianSampleSize, 2))): their -log p(x) is estimated too "
      + "high; more --samples show by how much"
  }
}

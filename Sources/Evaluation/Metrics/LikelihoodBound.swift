import Layers
import Support

/// The bound of log p(x) that the model trains.
enum LikelihoodBound: Metric {
  static let name = "bound"
  static let summary = "bound of log p(x) in nats an image, negated for binary images (D-26)"
  static let needs: String? = "a likelihood"
  static let unit = Measure.nats
  static let corrupted = MetricOption(
    "corrupted", "the bound at inputs with the noise of training (D-25)")
  static let negated = MetricOption(
    "negated", "the negative bound of a Gaussian decoder, too (D-26)")
  static let options = [corrupted, negated]

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let (model, estimate) = try evaluation.boundEstimate() else { return [] }
    let negative = try estimate.negativeBound(
      isCorrupted: evaluation.options.metrics.has(corrupted))
    let isNegated = evaluation.options.metrics.has(negated) || !model.isDensity
    return [
      MetricValue(
        "", isNegated ? negative.mean : -negative.mean, standardError: negative.standardError)
    ]
  }
}

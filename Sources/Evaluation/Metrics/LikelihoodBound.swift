import Layers
import Support

/// The bound of log p(x) that the model trains.
enum LikelihoodBound: Metric {
  static let name = "bound"
  static let summary = "bound of log p(x) in nats an image, negated for binary images (D-26)"
  static let needs: String? = "a likelihood"
  static let unit = Measure.nats

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let (model, estimate) = try evaluation.boundEstimate() else { return [] }
    let negative = try estimate.negativeBound(isCorrupted: evaluation.options.isCorrupted)
    return [
      MetricValue("", model.isDensity && !evaluation.options.isNegated ? -negative : negative)
    ]
  }
}

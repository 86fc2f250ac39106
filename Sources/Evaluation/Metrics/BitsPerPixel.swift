import Support
import Training

/// The estimate of -log p(x) in bits.
enum BitsPerPixel: Metric {
  static let name = "bits"
  static let summary = "nll in bits a pixel"
  static let needs: String? = "a likelihood"
  static let unit = Measure.bits
  static let options = [NegativeLogLikelihood.samples]

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let pixels = evaluation.source.images.shape.count
    return try evaluation.negativeLogLikelihood().map {
      [
        MetricValue(
          "", $0.mean.bitsPerDimension(of: pixels),
          standardError: $0.standardError?.bitsPerDimension(of: pixels))
      ]
    } ?? []
  }
}

import Datasets
import Layers
import Training

/// The bound of log p(x) that the model trains.
enum LikelihoodBound: Metric {
  static let name = "bound"
  static let summary = "bound of log p(x) in nats an image, negated for binary images (D-26)"
  static let needs: String? = "a likelihood"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard let (model, pass) = try evaluation.boundPass() else { return [] }
    let negative = try pass.negativeBound(isCorrupted: evaluation.options.isCorrupted)
    return [
      MetricValue("", model.isDensity && !evaluation.options.isNegated ? -negative : negative)
    ]
  }
}

/// The estimate of -log p(x) from many samples of z.
enum NegativeLogLikelihood: Metric {
  static let name = "nll"
  static let summary = "-log p(x) by --samples importance samples, in nats an image"
  static let needs: String? = "a likelihood"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.negativeLogLikelihood().map { [MetricValue("", $0)] } ?? []
  }
}

/// The estimate of -log p(x) in bits.
enum BitsPerPixel: Metric {
  static let name = "bits"
  static let summary = "nll in bits a pixel"
  static let needs: String? = "a likelihood"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let pixels = evaluation.source.images.shape.count
    return try evaluation.negativeLogLikelihood().map {
      [MetricValue("", $0.bitsPerDimension(of: pixels))]
    } ?? []
  }
}

extension Evaluation {
  /// A pass for bounds of log p(x) (docs/systems.md, 8.5), of the clean images if they are known,
  /// or of X - S.
  ///
  /// Nil for models without a likelihood.
  func boundPass() throws -> (model: any LatentVariableModel, pass: BoundPass)? {
    guard let model = trained.model as? any LatentVariableModel else { return nil }
    let images = source.hasSplit ? source.images : source.reference
    let (explainer, noise) = try world.agree {
      (
        try Explainer(trained, images: images, usesSplit: source.hasSplit),
        options.isCorrupted ? try trained.trainingNoise() : Corruption.none
      )
    }
    let pass = BoundPass(
      model, rows: 0..<source.rows, dimensions: images.shape.count,
      seed: trained.configuration.common.lanes.seed, corrupt: noise.corrupter(of: images.shape),
      on: world
    ) { [hasSplit = source.hasSplit] rows, pixels in
      images.gather(rows, into: pixels)
      guard hasSplit else { return }
      for (i, value) in try explainer.sparse(rows).enumerated() { pixels[i] -= value }
    }
    return (model, pass)
  }

  /// The mean of -log p(x) in nats an image.
  ///
  /// **Collective.**
  func negativeLogLikelihood() throws -> Double? {
    try once("nll") { try boundPass()?.pass.negativeLogLikelihood(samples: options.samples) }
  }
}

import Datasets
import Layers
import Models
import Tensors
import Training

/// Bounds of log p(x) and its estimate by many samples (systems.md, section 8.5).
extension Evaluation {
  /// One of the three, over all rows, of the clean images where they are known, or of X - S; nil for models without a
  /// likelihood.
  ///
  /// **Collective.**
  func likelihood(_ metric: Metric) throws -> Double? {
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
      seed: trained.configuration.seed,
      corrupt: noise.corrupter(of: images.shape), on: world
    ) { [hasSplit = source.hasSplit] rows, pixels in
      images.gather(rows, into: pixels)
      guard hasSplit else { return }
      for (i, value) in try explainer.sparse(rows).enumerated() { pixels[i] -= value }
    }
    switch metric {
    case .bound:
      let negative = try pass.negativeBound(isCorrupted: options.isCorrupted)
      return model.isDensity && !options.isNegated ? -negative : negative
    case .nll: return try pass.negativeLogLikelihood(samples: options.samples)
    default:
      return try pass.negativeLogLikelihood(samples: options.samples)
        .bitsPerDimension(of: images.shape.count)
    }
  }
}

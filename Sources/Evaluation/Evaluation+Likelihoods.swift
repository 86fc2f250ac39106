import Datasets
import Layers
import Training

extension Evaluation {
  /// An estimate of bounds of log p(x) (docs/systems.md, 8.5), of the clean images if they are
  /// known, or of X - S.
  ///
  /// Nil for models without a likelihood.
  func boundEstimate() throws -> (model: any LatentVariableModel, estimate: BoundEstimate)? {
    guard let model = trained.model as? any LatentVariableModel else { return nil }
    let images = source.hasSparsePart ? source.images : source.reference
    let (explainer, noise) = try world.agree {
      (
        try Explainer(trained, images: images, usesSparsePart: source.hasSparsePart),
        options.isCorrupted ? try trained.trainingNoise() : Corruption.none
      )
    }
    let estimate = BoundEstimate(
      model, rows: 0..<source.rows, dimensions: images.shape.count,
      seed: trained.configuration.common.lanes.seed, corrupt: noise.corrupter(of: images.shape),
      on: world
    ) { [hasSparsePart = source.hasSparsePart] rows, pixels in
      images.gather(rows, into: pixels)
      guard hasSparsePart else { return }
      for (i, value) in try explainer.sparse(rows).enumerated() { pixels[i] -= value }
    }
    return (model, estimate)
  }

  /// The mean of -log p(x) in nats an image, and how far it can be trusted.
  ///
  /// **Collective.**
  func negativeLogLikelihood() throws -> LikelihoodEstimate? {
    try once("nll") {
      try boundEstimate()?.estimate.negativeLogLikelihood(samples: options.samples)
    }
  }
}

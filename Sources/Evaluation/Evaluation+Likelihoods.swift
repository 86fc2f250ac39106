import Datasets
import Layers
import Runs
import Tensors
import Training

extension Evaluation {
  /// An estimate of bounds of log p(x) (docs/systems.md, 8.5), of the clean images if they are
  /// known, or of X - S.
  ///
  /// Nil for models without a likelihood.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError` for a Bernoulli decoder and images with grey values.
  func boundEstimate() throws -> (model: any LatentVariableModel, estimate: BoundEstimate)? {
    guard let model = trained.model as? any LatentVariableModel else { return nil }
    let images = likelihoodImages
    if !model.isDensity { try requireBinary(images) }
    let (explainer, noise) = try world.agree {
      (
        try Explainer(trained, images: images, usesSparsePart: source.hasSparsePart),
        options.metrics.has(LikelihoodBound.corrupted)
          ? try trained.trainingNoise() : Corruption.none
      )
    }
    let estimate = BoundEstimate(
      model, rows: 0..<source.rows, dimensions: images.shape.count,
      seed: trained.configuration.common.lanes.seed, corrupt: noise.corrupter(of: images.shape),
      on: world
    ) { [hasSparsePart = source.hasSparsePart] rows, pixels in
      images.gather(rows, into: pixels)
      guard hasSparsePart else { return }
      for (i, value) in try explainer.split(rows).s.enumerated() { pixels[i] -= value }
    }
    return (model, estimate)
  }

  /// The images whose likelihood is measured: the clean ones if noise is on the others, and the
  /// model does not know it.
  ///
  /// Binary images that were drawn from grey ones are clean.
  private var likelihoodImages: ImageSet {
    source.hasSparsePart || trained.restores || !source.images.isCorrupted && !source.isNoisy
      ? source.images : source.reference
  }

  /// Refuses images with values between 0 and 1: a Bernoulli decoder gives them no probability.
  ///
  /// **Collective.**
  private func requireBinary(_ images: ImageSet) throws {
    let cure =
      "cleave corrupt DATA BINARY --noise binarize makes binary ones, binarize=once in training too"
    let grey = try greyImages(images)
    try world.agree {
      if grey > 0 {
        throw RunError.data(
          images.path,
          "found grey values in \(grey) of \(source.rows) images, expected 0 and 1 alone for a "
            + "likelihood by a Bernoulli decoder; \(cure)")
      }
      if source.hasSparsePart {
        throw RunError.data(
          images.path,
          "found the rows trained on, from which S is subtracted, expected binary images for a "
            + "likelihood; measure another split")
      }
    }
  }

  /// The number of images with a value between 0 and 1.
  ///
  /// **Collective.**
  func greyImages(_ images: ImageSet) throws -> Int {
    try once("grey images \(ObjectIdentifier(images))") {
      let d = images.shape.count
      let block = Storage(count: images.shape.blockRows * d)
      let sums = try RowBlocks(rows: source.rows, of: images.shape, on: world).sum(1) { rows in
        images.gather(rows, into: block.pointer)
        let grey = rows.indices.count { row in
          let image = UnsafeBufferPointer(
            start: block.pointer + (row - rows.lowerBound) * d, count: d)
          return image.contains { $0 != 0 && $0 != 1 }
        }
        return [Double(grey)]
      }
      return Int(sums[0])
    }
  }

  /// The mean of -log p(x) in nats an image, and how far it can be trusted.
  ///
  /// **Collective.**
  func negativeLogLikelihood() throws -> LikelihoodEstimate? {
    try once("nll") {
      let samples = options.metrics.integer(NegativeLogLikelihood.samples)
      return try boundEstimate()?.estimate.negativeLogLikelihood(
        samples: samples ?? NegativeLogLikelihood.usualSamples)
    }
  }
}

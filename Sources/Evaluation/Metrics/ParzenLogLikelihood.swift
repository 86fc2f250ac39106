import Datasets
import Layers
import Report
import Statistics
import Support
import Tensors
import Training

/// The log-likelihood of held-out images under a Parzen window of new images (docs/systems.md, 8.4).
///
/// The width is chosen on validation images, never on those that are measured. It grows with the
/// number of samples, so numbers of unlike counts are not comparable. Real training images as samples
/// give the line that a perfect model would reach.
enum ParzenLogLikelihood: Metric {
  static let name = "parzen"
  static let summary = "log-likelihood of held-out images under a Parzen window of new images, nats"
  static let needs: String? = "a prior"
  static let unit = Measure.nats
  static let isOfWholeImages = true
  static let isHigherBetter = true
  static let headline = ["samples"]
  static let options = [MetricOption.generated]
  static let note: String? =
    "training: as many clean training images in place of new ones; the width is the best of 10 from 0.1 "
    + "to 1 on the validation split, or else on the last training images"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.parzen()?.map { found in
      MetricValue(
        found.name, found.moments.mean ?? .nan, standardError: found.moments.standardError)
    } ?? []
  }

  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    try evaluation.parzen()?.map { ("width_\($0.name)", $0.width) } ?? []
  }

  static func unit(ofDetail name: String) -> Measure { .pixelValue }

  static func warning(_ evaluation: Evaluation) throws -> String? {
    let atEnd = try evaluation.parzen()?.filter {
      $0.width == ParzenWindow.grid.first || $0.width == ParzenWindow.grid.last
    }
    guard let found = atEnd?.first else { return nil }
    return
      "parzen: the best width of \(found.name) is \(Quantity.significant(found.width, 3)), at the end "
      + "of the grid: another may be better"
  }
}

/// The log-likelihoods of held-out images under a window of some samples.
private struct ParzenResult {
  let name: String
  let width: Double
  let moments: SampleMoments
}

extension Evaluation {
  /// Validation images where there is no such split: the last of the training split.
  private static let mostValidation = 10_000

  /// **Collective.**
  fileprivate func parzen() throws -> [ParzenResult]? {
    guard trained.model is any Generative else { return nil }
    return try once("parzen") {
      let count = generatedCount
      let (train, test, validation) = try world.agree {
        let metric = ParzenLogLikelihood.name
        return (
          try required(.train, for: metric), try required(heldOutSplit, for: metric),
          heldOutSplit == .validation ? nil : try cleanPart(.validation)
        )
      }
      guard let samples = try generated(count) else { return nil }
      // The last training images choose the width; the first are the samples of the real line.
      let held = min(Self.mostValidation, train.count / 2)
      let (judges, judged) = (
        validation ?? train, validation.map { 0..<$0.count } ?? train.count - held..<train.count
      )
      let real = min(count, validation == nil ? train.count - held : train.count)
      let d = train.shape.count
      let windows = [
        ("samples", samples), ("training", Tensor(Shape(real, d), train.values(0..<real))),
      ]
      return try windows.map { name, samples in
        let window = try world.agree { try ParzenWindow(samples: samples) }
        func logLikelihoods(
          _ images: ImageSet, _ rows: Range<Int>, _ widths: [Double]
        ) throws -> [SampleMoments] {
          let sums = try RowBlocks(rows: rows.count, of: images.shape, on: world).sum(
            3 * widths.count
          ) { block in
            let part = block.lowerBound + rows.lowerBound..<block.upperBound + rows.lowerBound
            let pixels = Tensor(Shape(part.count, d), images.values(part))
            return try window.logLikelihoods(of: pixels, widths: widths).flatMap { values in
              var moments = SampleMoments()
              moments.add(values)
              return moments.sums
            }
          }
          return widths.indices.map { place in
            var moments = SampleMoments()
            moments.sums = Array(sums[3 * place..<3 * place + 3])
            return moments
          }
        }
        let means = try logLikelihoods(judges, judged, ParzenWindow.grid).map {
          $0.mean ?? -.infinity
        }
        let width = ParzenWindow.grid[ParzenWindow.bestWidth(means: means)]
        let measured = 0..<min(options.rows ?? test.count, test.count)
        return ParzenResult(
          name: name, width: width, moments: try logLikelihoods(test, measured, [width])[0])
      }
    }
  }
}

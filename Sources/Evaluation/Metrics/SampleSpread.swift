import Layers
import Support

/// The differences among samples from the prior.
enum SampleSpread: Metric {
  static let name = "spread"
  static let summary = "mean over the pixels of the standard deviation of 10,000 samples"
  static let needs: String? = "a prior"
  static let unit = Measure.pixelValue

  private static let samples = 10_000

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    let (trained, world) = (evaluation.trained, evaluation.world)
    guard trained.model is any Generative else { return [] }
    let d = evaluation.source.images.shape.count
    let sampler = try world.agree {
      try Sampler(trained, seed: trained.configuration.common.lanes.seed)
    }
    let sums = try RowBlocks(rows: samples, of: trained.imageShape, on: world).sum(2 * d) { rows in
      let samples = sampler.samples(rows).pointer
      var sums = Array(repeating: 0.0, count: 2 * d)
      for i in 0..<rows.count {
        for j in 0..<d {
          let value = Double(samples[i * d + j])
          sums[j] += value
          sums[d + j] += value * value
        }
      }
      return sums
    }
    let n = Double(samples)
    let total = (0..<d).reduce(0.0) { spread, j in
      let mean = sums[j] / n
      return spread + max(0, sums[d + j] / n - mean * mean).squareRoot()
    }
    return [MetricValue("", total / Double(d))]
  }
}

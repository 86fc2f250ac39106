import Layers
import Statistics
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
    let groups = Jackknife.groups
    // Of each group the sums of the pixels, then of their squares.
    let sums = try RowBlocks(rows: samples, of: trained.imageShape, on: world).sum(
      groups * 2 * d
    ) { rows in
      let samples = sampler.samples(rows).pointer
      var sums = Array(repeating: 0.0, count: groups * 2 * d)
      for (i, row) in rows.enumerated() {
        let group = row % groups * 2 * d
        for j in 0..<d {
          let value = Double(samples[i * d + j])
          sums[group + j] += value
          sums[group + d + j] += value * value
        }
      }
      return sums
    }
    func spread(_ taken: [Int]) -> Double {
      let n = Double(samples / groups * taken.count)
      func sum(_ place: Int) -> Double { taken.reduce(0) { $0 + sums[$1 * 2 * d + place] } }
      return (0..<d).reduce(0) { spread, j in
        let mean = sum(j) / n
        return spread + max(0, sum(d + j) / n - mean * mean).squareRoot()
      } / Double(d)
    }
    let all = Array(0..<groups)
    return [
      MetricValue(
        "", spread(all),
        standardError: Jackknife.standardError { left in spread(all.filter { $0 != left }) })
    ]
  }
}

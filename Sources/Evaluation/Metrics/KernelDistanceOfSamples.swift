import Inception
import Layers
import Statistics
import Support

/// The kernel distance between features of new images and of clean ones.
///
/// Its expectation does not depend on the number of images (Binkowski et al., ICLR 2018).
enum KernelDistanceOfSamples: Metric {
  static let name = "kid"
  static let summary = "kernel distance of features of new and of clean images"
  static let needs: String? = "a prior and --net"
  static let unit = Measure.index
  static let isOfWholeImages = true
  static let isOfPixels = true
  static let headline = ["samples"]
  static let options = [MetricOption.net, .generated, .against]
  static let note: String? =
    "mean over 100 subsets of 1,000, ± their standard deviation / 10, of fewer images all of them; it "
    + "may be below 0"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.trained.model is any Generative else { return [] }
    let (extractor, world) = (try evaluation.extractor(), evaluation.world)
    let images = try world.agree { try evaluation.referenceImages(for: name) }
    let real = try evaluation.features(of: { images.values($0) }, extractor)
    let seed = Int(evaluation.trained.configuration.common.lanes.seed)
    return try FeatureSet.allCases.compactMap { set -> MetricValue? in
      guard let pixels = try evaluation.pixels(of: set) else { return nil }
      let made = try evaluation.features(of: pixels, extractor)
      let size = KernelDistance.subsetSize(made.shape.rows, real.shape.rows)
      var found = [Double](repeating: 0, count: KernelDistance.subsets)
      try world.agree {
        for subset in found.indices where subset % world.size == world.rank {
          found[subset] = try KernelDistance.discrepancies(
            subset..<subset + 1, size: size, of: made, to: real, seed: seed)[0]
        }
      }
      try world.allReduce(&found, .sum)
      let moments = SampleMoments(found)
      // Subsets of all images are one and the same.
      let isPart = size < min(made.shape.rows, real.shape.rows)
      return MetricValue(
        set.rawValue, moments.mean ?? .nan, standardError: isPart ? moments.standardError : nil)
    }
  }

  static func fingerprint(_ evaluation: Evaluation) throws -> String? {
    try evaluation.featureFingerprint(for: name)
  }
}

import Inception
import Layers
import Statistics
import Support
import Tensors

/// The Frechet distance between features of new images and of clean ones (docs/systems.md, 8.1).
///
/// With Inception-v3 2015-12-05 it is the Frechet Inception Distance, otherwise the same by another
/// network, whose scores compare with each other alone.
enum FrechetDistanceOfSamples: Metric {
  static let name = "fid"
  static let summary = "Frechet distance of features of new and of clean images"
  static let needs: String? = "a prior and --net"
  static let unit = Measure.distance
  static let isOfWholeImages = true
  static let isOfPixels = true
  static let headline = ["samples"]
  static let reference = MetricOption(
    "reference", "FILE",
    "of fid: keeps the statistics of the clean images (HDF5) for the next time",
    .text)
  static let extrapolated = MetricOption(
    "extrapolate", "fid for infinitely many new images, by a line over 1/N (fid_infinite)")
  static let options = [MetricOption.net, .generated, .against, reference, extrapolated]
  static let note: String? =
    "lower is better; X: the images as they are, L: what the model makes of them, real: other clean "
    + "images, which is what chance leaves"

  /// Features beyond which the groups' sums and decompositions would take too long.
  private static let mostFeatures = 512

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.trained.model is any Generative else { return [] }
    let extractor = try evaluation.extractor()
    let distance = try evaluation.frechetReference()
    return try FeatureSet.allCases.compactMap { set -> MetricValue? in
      guard let pixels = try evaluation.pixels(of: set) else { return nil }
      let isGrouped =
        extractor.width <= mostFeatures && evaluation.generatedCount > 10 * Jackknife.groups
      let parts = try evaluation.moments(
        of: pixels, extractor, groups: isGrouped ? Jackknife.groups : 1)
      return try evaluation.world.agree {
        let all = try distance.distance(of: FeatureMoments.joined(parts).gaussian())
        guard parts.count > 1 else { return MetricValue(set.rawValue, all) }
        let error = try Jackknife.standardError { left in
          try distance.distance(
            of: FeatureMoments.joined(parts.indices.filter { $0 != left }.map { parts[$0] })
              .gaussian())
        }
        return MetricValue(set.rawValue, all, standardError: error)
      }
    }
  }

  /// The distance for infinitely many new images, if it was asked for.
  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    guard evaluation.options.metrics.has(extrapolated),
      let pixels = try evaluation.pixels(of: .samples)
    else { return [] }
    let (extractor, distance) = (try evaluation.extractor(), try evaluation.frechetReference())
    let features = try evaluation.features(of: pixels, extractor)
    let seed = Int(evaluation.trained.configuration.common.lanes.seed)
    let sizes = FrechetExtrapolation.sizes(rows: features.shape.rows)
    let world = evaluation.world
    var found = [Double](repeating: 0, count: sizes.count)
    try world.agree {
      for place in sizes.indices where place % world.size == world.rank {
        found[place] = try FrechetExtrapolation.distance(
          size: sizes[place], of: features, to: distance, seed: seed)
      }
    }
    try world.allReduce(&found, .sum)
    let line = try world.agree { try FrechetExtrapolation(sizes: sizes, distances: found) }
    return [("infinite", line.value), ("infinite_error", line.standardError)]
  }

  static func fingerprint(_ evaluation: Evaluation) throws -> String? {
    try evaluation.featureFingerprint(for: name)
  }
}

extension Evaluation {
  /// The decomposed covariance of the clean images' features, computed or read.
  ///
  /// **Collective.**
  fileprivate func frechetReference() throws -> FrechetDistance {
    try once("frechet reference") {
      let metric = FrechetDistanceOfSamples.name
      let extractor = try extractor()
      let images = try world.agree { try referenceImages(for: metric) }
      let fingerprint = try featureFingerprint(for: metric)
      let file = options.metrics.text(FrechetDistanceOfSamples.reference).map {
        FeatureStatisticsFile(path: $0)
      }
      let kept = try world.agree { try file?.read(fingerprint, width: extractor.width) }
      let gaussian = try kept ?? moments(of: { images.values($0) }, extractor)[0].gaussian()
      try world.agree {
        if world.isRoot, kept == nil { try file?.write(gaussian, fingerprint) }
      }
      return try world.agree { try FrechetDistance(to: gaussian) }
    }
  }
}

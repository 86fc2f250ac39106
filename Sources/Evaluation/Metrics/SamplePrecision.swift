import Inception
import Layers
import Statistics
import Support
import Tensors
import Training

/// Precision and recall of new images by the manifolds of features.
///
/// Kynkaanniemi et al., NeurIPS 2019.
enum SamplePrecision: Metric {
  static let name = "precision"
  static let summary = "share of new images near clean ones by features, and recall"
  static let needs: String? = "a prior and --net"
  static let unit = Measure.share
  static let isOfWholeImages = true
  static let isOfPixels = true
  static let isHigherBetter = true
  static let headline = ["samples"]
  static let options = [MetricOption.net, .generated, .against]
  static let note: String? = "recall is of the clean images; k = 3"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    guard evaluation.trained.model is any Generative else { return [] }
    let world = evaluation.world
    try world.agree {
      guard evaluation.generatedCount <= FeatureManifold.neighbours else { return }
      throw ConfigurationError(
        "--generated: found \(evaluation.generatedCount), expected more than "
          + "\(FeatureManifold.neighbours) for \(name)")
    }
    let extractor = try evaluation.extractor()
    let images = try world.agree { try evaluation.referenceImages(for: name) }
    let real = try evaluation.features(of: { images.values($0) }, extractor)
    let radii = try evaluation.radii(real)
    let n = Double(real.shape.rows)
    return try FeatureSet.allCases.flatMap { set -> [MetricValue] in
      guard let pixels = try evaluation.pixels(of: set) else { return [] }
      let made = try evaluation.features(of: pixels, extractor)
      let precision = try evaluation.inside(made, of: real, radii)
      let recall = try evaluation.inside(real, of: made, evaluation.radii(made))
      return [
        MetricValue(share: precision / n, of: set.rawValue, count: n),
        MetricValue(share: recall / n, of: "\(set.rawValue) recall", count: n),
      ]
    }
  }

  static func fingerprint(_ evaluation: Evaluation) throws -> String? {
    try evaluation.featureFingerprint(for: name)
  }
}

extension Evaluation {
  /// Rows that a rank takes at once.
  private static let shareRows = 1024

  /// The parts of `count` rows that this rank takes.
  private func share(_ count: Int) -> [Range<Int>] {
    stride(from: world.rank * Self.shareRows, to: count, by: world.size * Self.shareRows).map {
      $0..<min(count, $0 + Self.shareRows)
    }
  }

  /// The squared radii of the balls around features.
  ///
  /// **Collective.**
  fileprivate func radii(_ features: Tensor) throws -> [Double] {
    var radii = [Double](repeating: 0, count: features.shape.rows)
    try world.agree {
      let manifold = try FeatureManifold(of: features)
      for part in share(radii.count) {
        radii.replaceSubrange(part, with: try manifold.squaredRadii(of: part))
      }
    }
    try world.allReduce(&radii, .sum)
    return radii
  }

  /// How many queries lie within the balls.
  ///
  /// **Collective.**
  fileprivate func inside(
    _ queries: Tensor, of features: Tensor, _ radii: [Double]
  ) throws -> Double {
    var count = [0.0]
    try world.agree {
      let manifold = try FeatureManifold(of: features)
      for part in share(queries.shape.rows) {
        count[0] += Double(
          try manifold.contains(queries.rows(part), squaredRadii: radii).count { $0 })
      }
    }
    try world.allReduce(&count, .sum)
    return count[0]
  }
}

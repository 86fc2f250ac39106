import Layers
import MPI
import Runs
import Statistics
import Support
import Training

/// The error at hidden pixels, which needs no clean images.
enum HiddenPixelError: Metric {
  static let name = HiddenPixels.name
  static let summary =
    "error of L at hidden pixels that it fills in, without clean images (Huber)"
  static let unit = Measure.squaredError
  static let isOfPixels = true
  static let needs: String? = "an encoder"
  static let note: String? =
    "lower is better; noise that cannot be foretold is in every number, so compare numbers of the "
    + "same images alone; median is that of the seen neighbours"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.hiddenPixels().map { MetricValue.blind($0, of: "L") } ?? []
  }
}

extension Evaluation {
  /// The sums over hidden pixels of each X, never of clean images; nil for a model without an
  /// encoder.
  ///
  /// **Collective.**
  fileprivate func hiddenPixels() throws -> [BlindSums]? {
    guard let model = trained.model as? any Encoding else { return nil }
    try requireOneStage(HiddenPixels.name)
    let judge = HiddenPixels(
      of: model, shape: source.images.shape, patchesOf: source.images.patching,
      rule: trained.configuration.loop.shrinkage,
      threshold: trained.threshold, rounds: options.rounds,
      seed: trained.configuration.common.lanes.seed)
    return try judge.measure(0..<source.count, of: source.whole, on: world)
  }
}

extension MetricValue {
  /// The error of a model and that of a median, from the sums of each image.
  static func blind(_ images: [BlindSums], of name: String) -> [MetricValue] {
    func errors(_ sums: BlindSums) -> [Double] { [sums.error, sums.medianError] }
    let found = Jackknife.standardErrors(2) { left in
      errors(
        images.indices.lazy.filter { $0 % Jackknife.groups != left }.map { images[$0] }.total)
    }
    return zip([name, "median"], zip(errors(images.total), found)).map {
      MetricValue($0, $1.0, standardError: $1.1)
    }
  }
}

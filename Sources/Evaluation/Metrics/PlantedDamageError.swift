import Layers
import MPI
import Runs
import Support
import Training

/// The error of images that the model repairs after damage was planted on them, which needs no
/// clean images.
enum PlantedDamageError: Metric {
  static let name = PlantedRepair.name
  static let summary =
    "error of images repaired of damage planted on them, without clean ones (Huber)"
  static let unit = Measure.squaredError
  static let isOfPixels = true
  static let needs: String? = "an encoder"
  static let note: String? =
    "lower is better; it tells which lambda finds damage of larger parts, where hidden judges L; "
    + "median is the 5x5 median of pixels that differ from it"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.plantedDamage().map { MetricValue.blind($0, of: "repaired") } ?? []
  }
}

extension Evaluation {
  /// The sums of each whole image; nil for a model without an encoder.
  ///
  /// **Collective.**
  fileprivate func plantedDamage() throws -> [BlindSums]? {
    guard let model = trained.model as? any Encoding else { return nil }
    try requireOneStage(PlantedRepair.name)
    let judge = PlantedRepair(
      of: model, shape: source.images.shape, patchesOf: source.images.patching,
      rule: trained.configuration.loop.shrinkage, threshold: trained.threshold,
      rounds: options.rounds, seed: trained.configuration.common.lanes.seed)
    return try judge.measure(0..<source.count, of: source.whole, on: world)
  }
}

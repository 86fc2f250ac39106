import Layers
import MPI
import Runs
import Support
import Training

/// How often a classifier is right.
enum ClassifierAccuracy: Metric {
  static let name = "accuracy"
  static let summary = "share of images whose class the model tells, from the images as they are"
  static let needs: String? = "a classifier"
  static let unit = Measure.accuracy
  static let isHigherBetter = true
  static let headline = ["model"]

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.accuracy().map { found in
      [
        MetricValue("model", found.share, standardError: found.standardError),
        MetricValue("majority", found.majorityShare),
      ]
    } ?? []
  }

  static func warning(_ evaluation: Evaluation) throws -> String? {
    guard let found = try evaluation.accuracy(), found.unknown > 0 else { return nil }
    return "accuracy: \(Quantity.grouped(found.unknown)) of "
      + "\(Quantity.count(found.images, "image")) are of classes that the model does not know, and "
      + "count as wrong"
  }
}

extension Evaluation {
  /// The accuracy of a classifier; nil for other models.
  ///
  /// **Collective.**
  fileprivate func accuracy() throws -> ClassAccuracy? {
    guard let model = trained.model as? any Classifying else { return nil }
    return try once("accuracy") {
      let counter = try world.agree { try ClassCounter(model, source.images) }
      let blocks = RowBlocks(rows: source.rows, of: source.images.shape, on: world)
      return ClassAccuracy(try blocks.sum(counter.width) { counter.count($0) })
    }
  }
}

import Support

/// A measurement of `cleave evaluate --metrics`.
///
/// A metric is a file with such a type, and a line in the catalogue.
public protocol Metric: Sendable {
  /// Its name in `--metrics` and in results.
  static var name: String { get }
  /// The measured quantity and its unit, in one line.
  static var summary: String { get }
  /// The model's part that it needs, to follow "needs"; nil if every encoder serves.
  static var needs: String? { get }
  /// The kind of its numbers, with their unit.
  static var unit: Measure { get }
  /// Measures all rows of the evaluation.
  ///
  /// **Collective.**
  ///
  /// - Returns: one value for each compared image ("X", "reconstruction", "L"), or one value under
  ///   ""; none if the model lacks a needed part.
  static func measure(_ evaluation: Evaluation) throws -> [MetricValue]
  /// What its numbers are that their name does not say, in one line; nil by default.
  static var note: String? { get }
  /// Numbers beside those of `measure`, called after it; none by default.
  ///
  /// **Collective.**
  static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)]
  /// The kind of a number of `details`; by default that of the metric.
  static func unit(ofDetail name: String) -> Measure
  /// Why its numbers should be doubted, in one line, called after `measure`; nil by default.
  ///
  /// **Collective.**
  static func warning(_ evaluation: Evaluation) throws -> String?
}

extension Metric {
  /// The default: nil.
  public static var note: String? { nil }
  /// The default: none.
  public static func details(_ evaluation: Evaluation) throws -> [(name: String, value: Double)] {
    []
  }
  /// The default: the kind of the metric's own numbers.
  public static func unit(ofDetail name: String) -> Measure { unit }
  /// The default: nil.
  public static func warning(_ evaluation: Evaluation) throws -> String? { nil }
}

/// One number of a metric.
public struct MetricValue: Equatable, Sendable {
  /// The compared image; empty for a metric of one number.
  public let of: String
  /// The number.
  public let value: Double

  /// A number from its parts.
  public init(_ of: String = "", _ value: Double) {
    self.of = of
    self.value = value
  }
}

/// All metrics.
public enum MetricCatalogue {
  /// The metrics, one line each.
  public static let metrics: [any Metric.Type] = [
    MeanSquaredError.self,
    PeakSignalToNoise.self,
    EvidenceLowerBound.self,
    KLDivergence.self,
    SampleSpread.self,
    LikelihoodBound.self,
    NegativeLogLikelihood.self,
    BitsPerPixel.self,
    HiddenPixelError.self,
    PlantedDamageError.self,
  ]

  /// The metrics' names.
  public static let names = metrics.map { $0.name }

  /// The metrics that are measured by default.
  public static let usual: [any Metric.Type] = [
    MeanSquaredError.self, PeakSignalToNoise.self, EvidenceLowerBound.self,
  ]

  /// The kind of the numbers under a name of a result: a metric, or a detail that follows it.
  public static func unit(of name: String) -> Measure? {
    if let metric = metric(name) { return metric.unit }
    return metrics.first { name.hasPrefix($0.name + "_") }.map {
      $0.unit(ofDetail: String(name.dropFirst($0.name.count + 1)))
    }
  }

  /// The metric with a name; nil if no metric has this name.
  public static func metric(_ name: String) -> (any Metric.Type)? {
    metrics.first { $0.name == name }
  }
}

/// A measurement that `cleave evaluate --metrics` knows.
///
/// A metric is a file with such a type, and a line in the catalogue.
public protocol Metric: Sendable {
  /// Its name in `--metrics` and in results.
  static var name: String { get }
  /// What it measures and in which unit, in one line.
  static var summary: String { get }
  /// What it needs of a model, behind "needs"; nil where every encoder will do.
  static var needs: String? { get }
  /// Measures all rows of the evaluation.
  ///
  /// **Collective.**
  ///
  /// - Returns: values by what was compared ("X", "reconstruction", "L"), or one under ""; none for
  ///   a model that lacks what is needed.
  static func measure(_ evaluation: Evaluation) throws -> [MetricValue]
}

/// One number of a metric.
public struct MetricValue: Equatable, Sendable {
  /// What was compared; empty for a metric of one number.
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
  /// One line a metric.
  public static let metrics: [any Metric.Type] = [
    MeanSquaredError.self,
    PeakSignalToNoise.self,
    EvidenceLowerBound.self,
    KLDivergence.self,
    SampleSpread.self,
    LikelihoodBound.self,
    NegativeLogLikelihood.self,
    BitsPerPixel.self,
  ]

  /// Their names.
  public static let names = metrics.map { $0.name }

  /// What is measured unless something else is asked for.
  public static let usual: [any Metric.Type] = [
    MeanSquaredError.self, PeakSignalToNoise.self, EvidenceLowerBound.self,
  ]

  /// The metric of a name; nil where there is none.
  public static func metric(_ name: String) -> (any Metric.Type)? {
    metrics.first { $0.name == name }
  }
}

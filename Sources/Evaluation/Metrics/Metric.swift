import Report
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
  /// The options that it reads; none by default.
  static var options: [MetricOption] { get }
  /// Whether it is of pixels in [0, 1], or of their neighbours, and so not of features; by default
  /// it is not.
  static var isOfPixels: Bool { get }
  /// Whether it is of whole images of one size, and so not of a model of patches; by default it is
  /// not.
  static var isOfWholeImages: Bool { get }
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
  /// The compared images whose number stands for the model, the first that there is; by default
  /// that of one number, then L, then the reconstruction.
  static var headline: [String] { get }
  /// What its numbers belong to, such as a network and images: numbers of unlike texts are not
  /// comparable; nil by default.
  ///
  /// **Collective.**
  static func fingerprint(_ evaluation: Evaluation) throws -> String?
  /// Whether a higher number is better; no by default.
  static var isHigherBetter: Bool { get }
  /// Whether it has a picture; no by default.
  static var hasPlot: Bool { get }
  /// Its picture, called after `measure`; nil by default.
  ///
  /// **Collective.** Rank 0 needs the result.
  static func plot(_ evaluation: Evaluation) throws -> Plot?
}

extension Metric {
  /// The default: it is of any values.
  public static var isOfPixels: Bool { false }
  /// The default: patches will do.
  public static var isOfWholeImages: Bool { false }
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
  /// The default: none.
  public static var options: [MetricOption] { [] }
  /// The default: one number, L, the reconstruction.
  public static var headline: [String] { ["", "L", "reconstruction"] }
  /// The default: nil.
  public static func fingerprint(_ evaluation: Evaluation) throws -> String? { nil }
  /// The default: no.
  public static var isHigherBetter: Bool { false }
  /// The default: no.
  public static var hasPlot: Bool { false }
  /// The default: nil.
  public static func plot(_ evaluation: Evaluation) throws -> Plot? { nil }
}

/// One number of a metric.
public struct MetricValue: Equatable, Sendable {
  /// The compared image; empty for a metric of one number.
  public let of: String
  /// The number.
  public let value: Double
  /// Its standard error; nil where it is not known.
  public let standardError: Double?

  /// A number from its parts.
  public init(_ of: String = "", _ value: Double, standardError: Double? = nil) {
    self.of = of
    self.value = value
    self.standardError = standardError
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
    StructuralSimilarityIndex.self,
    DamageError.self,
    SampleSpread.self,
    LikelihoodBound.self,
    NegativeLogLikelihood.self,
    BitsPerPixel.self,
    HiddenPixelError.self,
    PlantedDamageError.self,
    FrechetDistanceOfSamples.self,
    KernelDistanceOfSamples.self,
    SamplePrecision.self,
    ParzenLogLikelihood.self,
    NeighbourDistance.self,
    AggregatePosterior.self,
    SupportVectorAccuracy.self,
    LinearAccuracy.self,
    LinearProbe.self,
    NeighbourAccuracy.self,
    CharacterAccuracy.self,
    AttributeAccuracy.self,
    OutlierDetection.self,
    ShiftedCodes.self,
    ClassifierAccuracy.self,
  ]

  /// The options of all metrics, each once, in their order.
  public static let options: [MetricOption] = {
    var seen: Set<MetricOption> = []
    return metrics.flatMap { $0.options }.filter { seen.insert($0).inserted }
  }()

  /// What follows the name of a metric in the name of its standard errors.
  public static let standardError = "_standard_error"

  /// The metrics' names.
  public static let names = metrics.map { $0.name }

  /// The metrics that are measured by default.
  public static let usual: [any Metric.Type] = [
    MeanSquaredError.self, PeakSignalToNoise.self, EvidenceLowerBound.self,
    ClassifierAccuracy.self,
  ]

  /// The kind of the numbers under a name of a result: a metric, or a detail that follows it.
  public static func unit(of name: String) -> Measure? {
    if let metric = metric(name) { return metric.unit }
    if name.hasSuffix(standardError) {
      return metric(String(name.dropLast(standardError.count)))?.unit
    }
    return metrics.first { name.hasPrefix($0.name + "_") }.map {
      $0.unit(ofDetail: String(name.dropFirst($0.name.count + 1)))
    }
  }

  /// The metric with a name; nil if no metric has this name.
  public static func metric(_ name: String) -> (any Metric.Type)? {
    metrics.first { $0.name == name }
  }
}

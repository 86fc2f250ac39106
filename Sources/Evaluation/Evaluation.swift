import Datasets
import MPI
import Runs

/// What an evaluation found, as `cleave evaluate --json` prints it.
public struct EvaluationResult: Sendable {
  /// The run directory.
  public let run: String
  /// The data file.
  public let data: String
  /// The part of it that was measured.
  public let split: String
  /// Images measured.
  public let rows: Int
  /// What errors are taken against: "clean" or, without clean images, "images".
  public let reference: String
  /// By metric, without those that the model does not have.
  public let metrics: [(name: String, values: [MetricValue])]

  /// The values of a metric.
  public subscript(name: String) -> [MetricValue] {
    metrics.first { $0.name == name }?.values ?? []
  }
}

/// Measures a trained model on a data set.
public final class Evaluation {
  let trained: TrainedModel
  let world: Communicator
  let source: Source
  let options: Options
  private var found: [String: Any] = [:]

  /// What is measured, and how.
  public struct Options: Sendable {
    /// Samples of z for each image in nll and bits.
    public var samples = 5000
    /// Measure the first images only; nil for all.
    public var rows: Int?
    /// Whether the encoder sees the noise of training when the bound is measured (D-25).
    public var isCorrupted = false
    /// Whether the bound of a Gaussian decoder is negated as well (D-26).
    public var isNegated = false

    /// The protocol of docs/systems.md, 8.5.
    public init() {}
  }

  /// - Throws: `RunError` when the images have another shape than those of the run.
  public init(
    _ trained: TrainedModel, on data: ImageSet, options: Options = Options(), world: Communicator
  ) throws {
    self.trained = trained
    self.world = world
    self.options = options
    source = try Source(trained, data, limit: options.rows)
  }

  /// **Collective.**
  public func run(_ metrics: [any Metric.Type]) throws -> EvaluationResult {
    var results: [(name: String, values: [MetricValue])] = []
    for metric in metrics {
      let values = try metric.measure(self)
      if !values.isEmpty { results.append((metric.name, values)) }
    }
    return EvaluationResult(
      run: trained.directory.path, data: source.images.path,
      split: source.images.split.rawValue, rows: source.rows,
      reference: source.hasClean ? "clean" : "images", metrics: results)
  }

  /// What several metrics share: made when the first of them asks.
  func once<Value>(_ name: String, _ make: () throws -> Value) rethrows -> Value {
    if let stored = found[name], let value = stored as? Value { return value }
    let value = try make()
    found[name] = value
    return value
  }
}

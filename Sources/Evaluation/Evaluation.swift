import Datasets
import Layers
import MPI
import Runs
import Support
import Training

/// The result of an evaluation, as `cleave evaluate --json` prints it.
public struct EvaluationResult: Sendable {
  /// The run directory.
  public let run: String
  /// The name of the checkpoint.
  public let checkpoint: String
  /// The data file.
  public let data: String
  /// The split that was measured.
  public let split: String
  /// The split, or the dataset of a file without splits.
  public let part: String
  /// The number of measured images.
  public let rows: Int
  /// The number of these images, in words.
  public let count: String
  /// Number and form of these images, in words; of a model of patches, with their number.
  public let extent: String
  /// The number of their patches; nil for a model of whole images.
  public let patches: Int?
  /// The images with which errors are taken: "clean" or, without clean images, "images".
  public let reference: String
  /// The values of each metric, except metrics that the model does not have; a metric's details
  /// follow it, as `nll_standard_error` follows `nll`.
  public let metrics: [(name: String, values: [MetricValue])]
  /// What the numbers of a metric are, by its name.
  public let notes: [(name: String, text: String)]
  /// What numbers of a metric belong to, by its name: a network and images, for example.
  public let fingerprints: [(name: String, text: String)]
  /// What a reader of the numbers must know, a line each.
  public let remarks: [String]
  /// Reasons to doubt numbers, a line each.
  public let warnings: [String]

  /// The number that stands for the model; nil where the metric has none.
  public func headline(of metric: any Metric.Type) -> Double? {
    metric.headline.lazy.compactMap { of in
      self[metric.name].first { $0.of == of }?.value
    }.first
  }

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
  let data: ImageSet
  private var found: [String: Any] = [:]
  /// What metrics have to say of how they measured, a line each.
  var said: [String] = []

  /// Options of the measurements.
  public struct Options: Sendable {
    /// The number of first images to measure; nil for all.
    public var rows: Int?
    /// The largest number of rounds that split an image outside the training set.
    public var rounds = FrozenSplit.usualRounds
    /// What metrics were asked beside the defaults of docs/systems.md, 8.
    public var metrics = MetricOptions()

    /// The defaults.
    public init() {}
  }

  /// An evaluation of a model on images.
  ///
  /// - Throws: `RunError` when the images and the run's images have different shapes.
  public init(
    _ trained: TrainedModel, on data: ImageSet, options: Options = Options(), world: Communicator
  ) throws {
    self.trained = trained
    self.world = world
    self.options = options
    self.data = data
    source = try Source(trained, data, limit: options.rows)
  }

  /// Measures the metrics.
  ///
  /// **Collective.**
  public func run(_ metrics: [any Metric.Type]) throws -> EvaluationResult {
    var results: [(name: String, values: [MetricValue])] = []
    var notes: [(name: String, text: String)] = []
    var fingerprints: [(name: String, text: String)] = []
    var warnings: [String] = []
    for metric in metrics where !(metric.isOfPixels && source.images.shape.isFeatures) {
      if metric.isOfWholeImages { try requireWholeImages(metric.name) }
      let values = try metric.measure(self)
      if values.isEmpty { continue }
      results.append((metric.name, values))
      if values.contains(where: { $0.standardError != nil }) {
        let errors = values.map { MetricValue($0.of, $0.standardError ?? .nan) }
        results.append((metric.name + MetricCatalogue.standardError, errors))
      }
      for detail in try metric.details(self) {
        results.append(("\(metric.name)_\(detail.name)", [MetricValue("", detail.value)]))
      }
      if let text = try metric.fingerprint(self) { fingerprints.append((metric.name, text)) }
      if let note = metric.note { notes.append((metric.name, note)) }
      if let warning = try metric.warning(self) { warnings.append(warning) }
    }
    return EvaluationResult(
      run: trained.directory.path, checkpoint: trained.checkpoint.name,
      data: data.path, split: data.split.rawValue, part: part,
      rows: source.count, count: Quantity.count(source.count, source.whole.shape.rowName),
      extent: source.images.extent(of: source.rows),
      patches: source.images.isPatches ? source.rows : nil,
      reference: source.hasClean ? "clean" : "images", metrics: results,
      notes: notes, fingerprints: fingerprints, remarks: try remarks(results) + said,
      warnings: warnings)
  }

  /// Refuses a metric of whole images for a model of patches, and for images of mixed sizes.
  ///
  /// **Collective.**
  private func requireWholeImages(_ metric: String) throws {
    guard source.images.isPatches || source.whole.isMixed else { return }
    try world.agree {
      throw ConfigurationError(
        "--metrics: found \(metric), which is of whole images of one size, expected for a model of "
          + "patches such as \(trained.directory.path) mse, ssim, hidden or planted")
    }
  }

  /// Whether the model has codes of images.
  var hasCodes: Bool { (trained.model as? any Encoding)?.hasCodes == true }

  /// Whether the images have an S: the run's own, or one that its model finds.
  var hasSplit: Bool { source.hasSparsePart || trained.shrinks }

  /// The split, or the dataset of a file without splits.
  private var part: String {
    let (split, dataset) = (source.images.split.rawValue, source.images.dataset)
    return dataset.isEmpty || dataset.hasPrefix("/\(split)/") ? split : dataset
  }

  /// What a reader of the numbers must know.
  ///
  /// **Collective.**
  private func remarks(
    _ results: [(name: String, values: [MetricValue])]
  ) throws -> [String] {
    var remarks: [String] = []
    let names = results.map(\.name)
    if names.contains("mse") || names.contains("psnr"), try inputIsReference() {
      remarks.append(
        "no clean images are known: errors are to the images themselves, so X has none")
    }
    let isGrey = hasSplit || trained.hasFirstStage
    if names.contains("elbo"), (trained.model as? any Trainable)?.reportsDensity == true {
      remarks.append(
        "elbo: by a density of pixel values; compare it with runs of the same loss alone")
    } else if names.contains("elbo"), try isGrey || greyImages(source.images) > 0 {
      let what =
        hasSplit
        ? "the clean parts X - S it is of"
        : trained.hasFirstStage ? "the images of the first stage, of which it is," : "the images"
      remarks.append(
        "elbo: \(what) have grey values, of which a Bernoulli decoder gives no likelihood; "
          + "compare it with training alone")
    }
    let likelihoods = names.filter { MetricCatalogue.metric($0)?.unit == .nats }
    if source.images.isPatches, !likelihoods.isEmpty {
      remarks.append(
        "\(likelihoods.joined(separator: ", ")): of a patch of \(source.images.shape), mean over the "
          + "patches")
    }
    return remarks
  }

  /// A value that several metrics share, made at the first request.
  func once<Value>(_ name: String, _ make: () throws -> Value) rethrows -> Value {
    if let stored = found[name], let value = stored as? Value { return value }
    let value = try make()
    found[name] = value
    return value
  }
}

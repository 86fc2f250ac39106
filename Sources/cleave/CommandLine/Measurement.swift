import Evaluation
import MPI
import Runs
import Support
import Training

/// What a command measures of a run: metrics with their options, and the images.
struct Measurement {
  let metrics: [any Metric.Type]
  let data: DataOptions
  let passes: PassesOption
  private let options: Evaluation.Options
  private let isAsked: Bool

  /// The options, without those of the layout of a file and of passes.
  static let options =
    [
      Option.data, Option.group, Option.split, Option.acceptData,
      Option.value("metrics", "LIST", "what to measure (default \(usual))"),
      Option.value("rows", "N", "measure the first N images only"), Option.rounds,
    ] + MetricCatalogue.options.map(Option.metric)

  private static let usual = MetricCatalogue.usual.map { $0.name }.joined(separator: ",")

  /// Takes the options from the arguments of a command that has them.
  ///
  /// - Throws: `UsageError` or `ConfigurationError` for an unknown metric or an invalid value.
  init(_ arguments: Arguments) throws {
    data = try DataOptions(arguments)
    passes = try PassesOption(arguments)
    isAsked = arguments.has("metrics")
    let names = arguments.value("metrics") ?? Self.usual
    var seen: Set<Substring> = []
    let words = names.split(separator: ",", omittingEmptySubsequences: false)
    let metrics = try words.filter { seen.insert($0).inserted }.map { name in
      guard !name.isEmpty else {
        throw UsageError("--metrics: found \(names), expected names with commas between them")
      }
      guard let metric = MetricCatalogue.metric(String(name)) else {
        throw UsageError(
          "unknown metric \(name)"
            + Spelling.hint(for: String(name), in: MetricCatalogue.names))
      }
      return metric
    }
    self.metrics = metrics
    var options = Evaluation.Options()
    options.rows = try arguments.integer("rows", in: 1...Int.max)
    options.rounds = try arguments.rounds()
    for option in MetricCatalogue.options where arguments.has(option.name) {
      guard metrics.contains(where: { $0.options.contains(option) }) else {
        let readers = MetricCatalogue.metrics.filter { $0.options.contains(option) }
        throw UsageError(
          "--\(option.name) is about \(readers.map { $0.name }.joined(separator: ", "))"
            + "; found --metrics \(names)")
      }
      try options.metrics.set(option, arguments.value(option.name) ?? "")
    }
    self.options = options
  }

  /// Measures a run, and says what was read and what to know about the numbers.
  ///
  /// **Collective.**
  ///
  /// - Parameter group: the group whose rows are measured, also in another file; nil for the rows
  ///   that the options tell.
  /// - Throws: `UsageError` for a metric that was asked and that the model does not have; errors of
  ///   the images and of the metrics.
  func measure(
    _ trained: TrainedModel, group: String? = nil, on world: Communicator, _ console: Console
  ) throws -> (evaluation: Evaluation, result: EvaluationResult) {
    let (images, line) = try data.of(group: group).open(
      for: trained, rows: options.rows, on: world, console)
    let evaluation = try world.agree {
      try Evaluation(trained, on: images, options: options, world: world)
    }
    let result = try evaluation.run(metrics)
    let missing = metrics.first { result[$0.name].isEmpty }
    if let missing, isAsked || result.metrics.isEmpty {
      try world.agree {
        if missing.isOfPixels, trained.imageShape.isFeatures {
          let others = MetricCatalogue.metrics.filter { !$0.isOfPixels }.map { $0.name }
          throw UsageError(
            "--metrics: found \(missing.name), which is of pixels in 0…1, expected for features "
              + others.joined(separator: ", "))
        }
        _ = try trained.encoder()  // a model without one says what can be done with it
        throw UsageError(
          "--metrics: found \(missing.name), which \(trained.configuration.model) does not have"
            + (missing.needs.map { "; it needs \($0)" } ?? ""))
      }
    }
    console.note(line)
    for line in result.remarks { console.note(line) }
    for line in result.warnings { console.warning(line) }
    return (evaluation, result)
  }
}

extension Option {
  /// An option that metrics read.
  static func metric(_ option: MetricOption) -> Option {
    option.placeholder.map { value(option.name, $0, option.help) }
      ?? flag(option.name, option.help)
  }
}

import Evaluation
import MPI
import Runs
import Support
import Tensors
import Training

/// `cleave evaluate`: metrics of a run on a data set.
struct EvaluateCommand: Subcommand {
  static let name = "evaluate"
  static let summary = "measure a run on a data set"
  static let details = """
    Metrics:
    \(metricTable)

    Errors are taken against the clean images where the data set has them; X stands for the model's
    input, L for the clean part as denoise writes it, repaired for X where it is near L, and L elsewhere.
    Beside them: medians of X, and the mean of the clean images, which looks at no X. A model that is
    trained with noise gets such noise here too, unless the images are corrupted already. Bounds are of inputs
    without noise; a Gaussian decoder's are log-densities, higher being better.

    --plot draws one of \(drawn).
    compare --plot draws any metric of several runs.
    """
  private static let drawn = Quantity.list(
    MetricCatalogue.metrics.filter { $0.hasPlot }.map { $0.name }, atMost: .max)
  private static let metricTable = String(
    Help.table(
      MetricCatalogue.metrics.map {
        ($0.name, $0.summary + ($0.needs.map { "; needs \($0)" } ?? ""))
      }
    ).dropLast())
  static let operands = [RunQuery.operand]
  static let options =
    Measurement.options + [Option.best, Option.plot, Option.force, Option.json]
    + PassesOption.options + Option.layout

  private let run: RunDirectory
  private let measurement: Measurement
  private let isBest: Bool
  private let isJSON: Bool
  private let plot: PlotFile?

  init(_ arguments: Arguments) throws {
    run = RunDirectory(arguments.operands[0])
    measurement = try Measurement(arguments)
    isBest = arguments.has("best")
    isJSON = arguments.has("json")
    plot = try PlotFile(arguments)
    guard plot != nil else { return }
    let drawn = measurement.metrics.filter { $0.hasPlot }
    guard drawn.count == 1 else {
      let choices = MetricCatalogue.metrics.filter { $0.hasPlot }
      throw UsageError(
        "--plot: found \(Quantity.count(drawn.count, "metric")) with a picture, expected one: "
          + "--metrics with " + choices.map { $0.name }.joined(separator: " or "))
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    try plot?.check(inputs: [measurement.data.path].compactMap { $0 }, on: world)
    let named = try world.agree { try NamedRuns(run.path) }
    if named.areGroups { return try evaluate(named, on: world, console) }
    let trained = try TrainedModel.load(
      run, measurement.passes, isBest: isBest, on: world, console)
    let (evaluation, result) = try measurement.measure(trained, on: world, console)
    if let plot, let metric = measurement.metrics.first(where: { $0.hasPlot }) {
      try plot.check(inputs: trained.inputs, on: world)
      try plot.write(try metric.plot(evaluation), on: world, console)
    }
    console.result(
      isJSON ? EvaluationReport.document(result).document : EvaluationReport.text(result))
    return 0
  }

  /// Measures the run of each group.
  ///
  /// **Collective.**
  private func evaluate(
    _ runs: NamedRuns, on world: Communicator, _ console: Console
  ) throws -> Int32 {
    if plot != nil {
      throw UsageError(
        "--plot: found \(runs.path), which holds runs of groups; name one, or draw all by compare")
    }
    let entries = try runs.measure(measurement, isBest: isBest, on: world, console)
    let report = try world.agree { try GroupEvaluationReport(runs, entries) }
    console.result(isJSON ? report.document.document : report.text)
    return 0
  }
}

import Checkpoints
import Evaluation
import MPI
import Report
import Runs
import Support
import Tensors
import Training

/// `cleave compare`: metrics of several runs, side by side.
struct CompareCommand: Subcommand {
  static let name = "compare"
  static let summary = "measure several runs and put them side by side"
  static let details = """
    Runs whose settings differ in the seed alone are one line: mean and standard deviation over the
    seeds. --baseline names runs that the others are compared with, such as those of the same model
    without the trick: a line is compared with the baseline that has the same value of each setting in
    which the baselines differ (such as the noise of the images, data_noise). With --plot, one setting of
    numbers gives a curve, two give a heat map, others bars.

    With --checkpoints a line is a checkpoint: how the first metric went over steps and seconds of
    training. --within FACTOR tells when each run had come within FACTOR of the last run's end.
    """
  static let operands = [
    Operand("RUN", "the directories of the runs", count: 1...1 << 16)
  ]
  static let options =
    Measurement.options
    + [
      Option.value(
        "baseline", "RUN", "a run that the others are compared with", repeatable: true),
      Option.flag("checkpoints", "measure every checkpoint that a run keeps (keep_last)"),
      Option.value("within", "FACTOR", "the time to FACTOR of the last run's end, such as 1.05"),
      Option.best, Option.plot, Option.force, Option.json,
    ] + PassesOption.options + Option.layout

  private let runs: [RunDirectory], baselines: [RunDirectory]
  private let measurement: Measurement
  private let isBest: Bool
  private let isJSON: Bool
  private let plot: PlotFile?
  private let hasCheckpoints: Bool
  private let within: Double?

  init(_ arguments: Arguments) throws {
    runs = arguments.operands.map { RunDirectory($0) }
    baselines = arguments.all("baseline").map { RunDirectory($0) }
    measurement = try Measurement(arguments)
    isBest = arguments.has("best")
    isJSON = arguments.has("json")
    plot = try PlotFile(arguments)
    hasCheckpoints = arguments.has("checkpoints")
    within = try arguments.value("within").map { text throws(UsageError) in
      guard let factor = Double(text), factor >= 1, factor.isFinite else {
        throw UsageError("--within: found \(text), expected a number of at least 1")
      }
      return factor
    }
    if within != nil && !hasCheckpoints {
      throw UsageError("--within: found without --checkpoints, of which it tells the time")
    }
    if hasCheckpoints && (isBest || !baselines.isEmpty) {
      throw UsageError(
        "--checkpoints: found with \(isBest ? "--best" : "--baseline"), expected it alone")
    }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    try plot?.check(inputs: [measurement.data.path].compactMap { $0 }, on: world)
    try world.agree { for run in runs + baselines { try run.checkReadable() } }
    if hasCheckpoints { return try follow(on: world, console) }
    let entries = try runs.map { try measure($0, on: world, console) }
    let bases = try baselines.map { try measure($0, on: world, console) }
    let comparison = try world.agree { try Comparison(entries, baselines: bases) }
    try plot?.write(
      comparison.plot(of: measurement.metrics[0]), on: world, console)
    console.result(
      isJSON
        ? ComparisonReport.document(comparison, entries, baselines: bases).document
        : ComparisonReport.text(comparison))
    return 0
  }

  /// **Collective.**
  private func measure(
    _ run: RunDirectory, on world: Communicator, _ console: Console
  ) throws -> Comparison.Entry {
    let trained = try TrainedModel.load(
      run, measurement.passes, isBest: isBest, on: world, console)
    let (evaluation, result) = try measurement.measure(trained, on: world, console)
    return Comparison.Entry(evaluation, result)
  }

  /// Measures the checkpoints of each run.
  ///
  /// **Collective.**
  private func follow(on world: Communicator, _ console: Console) throws -> Int32 {
    let metric = measurement.metrics[0]
    let courses = try runs.map { run -> Course in
      let steps = try world.agree { try CheckpointStore(run: run.path).steps() }
      let clock = try world.agree { try RunClock(run) }
      var points: [Course.Point] = []
      for step in steps {
        let trained = try TrainedModel.load(
          run, measurement.passes, upTo: step, on: world, console)
        // A damaged checkpoint gives the one before it, which has been measured.
        guard trained.checkpoint.manifest.step == step else { continue }
        let (_, result) = try measurement.measure(trained, on: world, console)
        guard let value = result.headline(of: metric) else { continue }
        points.append(.init(step: step, seconds: clock.seconds(at: step), value: value))
      }
      return Course(run: run.path, points: points)
    }
    try plot?.write(Course.plot(courses, of: metric), on: world, console)
    console.result(
      isJSON
        ? CourseReport.document(courses, of: metric, within: within).document
        : CourseReport.text(courses, of: metric, within: within))
    return 0
  }
}

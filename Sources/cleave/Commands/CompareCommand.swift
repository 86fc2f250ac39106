import Checkpoints
import Evaluation
import Foundation
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
    seeds. So are the runs in a folder of train --each-group: mean and deviation over the groups.
    --baseline names runs that the others are compared with, such as those of the same model
    without the trick: a line is compared with the baseline of the same images that has the same value of
    each setting in which the baselines differ (such as their noise, data_noise). With --plot, one setting
    of numbers gives a curve, two give a heat map, others bars.

    With --checkpoints a line is a checkpoint: how the first metric went over steps and seconds of
    training. --within FACTOR tells when each run had come within FACTOR of where the run named last ended.
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

  private let runs: [String], baselines: [String]
  private let measurement: Measurement
  private let isBest: Bool
  private let isJSON: Bool
  private let plot: PlotFile?
  private let hasCheckpoints: Bool
  private let within: Double?

  init(_ arguments: Arguments) throws {
    runs = arguments.operands
    baselines = arguments.all("baseline")
    var seen: Set<String> = []
    for run in runs where !seen.insert(URL(filePath: run).resolvingSymlinksInPath().path).inserted {
      throw UsageError("RUN: found \(run) twice, expected each run once")
    }
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
    let named = try world.agree {
      let named = try (runs + baselines).map { try NamedRuns($0) }
      for run in named.flatMap(\.runs) { try run.directory.checkReadable() }
      return named
    }
    if hasCheckpoints { return try follow(named.flatMap(\.runs), on: world, console) }
    func measured(_ named: some Sequence<NamedRuns>) throws -> [Comparison.Entry] {
      try named.flatMap { try $0.measure(measurement, isBest: isBest, on: world, console) }
    }
    let entries = try measured(named.prefix(runs.count))
    let bases = try measured(named.dropFirst(runs.count))
    let comparison = try world.agree { try Comparison(entries, baselines: bases) }
    let sets = Set(entries.map { "\($0.result.data), \($0.result.split)" }).sorted()
    if sets.count > 1 {
      console.note("runs are measured on unlike images: " + Quantity.list(sets, atMost: 5))
    }
    try plot?.write(
      comparison.plot(of: measurement.metrics[0]), on: world, console)
    console.result(
      isJSON
        ? ComparisonReport.document(comparison, entries, baselines: bases).document
        : ComparisonReport.text(comparison, entries))
    return 0
  }

  /// Measures the checkpoints of each run.
  ///
  /// **Collective.**
  private func follow(
    _ runs: [NamedRuns.Run], on world: Communicator, _ console: Console
  ) throws -> Int32 {
    let metric = measurement.metrics[0]
    let courses = try runs.map { named -> Course in
      let run = named.directory
      let steps = try world.agree { try CheckpointStore(run: run.path).steps() }
      let clock = try world.agree { try RunClock(run) }
      var points: [Course.Point] = []
      for step in steps {
        let trained = try TrainedModel.load(
          run, measurement.passes, upTo: step, on: world, console)
        // A damaged checkpoint gives the one before it, which has been measured.
        guard trained.checkpoint.manifest.step == step else { continue }
        let (_, result) = try measurement.measure(
          trained, group: named.group, on: world, console)
        guard let value = result.headline(of: metric) else { continue }
        points.append(.init(step: step, seconds: clock.seconds(at: step), value: value))
      }
      try world.agree {
        guard points.isEmpty else { return }
        throw RunError.data(
          run.path,
          "found no checkpoint with one number of \(metric.name) for the model, expected one")
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

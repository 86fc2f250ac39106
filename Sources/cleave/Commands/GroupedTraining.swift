import Datasets
import MPI
import Models
import Runs
import Support
import Training

/// `cleave train --each-group`: a run of each group of a data set, and `--resume` of such runs.
struct GroupedTraining {
  let assignments: [String]
  let data: DataOptions
  let limits: TrainingLimits
  let isJSON: Bool

  /// Makes the folder of runs, and trains them.
  ///
  /// **Collective.**
  ///
  /// - Returns: the exit status.
  func start(
    _ source: ConfigurationSource, _ out: String, threads: Int, _ console: Console,
    on world: Communicator
  ) throws -> Int32 {
    var configuration = try source.configuration(on: world, console)
    try world.agree {
      for assignment in assignments { try configuration.set(assignment) }
      data.store(in: &configuration)
      let settings = configuration.common.data
      if settings.data.isEmpty { throw UsageError("missing --data") }
      if !settings.group.isEmpty {
        throw UsageError("group: found \(settings.group), expected none with --each-group")
      }
      try UsageError.check(threads: threads, exact: configuration.isExact)
    }
    let groups = try groups(of: configuration, on: world, console)
    var made = ""
    _ = try world.onRoot {
      made = try GroupRuns(out, configuration, source.request, groups: groups).text
      return 0
    }
    let runs = try GroupRuns(out, text: try world.broadcast(made))
    for line in configuration.unread(assignments) { console.warning(line) }
    return try train(runs, console, on: world)
  }

  /// The groups of the training set, for which the settings are checked.
  ///
  /// **Collective.**
  private func groups(
    of configuration: Configuration, on world: Communicator, _ console: Console
  ) throws -> [RowGroups.Group] {
    let settings = configuration.common.data
    let images = try ImageSet.open(
      settings.data, options: settings.imageSetOptions, rows: nil, by: settings, isTraining: true,
      on: world, console)
    return try world.agree {
      guard let found = try RowGroups(of: settings.data) else {
        throw DatasetError.mismatch(
          file: settings.data, item: "/train/groups", found: "no such dataset",
          expected: "groups for --each-group (cleave import features --groups)")
      }
      try GroupTraining.check(configuration, found.groups, of: images.shape)
      return found.groups
    }
  }

  /// Goes on with the runs of a folder.
  ///
  /// **Collective.**
  ///
  /// - Returns: the exit status.
  func resume(
    _ path: String, threads: Int, _ console: Console, on world: Communicator
  ) throws -> Int32 {
    var text = ""
    _ = try world.onRoot {
      let kept = try GroupRuns(at: path)
      var configuration = kept.configuration
      for assignment in assignments { try configuration.set(assignment) }
      try configuration.checkResume(of: kept.configuration)
      data.store(in: &configuration)
      let settings = configuration.common.data
      let found = try RowGroups(of: settings.data)?.groups ?? []
      let expected = kept.groups.map { RowGroups.Group(name: $0.name, count: $0.rows) }
      guard found == expected else {
        let odd = expected.first { !found.contains($0) }
        throw RunError.data(
          settings.data,
          "found other groups than those of \(path)"
            + (odd.map { ", expected \($0.name) with \(Quantity.count($0.count, "row"))" } ?? "")
            + "; name the file that holds them by --data")
      }
      text = try kept.changed(to: configuration).text
      return 0
    }
    return try train(try GroupRuns(path, text: try world.broadcast(text)), console, on: world)
  }

  // MARK: - Both

  private func train(_ runs: GroupRuns, _ console: Console, on world: Communicator) throws -> Int32
  {
    console.note(
      "\(Quantity.count(runs.groups.count, "run")) in \(runs.path), each on one of "
        + Quantity.count(world.size, "rank"))
    let clock = Stopwatch()
    let results = try GroupTraining(runs, on: world).run(
      assignments, data: data.path, limits: limits, command: ShellWords.ownCommand
    ) { group, number, count in
      GroupDisplay(console, group: group, number: number, count: count)
    }
    console.closeLine()
    for result in results {
      for warning in result.warnings { console.warning("group \(result.group.name): \(warning)") }
    }
    console.result(
      isJSON
        ? Self.document(runs, results, clock.seconds).document : Self.text(runs, results))
    let failed = results.filter { $0.failure != nil }
    if let first = failed.first {
      try world.agree {
        throw GroupFailure(
          description: "\(runs.path): \(failed.count) of \(Quantity.count(results.count, "group")) "
            + "failed; the first, \(first.group.name): \(first.failure ?? "")",
          exitStatus: first.status)
      }
    }
    let areDone = results.allSatisfy { $0.wasFinished || $0.outcome.map { $0 != .stopped } == true }
    if areDone { return 0 }
    console.note("stopped; cleave train --resume \(ShellWords.quoted(runs.path)) goes on")
    return 75
  }

  private static func word(_ result: GroupTraining.Result) -> String {
    if result.failure != nil { return "failed" }
    if result.wasFinished { return "finished before" }
    return result.outcome.map { GroupTraining.name(of: $0) } ?? "waiting"
  }

  private static func text(_ runs: GroupRuns, _ results: [GroupTraining.Result]) -> String {
    Columns.text(
      ["group", "rows", "state", "step", "loss", "seconds", "run"],
      results.map { result in
        [
          result.group.name, Quantity.grouped(result.group.rows), word(result),
          result.step.map { Quantity.grouped($0) } ?? "",
          result.loss.map { Quantity.significant($0, 6) } ?? "",
          result.seconds > 0 ? Quantity.significant(result.seconds, 3) : "",
          runs.run(of: result.group).path,
        ]
      })
  }

  private static func document(
    _ runs: GroupRuns, _ results: [GroupTraining.Result], _ seconds: Double
  ) -> JSONValue {
    let groups = results.map { result -> JSONValue in
      [
        "name": .string(result.group.name), "run": .string(runs.run(of: result.group).path),
        "rows": .integer(result.group.rows), "state": .string(word(result)),
        "step": result.step.map { .integer($0) } ?? .null,
        "loss": result.loss.map { .real($0) } ?? .null, "seconds": .real(result.seconds),
        "warnings": .array(result.warnings.map { .string($0) }),
        "failure": result.failure.map { .string($0) } ?? .null,
      ]
    }
    return [
      "runs": .string(runs.path), "groups": .array(groups), "seconds": .real(seconds),
    ]
  }
}

/// Shows the run of a group in a line when it ends, and as a line that is replaced on a terminal.
private final class GroupDisplay: TrainingObserver {
  private let console: Console
  private let group: GroupRuns.Group
  private let place: String
  private var last: StepMetrics?
  private var unit = Measure.nats
  private let clock = Stopwatch()

  init(_ console: Console, group: GroupRuns.Group, number: Int, count: Int) {
    self.console = console
    self.group = group
    place = "\(number) of \(count) of this rank"
  }

  func runStarted(_ header: RunHeader) { unit = header.lossUnit }

  func step(_ metrics: StepMetrics) {
    last = metrics
    guard console.isLive else { return }
    console.progress(
      "\(group.name) (\(place))  step \(Quantity.grouped(metrics.step))  "
        + "loss \(unit.words(metrics.loss))")
  }

  func finished(_ outcome: RunOutcome) {
    let loss = last.map { ", loss \(unit.words($0.loss))" } ?? ""
    console.note(
      "\(GroupTraining.name(of: outcome)): \(group.name), \(Quantity.count(group.rows, "row"))"
        + "\(loss), \(Quantity.seconds(clock.seconds)) (\(place))")
  }

  // Warnings of all ranks are told at the end.
  func warning(_ message: String) {}
  func shrinks(by threshold: Double, lambda: Double, rule: ShrinkageRule) {}
  func outerFinished(_ metrics: OuterMetrics) {}
  func checkpointed(_ checkpoint: CheckpointNotice) {}
  func peakMemory(_ bytes: [Int]) {}
  func best(_ checkpoint: BestCheckpoint) {}
}

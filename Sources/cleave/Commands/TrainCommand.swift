import Datasets
import Evaluation
import Foundation
import Guard
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// `cleave train`: starts a run, or continues a run from its newest checkpoint.
struct TrainCommand: Subcommand {
  static let name = "train"
  static let summary = "train a model, or go on with a run"
  static let details = """
    cleave train PRESET|CONFIG.json --data FILE --out RUN   a new run
    cleave train --resume RUN                               goes on, on any number of ranks
    … --out RUNS --each-group                               a run of each group, on one rank each

    A preset is one of cleave presets; a configuration file holds any of the keys that cleave
    presets NAME prints. SIGTERM, SIGUSR1 or SIGINT end a run with a checkpoint and status 75;
    --resume goes on from there.

    A run with a first stage (--set first=PRESET, or a preset such as mnist-rpca-vae) trains that
    first, and then itself on the L of it. Each stage counts its own steps: --max-steps ends each
    after so many, --stop-after-step stops in the stage that gets so far.
    """
  static let operands = [
    Operand("PRESET|CONFIG", "a preset or a configuration file, for a new run", count: 0...1)
  ]
  static let options =
    [
      Option.data, Option.group, Option.value("out", "RUN", "the directory of the new run"),
      Option.flag(
        "each-group", "a run of each group of the data set, in folders within --out"),
      Option.value("resume", "RUN", "the run to go on with"),
      Option.value("set", "KEY=VALUE", "override a setting; may be repeated", repeatable: true),
      Option.flag("exact", "the same as --set exact=true: one result on any number of ranks"),
      Option.value("stop-after-step", "N", "end after step N as a signal would (status 75)"),
      Option.value("max-steps", "N", "end after step N as a finished run"),
      Option.value(
        "time-limit", "MINUTES",
        "end before so many minutes have passed as a signal would, checkpoint included"),
      Option.value(
        "watchdog", "SECONDS",
        "end with a report when nothing has advanced for so long (default 600; 0 for never)"),
      Option.value(
        "on-nonfinite", "RULE",
        "stop (default), or skip: leave out steps with numbers that are not finite"),
      Option.value(
        "sentinel", "N", "compare the weights in memory every N steps, not at checkpoints alone"),
      Option.inject,
      Option.value(
        "verify", "K", "with --resume: first replay the last K recorded steps and compare"),
      Option.flag(
        "accept-data",
        "with --resume: go on with other images than before; S starts anew"
      ),
      Option.threads,
      Option.flag("force", "replace the run in --out"),
      Option.value(
        "wait", "SECONDS",
        "how long to wait for another process that trains the run to end (default 0)"),
      Option.json,
    ] + Option.layout

  private let origin: Origin
  private let assignments: [String]
  private let data: DataOptions
  private let limits: TrainingLimits
  private let threads: Int
  private let isJSON: Bool

  /// The source of the configuration.
  private enum Origin {
    case new(ConfigurationSource, out: String, isForced: Bool)
    case groups(ConfigurationSource, out: String)
    case resumed(run: String, verifying: Int?)
  }

  init(_ arguments: Arguments) throws {
    assignments =
      arguments.all("set") + (arguments.has("exact") ? ["exact=true"] : [])
      + arguments.all("on-nonfinite").map { "on_nonfinite=\($0)" }
    data = try DataOptions(arguments)
    threads = try arguments.threads()
    isJSON = arguments.has("json")
    limits = TrainingLimits(
      stopAfterStep: try arguments.integer("stop-after-step", in: 1...Int.max),
      maxSteps: try arguments.integer("max-steps", in: 1...Int.max),
      deadline: try Self.deadline(arguments),
      standstill: try arguments.integer("watchdog", in: 0...1_000_000).map(Double.init)
        ?? Watchdog.usualLimit,
      sentinel: try arguments.integer("sentinel", in: 1...1_000_000_000) ?? 0,
      faults: try arguments.all("inject").map { try Fault(parsing: $0) },
      patience: Double(try arguments.integer("wait", in: 0...1_000_000) ?? 0))
    if let run = arguments.value("resume") {
      for option in ["out", "force", "each-group"] where arguments.has(option) {
        throw UsageError("--\(option) does not go with --resume")
      }
      if let operand = arguments.operands.first {
        throw UsageError("--resume takes the run's own configuration; found \(operand) as well")
      }
      origin = .resumed(
        run: run, verifying: try arguments.integer("verify", in: 1...1_000_000_000))
    } else {
      for option in ["verify", "accept-data"] where arguments.has(option) {
        throw UsageError("--\(option) goes with --resume")
      }
      guard let name = arguments.operands.first else {
        throw UsageError("missing PRESET or CONFIG.json, or --resume RUN")
      }
      let source = try ConfigurationSource(name)
      if data.path == nil, case .preset = source { throw UsageError("missing --data") }
      let out = try arguments.required("out")
      if arguments.has("each-group") {
        for option in ["group", "force"] where arguments.has(option) {
          throw UsageError("--\(option) does not go with --each-group")
        }
        origin = .groups(source, out: out)
      } else {
        origin = .new(source, out: out, isForced: arguments.has("force"))
      }
    }
    var probe = Configuration()
    for assignment in assignments { try probe.set(assignment) }
  }

  /// The end of --time-limit, counted from now, or of the Slurm job.
  private static func deadline(_ arguments: Arguments) throws -> ContinuousClock.Instant? {
    if let text = arguments.value("time-limit") {
      guard let minutes = Double(text), minutes > 0, minutes.isFinite else {
        throw UsageError("--time-limit: found \(text), expected minutes above 0")
      }
      return .now + .seconds(60 * min(minutes, 1e9))
    }
    let end = ProcessInfo.processInfo.environment["SLURM_JOB_END_TIME"].flatMap { Double($0) }
    return end.flatMap { $0.isFinite && $0 < 1e12 ? TrainingLimits.deadline(jobEnd: $0) : nil }
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    // From now on a signal is answered after the next step, even if reading the data takes long.
    StopSignals.install()
    console.startWorkers(threads)
    let grouped = GroupedTraining(
      assignments: assignments, data: data, limits: limits, isJSON: isJSON)
    let outcome: RunOutcome
    switch origin {
    case .new(let source, let out, let isForced):
      outcome = try start(source, out, isForced, console, on: world)
    case .groups(let source, let out):
      return try grouped.start(source, out, threads: threads, console, on: world)
    case .resumed(let run, let steps):
      if try holdsGroups(run, on: world) {
        if steps != nil || data.other == .accepted {
          throw UsageError(
            "--verify and --accept-data go with a run; found \(run), which holds runs of groups")
        }
        return try grouped.resume(run, threads: threads, console, on: world)
      }
      outcome = try resume(RunDirectory(run), verifying: steps, console, on: world)
    }
    return outcome == .stopped ? 75 : 0
  }

  private func holdsGroups(_ path: String, on world: Communicator) throws -> Bool {
    var found = [Int64(world.isRoot && GroupRuns.isThere(path) ? 1 : 0)]
    try world.allReduce(&found, .max)
    return found[0] > 0
  }

  private func start(
    _ source: ConfigurationSource, _ out: String, _ isForced: Bool, _ console: Console,
    on world: Communicator
  ) throws -> RunOutcome {
    var configuration = try source.configuration(on: world, console)
    try world.agree {
      for assignment in assignments { try configuration.set(assignment) }
      data.store(in: &configuration)
      if configuration.common.data.data.isEmpty { throw UsageError("missing --data") }
    }
    let images = try open(configuration, on: world, console)
    let display = TrainingDisplay(console, unread: configuration.unread(assignments))
    let outcome = try StagedRun.start(
      configuration, on: images, in: RunDirectory(out), replacing: isForced, observer: display,
      limits: limits, request: source.request, command: ShellWords.ownCommand, world: world)
    if isJSON { console.result(display.document) }
    return outcome
  }

  private func resume(
    _ directory: RunDirectory, verifying steps: Int?, _ console: Console,
    on world: Communicator
  ) throws -> RunOutcome {
    let lease = try world.agreeAsleep {
      try world.isRoot
        ? RunLease.resuming(directory, patience: limits.patience) { console.warning($0) } : nil
    }
    let kept = try ConfigurationSource.run(directory).configuration(on: world, console)
    var configuration = kept
    try world.agree {
      for assignment in assignments { try configuration.set(assignment) }
      try configuration.checkResume(of: kept)
      data.store(in: &configuration)
      if data.path == nil { try DataOptions.find(kept.common.data.data, of: directory) }
    }
    let images = try open(configuration, on: world, console)
    let display = TrainingDisplay(console, unread: configuration.unread(assignments))
    if let steps {
      display.verified(
        try TrainingRun.verify(
          kept, on: images, in: directory, steps: steps, other: data.other, world: world))
    }
    let outcome = try StagedRun.resume(
      configuration, on: images, in: directory, lease: lease, other: data.other, observer: display,
      limits: limits, command: ShellWords.ownCommand, world: world)
    if isJSON { console.result(display.document) }
    return outcome
  }

  /// The training set, after all checks that need no file.
  private func open(
    _ configuration: Configuration, on world: Communicator, _ console: Console
  ) throws -> ImageSet {
    try world.agree { try UsageError.check(threads: threads, exact: configuration.isExact) }
    let common = configuration.common
    // Rows that are not trained on may serve for validation.
    return try ImageSet.open(
      common.data.data, options: common.data.imageSetOptions,
      rows: common.recording.validateEvery == 0 ? common.data.rows : nil, by: common.data,
      isTraining: true, on: world, console)
  }
}

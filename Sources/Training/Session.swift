import Autodiff
import Checkpoints
import Dispatch
import Foundation
import MPI
import Support
import Tensors

/// How far a call of `train` should go.
public struct TrainingLimits: Sendable {
  /// End after this step as a signal would: checkpoint, resumable.
  public var stopAfterStep: Int?
  /// End after this step as a finished run.
  public var maxSteps: Int?
  /// End before this moment as a signal would.
  public var deadline: Date?
  /// End with an error when nothing has advanced for so many seconds; 0 for never.
  public var standstill = 0.0
  /// How long the program waits unless it is told: no step, and no part of a checkpoint, takes so many seconds.
  public static let usualStandstill = 600.0

  /// Steps between two looks at the weights in memory, besides those at checkpoints; 0 for no others.
  public var sentinel = 0
  /// What shall go wrong on the way.
  public var faults: [Fault] = []

  /// No limits unless given.
  public init(
    stopAfterStep: Int? = nil, maxSteps: Int? = nil, deadline: Date? = nil, standstill: Double = 0,
    sentinel: Int = 0, faults: [Fault] = []
  ) {
    self.stopAfterStep = stopAfterStep
    self.maxSteps = maxSteps
    self.deadline = deadline
    self.standstill = standstill
    self.sentinel = sentinel
    self.faults = faults
  }
}

/// What happens around the steps of a run: log lines, progress, checkpoints, grids, warnings, and
/// the end on a signal.
///
/// Every rank has one and calls it at the same places; only rank 0 writes.
public final class Session {
  /// The run's files; nil for a run that leaves none.
  public let directory: RunDirectory?
  /// Told of progress, on rank 0.
  public let observer: (any TrainingObserver)?
  private(set) var limits: TrainingLimits
  private(set) var faults: Faults?
  private var skipsInARow = 0
  private var afterEachStep: ((Trainer) throws -> Void)?
  private var log: RunLog?
  private var stopped = false
  private var finishedEarly = false
  private var lastLog = (time: DispatchTime.now(), images: 0)
  private var pause = 0.0  // seconds since the last log line in which no step was made
  private var lastCheckpoint = DispatchTime.now()
  private var projectionSeconds = 0.0
  private var checkpointSeconds = 0.0
  private var grids: GridWriter?
  private var store: CheckpointStore?

  /// A session of a run that has not begun.
  public init(
    directory: RunDirectory?, observer: (any TrainingObserver)? = nil,
    limits: TrainingLimits = TrainingLimits()
  ) {
    self.directory = directory
    self.observer = observer
    self.limits = limits
  }

  /// Takes over the run's checkpoints as a resume has looked at them.
  public func goOn(with checkpoints: CheckpointStore) { store = checkpoints }

  /// Ends the run after step `last` as if it were finished, and calls `body` after every step until then, on all ranks.
  public func follow(
    upTo last: Int, faults: [Fault] = [], _ body: @escaping (Trainer) throws -> Void
  ) {
    limits.maxSteps = last
    limits.faults = faults
    afterEachStep = body
  }

  /// Opens the log at the trainer's place; the clocks start now.
  ///
  /// Rank 0 writes.
  func begin(_ trainer: Trainer) throws {
    lastLog = (DispatchTime.now(), trainer.progress.imagesSeen)
    lastCheckpoint = DispatchTime.now()
    checkpointSeconds = Double(trainer.checkpointBytes) / Self.slowDisk
    faults = Faults(limits.faults, run: directory, world: trainer.world)
    guard let directory else { return }
    try trainer.world.agree {
      guard trainer.world.isRoot else { return }
      log = try RunLog(directory, upTo: trainer.progress)
      if trainer.configuration.gridEvery > 0 { grids = GridWriter(directory) }
    }
  }

  /// Whether the run ends here: asked to stop, or at its last step.
  func shouldStop(_ trainer: Trainer) -> Bool {
    if let last = limits.maxSteps, trainer.progress.step >= last { finishedEarly = true }
    return stopped || finishedEarly
  }

  /// How a run ends whose loop was left before its end.
  var interruption: RunOutcome { finishedEarly && !stopped ? .finished : .stopped }

  /// After each step: agree on trouble, on a stop and on a checkpoint; log when due.
  ///
  /// **Collective.**
  func afterStep(_ trainer: Trainer) throws {
    let c = trainer.configuration
    let stop =
      StopSignals.arrived || limits.stopAfterStep.map { trainer.progress.step >= $0 } == true
      || isDeadlineNear
    let due =
      trainer.world.isRoot && directory != nil && c.checkpointMinutes > 0
      && seconds(since: lastCheckpoint) > 60 * c.checkpointMinutes
    let memory = trainer.sentinel?.flag(rank: trainer.world.rank)
    var flags: [Double] = [
      stop ? 1 : 0, due ? 1 : 0, NonFinite.flag(trainer.finite.found), memory ?? -Double.infinity,
    ]
    try trainer.world.allReduce(&flags, .max)
    if let found = NonFinite(flag: flags[2]) {
      try trainer.world.agree { throw trainer.error(found) }
    }
    try injectAfterStep(trainer)
    try trainer.checkMemory(flag: flags[3])
    try afterEachStep?(trainer)
    if let dropped = trainer.dropped {
      try noteSkip(trainer, dropped)
    } else {
      skipsInARow = 0
      if trainer.progress.step % c.logEvery == 0 { try logStep(trainer) }
    }
    if flags[0] > 0 { stopped = true }
    if flags[0] > 0 || flags[1] > 0 { try checkpoint(trainer) }
  }

  /// What shall happen to the weights happens when all ranks have made the step, and before one goes on.
  private func injectAfterStep(_ trainer: Trainer) throws {
    let step = trainer.progress.step
    guard limits.faults.contains(where: { $0.kind == .flipWeight && $0.step == step }) else {
      return
    }
    faults?.afterStep(trainer)
    try trainer.world.barrier()
  }

  /// Whether no more than a projection and two checkpoints, as long as the last ones were, fit in before the deadline.
  private var isDeadlineNear: Bool {
    guard let deadline = limits.deadline else { return false }
    let reserve = projectionSeconds + max(Self.shortestReserve, 2 * checkpointSeconds)
    return deadline.timeIntervalSinceNow < reserve
  }

  private static let shortestReserve = 5.0
  /// What a slow disk takes, in bytes a second, until the first checkpoint shows better.
  private static let slowDisk = 2e8

  private func logStep(_ trainer: Trainer) throws {
    let means = try trainer.sums.stepMeans(batch: trainer.configuration.batch, on: trainer.world)
    guard trainer.world.isRoot else { return }
    let p = trainer.progress
    let elapsed = seconds(since: lastLog.time) - pause
    pause = 0
    let rate = Double(p.imagesSeen - lastLog.images) / max(elapsed, 1e-9)
    lastLog = (DispatchTime.now(), p.imagesSeen)
    let terms = means.dropFirst().map { (name: $0.name, value: $0.value) }
    let metrics = StepMetrics(
      outer: p.outer + 1, epoch: p.totalEpochs + 1, step: p.step, loss: means[0].value,
      terms: terms, imagesPerSecond: rate,
      secondsLeft: trainer.remainingSeconds(
        imagesPerSecond: rate, projection: projectionSeconds, limit: limits.maxSteps))
    try log?.write(
      place("step", p) + means.map { JSONValue.Member($0.name, .real($0.value)) }
        + [JSONValue.Member("images_per_second", .real(rate))])
    observer?.step(metrics)
  }

  /// Says that a step was left out, and ends a run that makes none any more.
  private func noteSkip(_ trainer: Trainer, _ dropped: NonFinite) throws {
    skipsInARow += 1
    try trainer.checkWeights()
    if skipsInARow >= Self.mostSkipsInARow {
      try trainer.world.agree { throw trainer.error(dropped) }
    }
    guard trainer.world.isRoot else { return }
    let what = trainer.finite.words(for: dropped)
    try log?.write(
      place("skipped", trainer.progress) + [
        JSONValue.Member("lane", dropped.lane.map { .integer($0) } ?? .null),
        JSONValue.Member("what", .string(what)),
      ])
    observer?.warning("step \(trainer.progress.step) was left out: \(what) is not finite")
  }

  private static let mostSkipsInARow = 100

  private func place(_ kind: String, _ p: TrainingProgress) -> [JSONValue.Member] {
    [
      JSONValue.Member("kind", .string(kind)), JSONValue.Member("outer", .integer(p.outer + 1)),
      JSONValue.Member("epoch", .integer(p.totalEpochs + 1)),
      JSONValue.Member("step", .integer(p.step)),
    ]
  }

  /// At the end of an epoch, before it is counted: its means, and whether the model still tells
  /// images apart.
  ///
  /// **Collective.**
  func endEpoch(_ trainer: Trainer) throws {
    let means = try trainer.sums.epochMeans(batch: trainer.configuration.batch, on: trainer.world)
    let p = trainer.progress
    for mean in means { trainer.history.append("epoch/\(mean.name)", mean.value, step: p.step) }
    guard trainer.world.isRoot else { return }
    try log?.write(
      place("epoch", p) + means.map { JSONValue.Member($0.name, .real($0.value)) })
    try watchForCollapse(trainer, means)
  }

  private func watchForCollapse(
    _ trainer: Trainer, _ means: [(name: String, value: Double)]
  ) throws {
    let c = trainer.configuration
    // A model without phases is asked at its end alone, since to explain a row takes it many passes.
    let isDue = !trainer.model.phases.isEmpty || trainer.progress.epoch + 1 == c.epochs
    guard directory != nil, isDue else { return }
    var found: [(CollapseWarning, Double, Double)] = []
    for mean in means {
      if mean.name == "kl" { found.append((.posteriorCollapse, mean.value, c.collapseKL)) }
    }
    // A discriminator is often ahead at first: two epochs make a victory.
    let lastTwo = (trainer.history.metrics["epoch/discriminator"] ?? []).suffix(2)
    if lastTwo.count == 2 {
      found.append((.discriminatorWon, lastTwo.map(\.value).max() ?? 0, 0.1))
    }
    found.append((.constantOutput, trainer.outputSpread(), c.collapseSpread))
    for (warning, value, limit) in found {
      if value >= limit {
        trainer.progress.warnings.remove(warning)
      } else if trainer.progress.warnings.insert(warning).inserted {
        try log?.write(
          place("warning", trainer.progress) + [
            JSONValue.Member("warning", .string(warning.rawValue)),
            JSONValue.Member("value", .real(value)),
          ])
        observer?.warning(warning.message(value: value, limit: limit, in: c))
      }
    }
  }

  /// After an epoch is counted: a checkpoint and, for models without an outer loop, grids when
  /// due.
  ///
  /// **Collective.**
  func afterEpoch(_ trainer: Trainer) throws {
    let c = trainer.configuration
    var isDue = c.checkpointEpochs > 0 && trainer.progress.totalEpochs % c.checkpointEpochs == 0
    if trainer.isValidationDue, let found = try trainer.validate() {
      try log?.write([
        JSONValue.Member("kind", "validation"),
        JSONValue.Member("epoch", .integer(trainer.progress.totalEpochs)),
        JSONValue.Member("step", .integer(trainer.progress.step)),
        JSONValue.Member("bound", .real(found.reported)),
      ])
      isDue = isDue || found.isBest && c.keepBest
    }
    // The last epoch is followed by the checkpoint of the finished run.
    if isDue && trainer.progress.step < trainer.totalSteps { try checkpoint(trainer) }
    if !trainer.alternates && c.gridEvery > 0 && trainer.progress.totalEpochs % c.gridEvery == 0 {
      try drawGrids(trainer, "epoch-\(padded(trainer.progress.totalEpochs))")
    }
  }

  /// After an outer iteration is counted: its line, grids and a checkpoint.
  ///
  /// **Collective.**
  func afterOuter(
    _ trainer: Trainer, _ result: ProjectionResult, c1: Double, c2: Double
  ) throws {
    projectionSeconds = result.seconds
    pause += result.seconds
    let p = trainer.progress
    var values: [(String, Double)] = [("c1", c1), ("c2", c2), ("sparsity", result.sparsity)]
    if let error = result.cleanError {
      values += [("mse", error.reconstruction), ("mse_difference", error.difference)]
    }
    values.append(("lambda_l1", trainer.configuration.lambda * result.l1))
    for (name, value) in values { trainer.history.append(name, value, step: p.step) }
    if trainer.world.isRoot {
      try log?.write(
        [
          JSONValue.Member("kind", "outer"), JSONValue.Member("outer", .integer(p.outer)),
          JSONValue.Member("step", .integer(p.step)),
        ] + values.map { JSONValue.Member($0.0, .real($0.1)) })
      observer?.outerFinished(
        OuterMetrics(
          outer: p.outer, step: p.step, c1: c1, c2: c2, nonzero: result.sparsity,
          meanSquaredError: result.cleanError?.reconstruction))
    }
    let every = trainer.configuration.gridEvery
    if every > 0 && p.outer % every == 0 { try drawGrids(trainer, "outer-\(padded(p.outer))") }
    // The last iteration is followed by the checkpoint of the finished run.
    if p.outer < trainer.configuration.outerIterations { try checkpoint(trainer) }
  }

  private func padded(_ number: Int) -> String {
    String(repeating: "0", count: max(0, 3 - String(number).count)) + String(number)
  }

  private func drawGrids(_ trainer: Trainer, _ name: String) throws {
    Activity.begin("drawing pictures")
    try grids?.draw(trainer, name)
  }

  /// What ranks that write a checkpoint, or wait for those that do, are said to be doing.
  static let checkpointing: StaticString = "writing a checkpoint"

  /// Writes a checkpoint of this moment.
  ///
  /// **Collective.**
  func checkpoint(_ trainer: Trainer) throws {
    guard let directory else { return }
    let started = DispatchTime.now()
    Activity.begin(Self.checkpointing)
    // Where a disk was unmounted, say, folders would come into being in its place.
    try trainer.world.agree {
      if trainer.world.isRoot && !directory.isRun { throw RunError.vanished(directory.path) }
    }
    try trainer.checkMemoryBeforeCheckpoint()
    try trainer.checkWeights()
    var store = self.store ?? CheckpointStore(run: directory.path)
    if let faults { store.willWrite = { faults.beforeFiles(in: $0) } }
    defer { faults?.afterFiles() }
    let saved = try trainer.save(to: &store)
    faults?.damage(saved.checkpoint)
    self.store = store
    lastCheckpoint = DispatchTime.now()
    checkpointSeconds = seconds(since: started)
    pause += checkpointSeconds
    if trainer.world.isRoot {
      for warning in saved.warnings { observer?.warning(warning) }
      observer?.checkpointed(
        CheckpointNotice(
          name: saved.checkpoint.name, bytes: saved.checkpoint.manifest.bytes,
          linkedBytes: saved.linkedBytes, seconds: seconds(since: started)))
    }
  }

  private func seconds(since start: DispatchTime) -> Double {
    Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) / 1e9
  }
}

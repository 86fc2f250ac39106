import Checkpoints
import Datasets
import Dispatch
import Foundation
import Guard
import Layers
import MPI

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

/// A run on its way: the visible loop around the steps of a trainer.
///
/// After each step the guard looks for trouble, the journal notes, the checkpointer saves, in this
/// order. Every rank has a session and calls it at the same places.
public final class Session {
  /// Makes the steps.
  public let trainer: Trainer
  /// What the run does.
  public let loop: any Loop
  /// The run's files; nil for a run that leaves none.
  public var directory: RunDirectory? { checkpointer.directory }
  /// What was measured.
  public var history: History { journal.history }
  /// The threshold that S is shrunk with, kept for rows outside the training set; 0 without a split.
  public var shrinkageThreshold = 0.0

  private let journal: Journal
  private let checkpointer: Checkpointer
  private let validation: Validation
  private let recording: RecordingSettings
  private var limits: TrainingLimits
  private var follower: ((Trainer) throws -> Void)?
  private var skipsInARow = 0
  private var isStopped = false
  private var isAtLastStep = false
  private var outerSeconds = 0.0  // that the last outer iteration took beside its steps

  private static let mostSkipsInARow = 100

  /// A session of a run that has not begun.
  ///
  /// - Parameters:
  ///   - recording: what it leaves behind.
  ///   - system: the name of what is trained, for messages.
  ///   - configuration: the run's configuration as a JSON document, for checkpoints.
  ///   - cure: what helps the model against a collapse.
  public init(
    _ trainer: Trainer, _ loop: any Loop, _ recording: RecordingSettings,
    system: String = "model", configuration: String = "{}", in directory: RunDirectory? = nil,
    validatingOn images: ValidationImages? = nil, observer: (any TrainingObserver)? = nil,
    limits: TrainingLimits = TrainingLimits(),
    cure: @escaping (CollapseWarning) -> String = { _ in "other settings" }
  ) {
    self.trainer = trainer
    self.loop = loop
    self.recording = recording
    self.limits = limits
    journal = Journal(directory, recording, observer: observer, cure: cure)
    checkpointer = Checkpointer(directory, recording, configuration: configuration)
    validation = Validation(recording, of: trainer.model, system, on: images, epochs: loop.epochs)
  }

  // MARK: - Beginning and end

  /// Takes up where a checkpoint was written, on any number of ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - checkpoints: the run's, as the search for this one has looked at them.
  ///   - isLoaded: whether the trainer's `rowTarget` holds the checkpoint's rows already.
  /// - Throws: `RunError` when its arrays are not those of the model; errors of reading it.
  public func restore(
    _ checkpoint: Checkpoint, among checkpoints: CheckpointStore? = nil, isLoaded: Bool = false
  ) throws {
    if let checkpoints { checkpointer.goOn(with: checkpoints) }
    let contents = try trainer.world.agree { try checkpoint.contents() }
    try trainer.restore(contents, of: checkpoint, isLoaded: isLoaded)
    shrinkageThreshold = SavedProgress(contents.progress).threshold
    for (name, points) in contents.history {
      for point in points { journal.history.append(name, point.value, step: point.step) }
    }
  }

  /// Takes over the run's checkpoints as a search among them has looked at them.
  public func goOn(with checkpoints: CheckpointStore) { checkpointer.goOn(with: checkpoints) }

  /// Ends the run after step `last` as if it were finished, and calls `body` after every step until
  /// then, on all ranks.
  public func follow(
    upTo last: Int, faults: [Fault] = [], _ body: @escaping (Trainer) throws -> Void
  ) {
    limits.maxSteps = last
    limits.faults = faults
    follower = body
  }

  /// Runs the loop from where the trainer stands to its end.
  ///
  /// **Collective.** A run that leaves files and was not stopped ends with a checkpoint.
  public func run() throws -> RunOutcome {
    try begin()
    let outcome = try loop.run(self)
    if outcome != .stopped && directory != nil {
      trainer.progress.finished = true
      try checkpoint()
    }
    return outcome
  }

  /// Opens the log and starts the clocks; steps follow.
  ///
  /// **Collective.**
  private func begin() throws {
    checkpointer.start(bytes: trainer.checkpointBytes)
    trainer.watch.start(
      sentinelEvery: limits.sentinel, after: trainer.progress.step, faults: limits.faults,
      run: directory?.path)
    try journal.start(trainer)
  }

  /// Why no best checkpoint will be chosen by the bound, where that is asked for.
  public var noValidation: String? { validation.obstacle }

  // MARK: - The loop

  /// Trains until this outer iteration has `epochs` epochs.
  ///
  /// **Collective.**
  ///
  /// - Parameter step: makes a step; the trainer's, from a batch, unless a model is fitted.
  /// - Returns: whether all epochs are done; false when the run was asked to stop before that.
  public func train(epochs: Int, step: (() throws -> Void)? = nil) throws -> Bool {
    while trainer.progress.epoch < epochs {
      while trainer.progress.stepInEpoch < trainer.stepsPerEpoch {
        if endsHere { return false }
        trainer.watch.beforeStep(trainer.progress.step + 1)
        if let step { try step() } else { try trainer.trainStep() }
        try afterStep()
      }
      if endsHere { return false }
      try journal.epoch(trainer)
      trainer.startNextEpoch()
      try afterEpoch()
    }
    return !endsHere
  }

  /// Closes an outer iteration: progress, journal and a checkpoint.
  ///
  /// **Collective.**
  public func finishOuter(_ found: OuterResult) throws {
    trainer.progress.outer += 1
    trainer.progress.epoch = 0
    outerSeconds = found.seconds
    journal.paused(found.seconds)
    try journal.outer(trainer, found)
    // The last iteration is followed by the checkpoint of the finished run.
    if trainer.progress.outer < loop.outerIterations ?? 0 { try checkpoint() }
  }

  /// How a run ends whose loop was left before its end.
  public var interruption: RunOutcome { isAtLastStep && !isStopped ? .finished : .stopped }

  /// Whether the run ends here: asked to stop, or at its last step.
  private var endsHere: Bool {
    if let last = limits.maxSteps, trainer.progress.step >= last { isAtLastStep = true }
    return isStopped || isAtLastStep
  }

  /// **Collective.**
  private func afterStep() throws {
    let step = trainer.progress.step
    let wishes = try trainer.watch.afterStep(
      step,
      [wantsToStop ? 1 : 0, trainer.world.isRoot && checkpointer.isDueByTime ? 1 : 0])
    try follower?(trainer)
    if let dropped = trainer.watch.dropped {
      try skip(dropped)
    } else {
      skipsInARow = 0
      try journal.step(trainer, secondsLeft: secondsLeft)
    }
    if wishes[0] > 0 { isStopped = true }
    if wishes[0] > 0 || wishes[1] > 0 { try checkpoint() }
  }

  private var wantsToStop: Bool {
    StopSignals.arrived || limits.stopAfterStep.map { trainer.progress.step >= $0 } == true
      || checkpointer.isDeadlineNear(limits.deadline, other: outerSeconds)
  }

  /// Notes that a step was left out, and ends a run that makes none any more.
  ///
  /// **Collective.**
  private func skip(_ dropped: NonFinite) throws {
    skipsInARow += 1
    try trainer.watch.checkWeights(step: trainer.progress.step)
    if skipsInARow >= Self.mostSkipsInARow {
      try trainer.watch.refuse(dropped, step: trainer.progress.step)
    }
    try journal.skipped(trainer, dropped)
  }

  /// **Collective.**
  private func afterEpoch() throws {
    let epoch = trainer.progress.totalEpochs
    var isDue = checkpointer.isDue(epoch: epoch)
    if validation.isDue(epoch: epoch),
      let found = try validation.measure(seed: trainer.settings.seed, on: trainer.world)
    {
      let earlier = history.metrics[Validation.bound] ?? []
      if earlier.allSatisfy({ $0.value > found.negative }) && recording.keepBest { isDue = true }
      try journal.validated(trainer, negative: found.negative, reported: found.reported)
    }
    // The last epoch is followed by the checkpoint of the finished run.
    if isDue && trainer.progress.step < trainer.totalSteps { try checkpoint() }
    if loop.outerIterations == nil { try journal.drawEpoch(trainer) }
  }

  /// Estimated seconds to the end of the run.
  private func secondsLeft(_ imagesPerSecond: Double) -> Double {
    let steps = max(0, min(trainer.totalSteps, limits.maxSteps ?? .max) - trainer.progress.step)
    let outer = max(0, (loop.outerIterations ?? 0) - trainer.progress.outer)
    return Double(steps * trainer.settings.batch) / max(imagesPerSecond, 1e-9)
      + Double(outer) * outerSeconds
  }

  // MARK: - Checkpoints

  /// What decides which checkpoint is best: the bound on validation images where it is measured,
  /// which checkpoints of other steps do not have; the error to the clean images where they are at
  /// hand; else the epoch's loss.
  private var score: Double? {
    guard validation.isOn else { return history.latest("mse") ?? history.latest("epoch/loss") }
    let last = history.metrics[Validation.bound]?.last
    return last?.step == trainer.progress.step ? last?.value : nil
  }

  /// Where the run stands.
  ///
  /// **Collective.**
  private func progress() throws -> SavedProgress {
    SavedProgress(
      trainer.progress, epoch: try trainer.sums.saved(on: trainer.world),
      imageShape: trainer.images.shape, threshold: shrinkageThreshold)
  }

  /// Writes a checkpoint of this moment, where the run leaves files.
  ///
  /// **Collective.**
  public func checkpoint() throws {
    let saved = try checkpointer.save(trainer, progress(), history: history, score: score)
    guard let saved else { return }
    journal.paused(saved.notice.seconds)
    guard trainer.world.isRoot else { return }
    for warning in saved.warnings { journal.observer?.warning(warning) }
    journal.observer?.checkpointed(saved.notice)
  }

  /// Writes a checkpoint of this moment into any store.
  ///
  /// **Collective.**
  func save(to store: inout CheckpointStore) throws -> SavedCheckpoint {
    try checkpointer.write(trainer, progress(), history, score, to: &store)
  }
}

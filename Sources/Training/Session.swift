import Checkpoints
import Datasets
import Dispatch
import Foundation
import Guard
import Layers
import MPI

/// Limits of a call of `train`.
public struct TrainingLimits: Sendable {
  /// End after this step as after a signal: with a checkpoint, resumable.
  public var stopAfterStep: Int?
  /// End after this step as a finished run.
  public var maxSteps: Int?
  /// End before this moment as after a signal; a clock that nobody adjusts.
  public var deadline: ContinuousClock.Instant?
  /// End with an error after so many seconds without progress; 0 for never.
  public var standstill = 0.0
  /// Steps between two checks of the weights in memory, besides the checks at checkpoints; 0 for
  /// none.
  public var sentinel = 0
  /// The faults to make.
  public var faults: [Fault] = []
  /// Seconds to wait for another process that trains the run to end.
  public var patience = 0.0

  /// Limits; by default there are none.
  public init(
    stopAfterStep: Int? = nil, maxSteps: Int? = nil, deadline: ContinuousClock.Instant? = nil,
    standstill: Double = 0,
    sentinel: Int = 0, faults: [Fault] = [], patience: Double = 0
  ) {
    self.stopAfterStep = stopAfterStep
    self.maxSteps = maxSteps
    self.deadline = deadline
    self.standstill = standstill
    self.sentinel = sentinel
    self.faults = faults
    self.patience = patience
  }

  /// The end of a job that the scheduler gives in seconds since 1970.
  ///
  /// It is converted once, at the start: a host's clock may be set while the job runs.
  public static func deadline(
    jobEnd: Double, wallClock: Double = Date().timeIntervalSince1970,
    now: ContinuousClock.Instant = .now
  ) -> ContinuousClock.Instant {
    now + .seconds(jobEnd - wallClock)
  }
}

/// A run in progress: the visible loop around the steps of a trainer.
///
/// After each step the guard checks, the journal records and the checkpointer saves, in this order.
/// Every rank has a session and calls it at the same places.
public final class Session {
  /// Makes the steps.
  public let trainer: Trainer
  /// The course of the run.
  public let loop: any Loop
  /// The run's files; nil for a run that writes no files.
  public var directory: RunDirectory? { checkpointer.directory }
  /// The measurements.
  public var history: History { journal.history }
  /// The threshold with which S is shrunk, kept for rows outside the training set; 0 without a
  /// sparse part.
  public var shrinkageThreshold = 0.0
  /// The BLAS kernels of all ranks, for checkpoints.
  public var blasKernels: String {
    get { checkpointer.blasKernels }
    set { checkpointer.blasKernels = newValue }
  }

  /// Images outside the training rows, if there are some.
  public let validationImages: ValidationImages?
  let journal: Journal
  private let checkpointer: Checkpointer
  private let validation: Validation
  private let judges: HiddenPixelImages?
  private let recording: RecordingSettings
  private var limits: TrainingLimits
  private var follower: ((Trainer) throws -> Void)?
  private var skipsInARow = 0
  /// What the ranks exchanged at the end of the present step.
  private var flags: [Double]?
  private var isStopped = false
  private var isAtLastStep = false
  private var outerSeconds = 0.0  // seconds of the last outer iteration beside its steps

  private static let mostSkipsInARow = 100

  /// A session of a run that has not begun.
  ///
  /// - Parameters:
  ///   - recording: settings of the log, checkpoints and pictures.
  ///   - system: the name of the system, for messages.
  ///   - configuration: the run's configuration as a JSON document, for checkpoints.
  ///   - lease: the right to write the files of `directory`, on rank 0; without one, nobody else
  ///     may know of the directory.
  ///   - data: the identified training set, which checkpoints name; nil for none.
  ///   - cure: settings that help the model against a collapse.
  ///   - originals: X of a row before a first stage, for pictures; nil for a run with one stage.
  public init(
    _ trainer: Trainer, _ loop: any Loop, _ recording: RecordingSettings,
    system: String = "model", configuration: String = "{}", in directory: RunDirectory? = nil,
    lease: RunLease? = nil, validatingOn images: ValidationImages? = nil,
    observer: (any TrainingObserver)? = nil, limits: TrainingLimits = TrainingLimits(),
    data: IdentifiedImages? = nil,
    cure: @escaping (CollapseWarning) -> String = { _ in "other settings" },
    originals: ((Int) -> [Float])? = nil
  ) {
    self.trainer = trainer
    self.loop = loop
    self.recording = recording
    self.limits = limits
    validationImages = images
    journal = Journal(
      directory, lease, recording, observer: observer, cure: cure, originals: originals)
    checkpointer = Checkpointer(
      directory, lease, recording, configuration: configuration, data: data)
    validation = Validation(recording, of: trainer.model, system, on: images, epochs: loop.epochs)
    let isJudged =
      directory != nil && (loop.outerIterations != nil || recording.validateEvery > 0)
    judges =
      isJudged
      ? HiddenPixelImages(trainer, validating: images, atMost: recording.hiddenImages) : nil
  }

  // MARK: - Beginning and end

  /// Continues from a checkpoint, on any number of ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isLoaded: whether the trainer's `rowTarget` already holds the checkpoint's rows.
  ///   - hasOtherImages: whether the images are not those of the checkpoint. Then weights and
  ///     optimizer alone are kept; the rows, the epoch and the history start anew.
  /// - Throws: `RunError` when its arrays do not fit the model; errors of reading it.
  public func restore(
    _ checkpoint: Checkpoint, isLoaded: Bool = false, hasOtherImages: Bool = false
  ) throws {
    let contents = try trainer.world.agree { try checkpoint.contents() }
    try trainer.restore(
      contents, of: checkpoint, isLoaded: isLoaded, hasOtherImages: hasOtherImages)
    if hasOtherImages { return }
    shrinkageThreshold = try SavedProgress(contents.progress, in: checkpoint.contentsPath).threshold
    for (name, points) in contents.history {
      // Earlier versions called the share of S that is not zero its sparsity.
      let name = name == "sparsity" ? "nonzero" : name
      for point in points { journal.history.append(name, point.value, step: point.step) }
    }
  }

  /// Continues with the run's checkpoints, as a search among them has read them.
  public func goOn(with checkpoints: CheckpointStore) { checkpointer.goOn(with: checkpoints) }

  /// Ends the run after step `last` as if it were finished, and calls `body` after every step, on
  /// all ranks.
  public func follow(
    upTo last: Int, faults: [Fault] = [], _ body: @escaping (Trainer) throws -> Void
  ) {
    limits.maxSteps = last
    limits.faults = faults
    follower = body
  }

  /// Runs the loop from the present place of the trainer to the end.
  ///
  /// **Collective.** A run that writes files and was not stopped ends with a checkpoint.
  public func run() throws -> RunOutcome {
    try begin()
    let outcome = try loop.run(self)
    if outcome != .stopped && directory != nil {
      trainer.progress.finished = true
      try checkpoint()
    }
    return outcome
  }

  /// Opens the log and starts the clocks before the first step.
  ///
  /// **Collective.**
  private func begin() throws {
    checkpointer.start(bytes: trainer.checkpointBytes)
    trainer.watch.start(
      sentinelEvery: limits.sentinel, after: trainer.progress.step, faults: limits.faults,
      run: directory?.path)
    try journal.start(trainer)
  }

  /// The reason why the bound will not choose the best checkpoint, if the settings ask for that.
  public var noValidation: String? {
    recording.bestBy == .hidden || recording.patience > 0 ? nil : validation.obstacle
  }

  /// The images whose hidden pixels judge the model, in words; nil where none do.
  public var judgesInWords: String? { judges?.description }

  // MARK: - The loop

  /// Trains until this outer iteration has `epochs` epochs.
  ///
  /// **Collective.**
  ///
  /// - Parameter step: makes a step; by default the trainer's step on a batch. Fitted models give
  ///   another.
  /// - Returns: whether all epochs are done; false when the run was asked to stop before.
  public func train(epochs: Int, step: (() throws -> Void)? = nil) throws -> Bool {
    while trainer.progress.epoch < epochs {
      while trainer.progress.stepInEpoch < trainer.stepsPerEpoch {
        if endsHere { return false }
        trainer.watch.beforeStep(trainer.progress.step + 1)
        if let step { try step() } else { try trainer.trainStep(beforeValues: exchange) }
        try afterStep()
      }
      if endsHere { return false }
      let isLast = hasConverged || trainer.progress.totalEpochs + 1 == trainer.totalEpochs
      try journal.epoch(trainer, isLast: isLast)
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
    let started = DispatchTime.now()
    var found = found
    found.hidden = try judges?.measure(
      trainer, rule: loop.shrinkage, threshold: shrinkageThreshold
    ).error
    outerSeconds = found.seconds + started.secondsAgo
    journal.paused(outerSeconds)
    try journal.outer(trainer, found)
    // After the last iteration, the checkpoint of the finished run follows.
    if trainer.progress.outer < loop.outerIterations ?? 0 { try checkpoint() }
  }

  /// The outcome of a run whose loop ended early.
  public var interruption: RunOutcome {
    if isStopped { return .stopped }
    return isOutOfPatience ? .stalled : isAtLastStep ? .finished : .stopped
  }

  /// Whether the last `patience` measurements at hidden pixels have not been lower than an earlier
  /// one.
  ///
  /// The history tells it, so a resume knows it too.
  public var isOutOfPatience: Bool {
    guard recording.patience > 0, judges != nil else { return false }
    let errors = (history.metrics[HiddenPixels.name] ?? []).map(\.value)
    guard let best = errors.firstIndex(of: errors.min() ?? .nan) else { return false }
    return errors.count - 1 - best >= recording.patience
  }

  /// Says that a limit lies before the present step, where one does: then no step is made.
  public var passedLimit: String? {
    let step = trainer.progress.step
    let limits = [("--max-steps", limits.maxSteps), ("--stop-after-step", limits.stopAfterStep)]
    for case (let option, let limit?) in limits where limit < step {
      return "\(option) \(limit): the run has made \(step) steps already, so it makes none"
    }
    return nil
  }

  /// Whether the run ends here: a stop was requested, or this is the last step.
  private var endsHere: Bool {
    if let last = limits.maxSteps, trainer.progress.step >= last { isAtLastStep = true }
    if let last = limits.stopAfterStep, trainer.progress.step >= last { isStopped = true }
    return isStopped || isAtLastStep || isOutOfPatience
  }

  /// Exchanges the ranks' requests at the end of a step.
  ///
  /// **Collective.**
  private func exchange() throws {
    flags = try trainer.watch.exchange([
      wantsToStop ? 1 : 0, trainer.world.isRoot && checkpointer.isDueByTime ? 1 : 0,
      checkpointer.lease?.isLost == true ? 1 : 0,
    ])
  }

  /// **Collective.**
  private func afterStep() throws {
    if flags == nil { try exchange() }
    let wishes = try trainer.watch.afterStep(trainer.progress.step, flags ?? [])
    flags = nil
    if wishes[2] > 0 { try trainer.world.agree { try checkpointer.lease?.check() } }
    try follower?(trainer)
    if let dropped = trainer.watch.dropped {
      try skip(dropped)
    } else {
      skipsInARow = 0
      try journal.step(trainer, secondsLeft: secondsLeft)
    }
    if wishes[0] > 0 || limits.stopAfterStep.map({ trainer.progress.step >= $0 }) == true {
      isStopped = true
    }
    if isStopped || wishes[1] > 0 { try checkpoint() }
  }

  private var wantsToStop: Bool {
    StopSignals.arrived || checkpointer.isDeadlineNear(limits.deadline, other: outerSeconds)
  }

  /// Records that a step was left out, and ends a run that leaves out every step.
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
    let threshold = trainer.progress.outer > 0 ? Float(shrinkageThreshold) : 0
    let bound =
      validation.isDue(epoch: epoch)
      ? try validation.measure(
        seed: trainer.settings.seed, rule: loop.shrinkage, threshold: threshold,
        on: trainer.world) : nil
    let hidden =
      loop.outerIterations == nil && validation.isTime(epoch: epoch)
      ? try judges?.measure(
        trainer, rule: loop.shrinkage, threshold: shrinkageThreshold
      ).error : nil
    if bound != nil || hidden != nil {
      isDue =
        isDue || isBest(bound?.negative, Validation.bound, .validation)
        || isBest(hidden, HiddenPixels.name, .hidden)
      try journal.validated(trainer, bound: bound, hidden: hidden)
    }
    // After the last epoch, the checkpoint of the finished run follows.
    if isDue && trainer.progress.step < trainer.totalSteps { try checkpoint() }
    if loop.outerIterations == nil { try journal.drawEpoch(trainer) }
  }

  /// Whether a value is lower than those before it, and makes a checkpoint the best.
  private func isBest(_ value: Double?, _ name: String, _ what: BestMeasure) -> Bool {
    guard let value, recording.keepBest, measure == what else { return false }
    return (history.metrics[name] ?? []).allSatisfy { $0.value > value }
  }

  /// Estimated seconds to the end of the run.
  private func secondsLeft(_ imagesPerSecond: Double) -> Double {
    let steps = max(0, min(trainer.totalSteps, limits.maxSteps ?? .max) - trainer.progress.step)
    let outer = max(0, (loop.outerIterations ?? 0) - trainer.progress.outer)
    // A step of a fitted model sees all rows.
    let images = trainer.trainable == nil ? trainer.lanes.rowCount : trainer.settings.batch
    return Double(steps) * Double(images) / max(imagesPerSecond, 1e-9)
      + Double(outer) * outerSeconds
  }

  // MARK: - Convergence

  /// The name of convergences in the history.
  public static let convergence = "converged"

  /// Notes that the model is fitted after the step just made; checkpoints keep it.
  public func noteConvergence() {
    journal.history.append(Self.convergence, 1, step: trainer.progress.step)
  }

  /// Whether the model was fitted after the last step, in this process or before a resume.
  public var hasConverged: Bool {
    history.metrics[Self.convergence]?.last?.step == trainer.progress.step
  }

  // MARK: - Checkpoints

  /// The score that decides which checkpoint is best.
  ///
  /// By a measurement on validation images or at hidden pixels, checkpoints at other steps than the
  /// measured ones have no score.
  private var score: Score {
    let value: Double?
    switch measure {
    case .loss: value = history.latest("epoch/loss")
    case .cleanError: value = history.latest("mse")
    case .validation: value = valueNow(Validation.bound)
    case .hidden: value = valueNow(HiddenPixels.name)
    }
    return Score(value: value, measure: measure)
  }

  /// The last value of a measurement, if it was made at this step.
  private func valueNow(_ name: String) -> Double? {
    let last = history.metrics[name]?.last
    return last?.step == trainer.progress.step ? last?.value : nil
  }

  /// The measure of the settings; the loss where the run has no bound to measure.
  private var measure: BestMeasure {
    switch recording.bestBy {
    case .loss: .loss
    case .cleanError: .cleanError
    case .hidden: .hidden
    case .validation, nil: validation.isOn ? .validation : .loss
    }
  }

  /// The run's progress.
  ///
  /// **Collective.**
  private func progress() throws -> SavedProgress {
    SavedProgress(
      trainer.progress, epoch: try trainer.sums.saved(on: trainer.world),
      imageShape: trainer.images.shape, threshold: shrinkageThreshold)
  }

  /// The checkpoint of the lowest score; nil where none has been marked.
  public var best: BestCheckpoint? { checkpointer.best }

  /// Notes the threshold with which S is shrunk, and tells it.
  public func shrinks(by threshold: Float, lambda: Double) {
    shrinkageThreshold = Double(threshold)
    guard trainer.world.isRoot else { return }
    journal.observer?.shrinks(by: shrinkageThreshold, lambda: lambda, rule: loop.shrinkage)
  }

  /// Tells a fact about the run, on rank 0.
  public func note(_ message: String) {
    if trainer.world.isRoot { journal.observer?.note(message) }
  }

  /// Writes a checkpoint of the present state, if the run writes files.
  ///
  /// **Collective.**
  public func checkpoint() throws {
    guard directory != nil else { return }
    let saved = try checkpointer.save(trainer, progress(), history: history, score: score)
    guard let saved else { return }
    journal.paused(saved.notice.seconds)
    guard trainer.world.isRoot else { return }
    for warning in saved.warnings { journal.observer?.warning(warning) }
    journal.observer?.checkpointed(saved.notice)
  }

  /// Writes a checkpoint of the present state into any store.
  ///
  /// **Collective.**
  func save(to store: inout CheckpointStore) throws -> SavedCheckpoint {
    try checkpointer.write(trainer, progress(), history, score, to: &store)
  }
}

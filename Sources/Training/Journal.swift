import Dispatch
import Foundation
import Guard
import Layers
import MPI
import Support
import Tensors

/// Records a run: log lines, history, pictures, warnings, and reports to an observer.
///
/// Every rank has one and calls it at the same places; only rank 0 writes.
final class Journal {
  /// The measurements.
  var history = History()
  /// Receives reports of progress, on rank 0.
  let observer: (any TrainingObserver)?
  private let settings: RecordingSettings
  private let directory: RunDirectory?
  private let lease: RunLease?
  private let cure: (CollapseWarning) -> String
  private let originals: ((Int) -> [Float])?
  private var log: RunLog?
  private var grids: GridWriter?
  private var lastLog = (time: DispatchTime.now(), images: 0)
  private var pause = 0.0  // seconds since the last log line in which no step was made

  /// A journal of a new run.
  ///
  /// - Parameters:
  ///   - cure: settings that help the run's model against a collapse.
  ///   - originals: X of a row before a first stage, for pictures; nil for a run with one stage.
  init(
    _ directory: RunDirectory?, _ lease: RunLease?, _ settings: RecordingSettings,
    observer: (any TrainingObserver)?,
    cure: @escaping (CollapseWarning) -> String, originals: ((Int) -> [Float])? = nil
  ) {
    self.originals = originals
    self.directory = directory
    self.lease = lease
    self.settings = settings
    self.observer = observer
    self.cure = cure
  }

  /// Opens the log at the trainer's progress and starts the clock.
  ///
  /// **Collective.** Rank 0 writes.
  func start(_ trainer: Trainer) throws {
    lastLog = (DispatchTime.now(), trainer.progress.imagesSeen)
    guard let directory else { return }
    try trainer.world.agree {
      guard trainer.world.isRoot else { return }
      log = try RunLog(directory, upTo: trainer.progress)
      lease?.watchLog()
    }
    if settings.gridEvery > 0 {
      grids = try GridWriter(directory, trainer.rows, originals: originals)
    }
  }

  /// Notes that training paused for so many seconds.
  func paused(_ seconds: Double) { pause += seconds }

  private static func place(_ kind: String, _ p: TrainingProgress) -> [JSONValue.Member] {
    [
      JSONValue.Member("kind", .string(kind)), JSONValue.Member("outer", .integer(p.outer + 1)),
      JSONValue.Member("epoch", .integer(p.totalEpochs + 1)),
      JSONValue.Member("step", .integer(p.step)), time(),
    ]
  }

  /// The present time; it differs from run to run, and nothing else in a line does but the speed.
  private static func time() -> JSONValue.Member {
    JSONValue.Member("time", .string(RunMark.now()))
  }

  /// The learning rate of the present epoch; nothing for a fitted model.
  private static func rate(_ trainer: Trainer) -> [JSONValue.Member] {
    trainer.learningRate.map { [JSONValue.Member("learning_rate", .real($0))] } ?? []
  }

  private static func members(_ values: [(name: String, value: Double)]) -> [JSONValue.Member] {
    values.map { JSONValue.Member($0.name, .real($0.value)) }
  }

  // MARK: - Steps

  /// Called after a step: writes a line if one is due.
  ///
  /// **Collective.**
  ///
  /// - Parameter secondsLeft: the time to the end of the run at a number of images a second.
  func step(_ trainer: Trainer, secondsLeft: (_ imagesPerSecond: Double) -> Double) throws {
    guard trainer.progress.step % settings.logEvery == 0 else { return }
    let means = try trainer.sums.stepMeans(batch: trainer.settings.batch, on: trainer.world)
    guard trainer.world.isRoot else { return }
    let p = trainer.progress
    let elapsed = lastLog.time.secondsAgo - pause
    pause = 0
    let rate = Double(p.imagesSeen - lastLog.images) / max(elapsed, 1e-9)
    lastLog = (DispatchTime.now(), p.imagesSeen)
    try log?.write(
      Self.place("step", p) + Self.members(means.named) + Self.rate(trainer)
        + [JSONValue.Member("images_per_second", .real(rate))])
    observer?.step(
      StepMetrics(
        outer: p.outer + 1, epoch: p.totalEpochs + 1, step: p.step, loss: means.loss,
        terms: Array(means.named.dropFirst()), imagesPerSecond: rate,
        secondsLeft: secondsLeft(rate)))
  }

  /// Records that a step was left out.
  ///
  /// Rank 0 writes.
  func skipped(_ trainer: Trainer, _ dropped: NonFinite) throws {
    guard trainer.world.isRoot else { return }
    let what = trainer.watch.words(for: dropped)
    try log?.write(
      Self.place("skipped", trainer.progress) + [
        JSONValue.Member("lane", dropped.lane.map { .integer($0) } ?? .null),
        JSONValue.Member("what", .string(what)),
      ])
    observer?.warning("step \(trainer.progress.step) was left out: \(what) is not finite")
  }

  // MARK: - Epochs

  /// Records the means of an epoch before it is counted, and checks that outputs still vary among
  /// images.
  ///
  /// **Collective.**
  ///
  /// - Parameter isLast: whether no other epoch follows.
  func epoch(_ trainer: Trainer, isLast: Bool) throws {
    let means = try trainer.sums.epochMeans(batch: trainer.settings.batch, on: trainer.world)
    let p = trainer.progress
    for mean in means.named { history.append("epoch/\(mean.name)", mean.value, step: p.step) }
    guard trainer.world.isRoot else { return }
    try log?.write(Self.place("epoch", p) + Self.members(means.named) + Self.rate(trainer))
    // Explaining a row takes a fitted model many passes, so it is done only at the end.
    if trainer.trainable != nil || isLast { try watchForCollapse(trainer, means) }
  }

  private func watchForCollapse(_ trainer: Trainer, _ means: LossMeans) throws {
    guard directory != nil else { return }
    var found: [(CollapseWarning, Double, Double)] = []
    // A code that did not cost anything at first needs as long again to be worth its price.
    if let kl = means[.kl],
      trainer.progress.totalEpochs >= 2 * (trainer.trainable?.warmUpEpochs ?? 0)
    {
      found.append((.posteriorCollapse, kl, settings.collapseKL))
    }
    // A discriminator often leads at first: it must win two epochs.
    let lastTwo = (history.metrics["epoch/\(LossPart.discriminator)"] ?? []).suffix(2)
    if lastTwo.count == 2 {
      found.append((.discriminatorWon, lastTwo.map(\.value).max() ?? 0, 0.1))
    }
    if let spread = trainer.outputSpread() {
      found.append((.constantOutput, spread, settings.collapseSpread))
    }
    for (warning, value, limit) in found {
      if value >= limit {
        trainer.progress.warnings.remove(warning)
      } else if trainer.progress.warnings.insert(warning).inserted {
        try log?.write(
          Self.place("warning", trainer.progress) + [
            JSONValue.Member("warning", .string(warning.rawValue)),
            JSONValue.Member("value", .real(value)),
          ])
        observer?.warning(warning.message(value: value, limit: limit, cure: cure(warning)))
      }
    }
  }

  /// Records what was measured after an epoch: a bound on validation images, and the error at
  /// hidden pixels.
  ///
  /// Rank 0 writes.
  func validated(
    _ trainer: Trainer, bound: (negative: Double, reported: Double)?, hidden: Double?
  ) throws {
    let step = trainer.progress.step
    var found: [JSONValue.Member] = []
    if let bound {
      history.append(Validation.bound, bound.negative, step: step)
      found.append(JSONValue.Member("bound", .real(bound.reported)))
    }
    if let hidden {
      history.append(HiddenPixels.name, hidden, step: step)
      found.append(JSONValue.Member(HiddenPixels.name, .real(hidden)))
    }
    try log?.write(
      [
        JSONValue.Member("kind", "validation"),
        JSONValue.Member("epoch", .integer(trainer.progress.totalEpochs)),
        JSONValue.Member("step", .integer(step)), Self.time(),
      ] + found)
  }

  /// Draws the pictures that are due after an epoch.
  ///
  /// **Collective.** Rank 0 writes.
  func drawEpoch(_ trainer: Trainer) throws {
    try draw(trainer, "epoch", trainer.progress.totalEpochs)
  }

  // MARK: - Outer iterations

  /// Records an outer iteration after it is counted, and draws the pictures that are due.
  ///
  /// **Collective.** Rank 0 writes.
  func outer(_ trainer: Trainer, _ found: OuterResult) throws {
    let p = trainer.progress
    for (name, value) in found.named { history.append(name, value, step: p.step) }
    if trainer.world.isRoot {
      try log?.write(
        [
          JSONValue.Member("kind", "outer"), JSONValue.Member("outer", .integer(p.outer)),
          JSONValue.Member("step", .integer(p.step)), Self.time(),
        ] + Self.members(found.named))
      observer?.outerFinished(OuterMetrics(outer: p.outer, step: p.step, found))
    }
    try draw(trainer, "outer", p.outer)
  }

  private func draw(_ trainer: Trainer, _ kind: String, _ number: Int) throws {
    guard settings.gridEvery > 0, number % settings.gridEvery == 0 else { return }
    Activity.begin("drawing pictures")
    let digits = String(number)
    let padding = String(repeating: "0", count: max(0, 3 - digits.count))
    guard let grids else { return }
    try trainer.world.agree { try lease?.check() }
    do { try grids.draw(trainer, "\(kind)-\(padding)\(digits)") } catch {
      // The folder may be gone.
      try trainer.world.agree { try lease?.check() }
      throw error
    }
  }
}

extension Trainer {
  /// Whether the outputs for a batch of this rank's rows vary by less than `limit`.
  public func outputsAreAlike(below limit: Double) -> Bool {
    outputSpread().map { $0 < limit } ?? false
  }

  /// The standard deviation of the model's outputs over a batch of this rank's first lane, mean
  /// over the pixels.
  ///
  /// Outputs are reconstructions or new images; nil for a model that makes neither.
  func outputSpread() -> Double? {
    let lane = lanes.rows(of: localLanes.lowerBound)
    let count = min(200, rows.blockRows, lane.count)
    let first = lane.lowerBound
    let step = Step(seed: settings.seed)
    let batch = (first..<first + count).map(Int32.init)
    batch.withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: dimensions, purpose: .evaluation, time: progress.step) {
        images.gather(batch, into: $0)
        rows.sparse?.subtract(batch, from: $0)
      }
    }
    let made =
      (model as? any Encoding)?.reconstruct(step.corrupted(), step, sampling: false)
      ?? (model as? any Generative)?.generate(step)
    guard let output = made?.pointer else { return nil }
    var spread = 0.0
    for j in 0..<dimensions {
      var (sum, squares) = (0.0, 0.0)
      for i in 0..<count {
        let value = Double(output[i * dimensions + j])
        sum += value
        squares += value * value
      }
      let mean = sum / Double(count)
      spread += max(0, squares / Double(count) - mean * mean).squareRoot()
    }
    return spread / Double(dimensions)
  }
}

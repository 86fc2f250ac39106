import Checkpoints
import Dispatch
import Foundation
import Guard
import Layers
import MPI
import Support
import Tensors

/// Writes a run's checkpoints, and decides when a checkpoint is due.
///
/// Every rank has one. All ranks write their own rows; rank 0 writes the rest.
final class Checkpointer {
  /// The run's files; nil for a run that writes no files.
  let directory: RunDirectory?
  /// The right to write them, on rank 0.
  let lease: RunLease?
  /// The BLAS kernels of all ranks.
  var blasKernels = BLAS.kernelName
  private let settings: RecordingSettings
  /// The run's configuration as a JSON document, which checkpoints hold.
  private let configuration: String
  /// The training set; nil where nobody identified it.
  private let data: IdentifiedImages?
  private var store: CheckpointStore?
  private var lastWritten = DispatchTime.now()
  /// Seconds that the last checkpoint took, or an estimate for the first.
  private var seconds = 0.0

  /// The shortest time that is reserved before a deadline, in seconds.
  private static let shortestReserve = 5.0
  /// Bytes a second of a slow disk, assumed until the first checkpoint is measured.
  private static let slowDisk = 2e8

  init(
    _ directory: RunDirectory?, _ lease: RunLease?, _ settings: RecordingSettings,
    configuration: String, data: IdentifiedImages?
  ) {
    self.data = data
    self.directory = directory
    self.lease = lease
    self.settings = settings
    self.configuration = configuration
  }

  /// Continues with the run's checkpoints, as a resume has read them.
  func goOn(with checkpoints: CheckpointStore) { store = checkpoints }

  /// Starts the clocks; a checkpoint has `bytes` bytes.
  func start(bytes: Int) {
    lastWritten = DispatchTime.now()
    seconds = Double(bytes) / Self.slowDisk
  }

  /// Whether the minutes between two checkpoints are over.
  var isDueByTime: Bool {
    directory != nil && settings.checkpointMinutes > 0
      && lastWritten.secondsAgo > 60 * settings.checkpointMinutes
  }

  /// Whether a checkpoint follows an epoch, counted over the run.
  func isDue(epoch: Int) -> Bool {
    settings.checkpointEpochs > 0 && epoch % settings.checkpointEpochs == 0
  }

  /// Whether the time to the deadline is used up by `other` seconds of work and two checkpoints as
  /// long as the last.
  func isDeadlineNear(
    _ deadline: ContinuousClock.Instant?, other: Double, now: ContinuousClock.Instant = .now
  ) -> Bool {
    guard let deadline else { return false }
    return now.duration(to: deadline) < .seconds(other + max(Self.shortestReserve, 2 * seconds))
  }

  /// The checkpoint of the lowest score; nil where none has been marked.
  var best: BestCheckpoint? {
    guard let directory, let name = try? RunSummary(run: directory.path).best,
      let manifest = try? Checkpoint(directory: "\(directory.checkpoints)/\(name)").manifest,
      let score = manifest.score,
      let measure = manifest.measure.flatMap(BestMeasure.init(rawValue:))
    else { return nil }
    return BestCheckpoint(name: name, score: score, measure: measure)
  }

  /// Writes a checkpoint of the present state.
  ///
  /// **Collective.**
  ///
  /// - Parameter score: a lower score is better.
  /// - Returns: the checkpoint; nil for a run that writes no files.
  /// - Throws: one error on all ranks, for example of a full disk; earlier files stay.
  func save(
    _ trainer: Trainer, _ progress: SavedProgress, history: History, score: Score
  ) throws -> (notice: CheckpointNotice, warnings: [String])? {
    guard let directory else { return nil }
    let started = DispatchTime.now()
    Activity.begin(Watchdog.checkpointing)
    let world = trainer.world
    // If the disk was unmounted, new folders would appear at its place.
    try world.agree {
      if world.isRoot && !directory.isRun { throw RunError.vanished(directory.path) }
    }
    try trainer.watch.beforeCheckpoint(step: progress.progress.step)
    let touched = try data?.check(on: world)
    var store = self.store ?? CheckpointStore(run: directory.path)
    if let willWrite = trainer.watch.willWrite { store.willWrite = willWrite }
    if let lease {
      store.mayCommit = { try lease.check() }
      store.owner = lease.id
    }
    defer { trainer.watch.afterFiles() }
    let saved = try write(trainer, progress, history, score, to: &store)
    trainer.watch.committed(saved.checkpoint.directory)
    self.store = store
    lastWritten = DispatchTime.now()
    seconds = started.secondsAgo
    let notice = CheckpointNotice(
      name: saved.checkpoint.name, bytes: saved.checkpoint.manifest.bytes,
      linkedBytes: saved.linkedBytes, seconds: seconds)
    return (notice, (touched.map { [$0] } ?? []) + saved.warnings)
  }

  /// **Collective.**
  func write(
    _ trainer: Trainer, _ saved: SavedProgress, _ history: History, _ score: Score,
    to store: inout CheckpointStore
  ) throws -> SavedCheckpoint {
    let progress = saved.progress
    let contents = try trainer.exportState().map { state in
      CheckpointContents(
        configuration: configuration, model: state.model, optimizer: state.optimizer,
        progress: Checkpoints.Progress(
          seed: trainer.settings.seed, lanes: trainer.lanes.count, outer: progress.outer,
          epoch: progress.totalEpochs, step: progress.step, imagesSeen: progress.imagesSeen,
          exact: trainer.settings.exact, blasKernel: blasKernels, values: saved.values),
        history: history.metrics.mapValues { points in
          points.map { HistoryPoint(step: $0.step, value: $0.value) }
        }, data: data?.identity, modelTexts: modelTexts(of: trainer))
    }
    return try store.save(
      contents, rows: trainer.rowPart, score: score.value, of: score.measure.rawValue,
      keeping: Retention(last: settings.keepLast, best: settings.keepBest), on: trainer.world)
  }
}

extension Checkpointer {
  /// How other programs build the model (docs/files.md, A model in PyTorch).
  private func modelTexts(of trainer: Trainer) -> [String: String] {
    let shape = trainer.images.shape
    let texts = trainer.model.torchTexts(image: [shape.height, shape.width, shape.channels])
    return Dictionary(texts.map { ($0.name, $0.text) }) { first, _ in first }
  }
}

/// What decides which checkpoint is best: the lower the better.
struct Score {
  /// Nil where nothing was measured.
  let value: Double?
  let measure: BestMeasure
}

extension DispatchTime {
  /// Seconds since this moment.
  var secondsAgo: Double {
    Double(DispatchTime.now().uptimeNanoseconds - uptimeNanoseconds) / 1e9
  }
}

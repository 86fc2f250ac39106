import Checkpoints
import Dispatch
import Foundation
import Guard
import MPI
import Support
import Tensors

/// Writes a run's checkpoints, and says when one is due.
///
/// Every rank has one; all write their own rows, rank 0 the rest.
final class Checkpointer {
  /// The run's files; nil for a run that leaves none.
  let directory: RunDirectory?
  private let settings: RecordingSettings
  /// The run's configuration as a JSON document, which checkpoints hold.
  private let configuration: String
  private var store: CheckpointStore?
  private var lastWritten = DispatchTime.now()
  /// Seconds that the last checkpoint took, or that the first one may take.
  private var seconds = 0.0

  /// The least that is kept free before a deadline, in seconds.
  private static let shortestReserve = 5.0
  /// What a slow disk takes, in bytes a second, until the first checkpoint shows better.
  private static let slowDisk = 2e8

  init(_ directory: RunDirectory?, _ settings: RecordingSettings, configuration: String) {
    self.directory = directory
    self.settings = settings
    self.configuration = configuration
  }

  /// Takes over the run's checkpoints as a resume has looked at them.
  func goOn(with checkpoints: CheckpointStore) { store = checkpoints }

  /// The clocks start now; a checkpoint has so many bytes.
  func start(bytes: Int) {
    lastWritten = DispatchTime.now()
    seconds = Double(bytes) / Self.slowDisk
  }

  /// Whether the minutes between two checkpoints are over.
  var isDueByTime: Bool {
    directory != nil && settings.checkpointMinutes > 0
      && lastWritten.secondsAgo > 60 * settings.checkpointMinutes
  }

  /// Whether an epoch, counted over the run, is followed by a checkpoint.
  func isDue(epoch: Int) -> Bool {
    settings.checkpointEpochs > 0 && epoch % settings.checkpointEpochs == 0
  }

  /// Whether no more fits in before a deadline than `other` seconds of work and two checkpoints as
  /// long as the last one.
  func isDeadlineNear(_ deadline: Date?, other: Double) -> Bool {
    guard let deadline else { return false }
    return deadline.timeIntervalSinceNow < other + max(Self.shortestReserve, 2 * seconds)
  }

  /// Writes a checkpoint of this moment.
  ///
  /// **Collective.**
  ///
  /// - Parameter score: the lower, the better the checkpoint; nil where nothing was measured.
  /// - Returns: what was written; nil for a run that leaves nothing.
  /// - Throws: one error on all ranks, for example of a full disk; what existed before stays.
  func save(
    _ trainer: Trainer, _ progress: SavedProgress, history: History, score: Double?
  ) throws -> (notice: CheckpointNotice, warnings: [String])? {
    guard let directory else { return nil }
    let started = DispatchTime.now()
    Activity.begin(Watchdog.checkpointing)
    let world = trainer.world
    // Where a disk was unmounted, say, folders would come into being in its place.
    try world.agree {
      if world.isRoot && !directory.isRun { throw RunError.vanished(directory.path) }
    }
    try trainer.watch.beforeCheckpoint(step: progress.progress.step)
    var store = self.store ?? CheckpointStore(run: directory.path)
    if let willWrite = trainer.watch.willWrite { store.willWrite = willWrite }
    defer { trainer.watch.afterFiles() }
    let saved = try write(trainer, progress, history, score, to: &store)
    trainer.watch.committed(saved.checkpoint.directory)
    self.store = store
    lastWritten = DispatchTime.now()
    seconds = started.secondsAgo
    let notice = CheckpointNotice(
      name: saved.checkpoint.name, bytes: saved.checkpoint.manifest.bytes,
      linkedBytes: saved.linkedBytes, seconds: seconds)
    return (notice, saved.warnings)
  }

  /// **Collective.**
  func write(
    _ trainer: Trainer, _ saved: SavedProgress, _ history: History, _ score: Double?,
    to store: inout CheckpointStore
  ) throws -> SavedCheckpoint {
    let progress = saved.progress
    let contents = try trainer.exportState().map { state in
      CheckpointContents(
        configuration: configuration, model: state.model, optimizer: state.optimizer,
        progress: Checkpoints.Progress(
          seed: trainer.settings.seed, lanes: trainer.lanes.count, outer: progress.outer,
          epoch: progress.totalEpochs, step: progress.step, imagesSeen: progress.imagesSeen,
          exact: trainer.settings.exact, blasKernel: BLAS.kernelName, values: saved.values),
        history: history.metrics.mapValues { points in
          points.map { HistoryPoint(step: $0.step, value: $0.value) }
        })
    }
    return try store.save(
      contents, rows: trainer.rowBlock, score: score,
      keeping: Retention(last: settings.keepLast, best: settings.keepBest), on: trainer.world)
  }
}

extension DispatchTime {
  /// Seconds since this moment.
  var secondsAgo: Double {
    Double(DispatchTime.now().uptimeNanoseconds - uptimeNanoseconds) / 1e9
  }
}

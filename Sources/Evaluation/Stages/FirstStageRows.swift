import CKernels
import Checkpoints
import Datasets
import Foundation
import Guard
import MPI
import Models
import Runs
import Support
import Training

/// Writes RUN/first.h5, L of the rows that a first stage was trained on: all ranks compute, rank 0
/// writes.
///
/// It is the L that `denoise` writes of RUN/first, as floats, and gets its name when it is complete
/// and on the disk. It depends on the checkpoint alone, not on the ranks.
struct FirstStageRows {
  /// The run.
  let directory: RunDirectory
  /// What becomes of values outside [0, 1].
  let range: FirstStageRange
  /// Seconds without progress after which the ranks end; 0 for never.
  let standstill: Double

  /// Writes the file.
  ///
  /// **Collective.**
  ///
  /// - Parameter data: the images that the first stage was trained on.
  /// - Returns: the number of bytes of L; nil if a signal came before, and there is no file.
  /// - Throws: `RunError.data` for other images; errors of the first stage's checkpoint and of the
  ///   file.
  func write(_ data: ImageSet, on world: Communicator) throws -> Int? {
    let watchdog = try Watchdog(seconds: standstill, folder: directory.path, world: world)
    defer { watchdog.stop() }
    Activity.begin("writing L of the first stage")
    let trained = try TrainedModel(run: directory.first, on: world)
    _ = try trained.recognize(data, isNamedByRun: true, other: .refused, on: world)
    let source = try world.agree { try Source(trained, data) }
    let explainer = try world.agree {
      try Explainer(
        trained, images: source.images, usesSparsePart: source.hasSparsePart, isOfRun: true,
        clips: range == .clip)
    }
    let originals = try world.agree { try Originals(of: data) }
    var isOpen = false
    let written: Result<Void, any Error> = Result {
      guard world.isRoot else {
        try world.agree {}
        return try collect(explainer, source, nil, originals, on: world)
      }
      do {
        try DatasetWriter.write(
          directory.firstRows, name: "L of \(trained.configuration.model)", source: data.path,
          isOfRun: true
        ) { writer in
          isOpen = true
          try world.agree {}
          try collect(explainer, source, writer, originals, on: world)
          try writer.note(TrainingRun.firstDigest, trained.trainedData?.digest ?? "")
          try writer.note(TrainingRun.firstCheckpoint, trained.checkpoint.name)
          try writer.note(TrainingRun.firstRange, range.rawValue, on: .train)
        }
      } catch {
        // The others wait to hear of a file that cannot be made.
        if !isOpen { try world.agree { throw error } }
        throw error
      }
    }
    if try wasStopped(written, on: world) { return nil }
    try world.agree { try written.get() }
    return source.rows * source.images.shape.count * MemoryLayout<Float>.size
  }

  /// Sends L block by block to rank 0, which has the writer.
  ///
  /// **Collective.**
  private func collect(
    _ explainer: Explainer, _ source: Source, _ writer: DatasetWriter?, _ originals: Originals,
    on world: Communicator
  ) throws {
    let (rows, shape) = (source.rows, source.images.shape)
    let images = try world.agree {
      try writer?.createImages(.train, count: rows, shape: shape, type: .float32)
    }
    try RowBlocks(rows: rows, of: shape, on: world).collect(width: shape.count) { block in
      Activity.begin("writing L of the first stage")
      if StopSignals.arrived { throw DatasetError.stopped(file: directory.firstRows) }
      var l = try explainer.split(block).l
      if range == .clip {
        let x = l
        ck_clamp(&l, x, l.count, 0, 1)
      }
      return l
    } write: { block, values in
      try values.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress {
          try images?.write(rows: block, from: start, as: .float32)
        }
      }
    }
    try world.agree {
      guard let writer else { return }
      if let labels = originals.labels {
        try writer.write(labels: Array(labels.prefix(rows)), of: .train)
      }
      if let names = originals.names {
        try writer.write(names: Array(names.prefix(rows)), of: .train)
      }
      if let labelNames = originals.labelNames { try writer.write(labelNames: labelNames) }
    }
  }

  /// Whether the file was not written, since a rank was asked to end.
  ///
  /// **Collective.**
  private func wasStopped(
    _ written: Result<Void, any Error>, on world: Communicator
  ) throws -> Bool {
    var hasFailed = false
    if case .failure = written { hasFailed = true }
    var flags = [Int64(hasFailed ? 1 : 0), Int64(StopSignals.arrived ? 1 : 0)]
    try world.allReduce(&flags, .max)
    return flags.allSatisfy { $0 > 0 }
  }
}

import Checkpoints
import Datasets
import Foundation
import Guard
import MPI
import Models
import Support
import Tensors
import Training

extension TrainingRun {
  /// Replays the last recorded steps of a run from an older checkpoint and compares them with the
  /// record.
  ///
  /// The record is the losses in `metrics.jsonl` and the weights of the newest checkpoint. Exact
  /// runs must be equal bit for bit where the BLAS kernel is the same. Losses of other runs must
  /// agree within a ten-thousandth.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - configuration: the run's own.
  ///   - steps: the least number of steps, where a checkpoint is old enough; all steps after that
  ///     checkpoint are replayed.
  ///   - other: whether other images than those of the record are an error.
  /// - Returns: one line with the result, or with the reason why nothing could be compared.
  /// - Throws: `VerificationError` for the first step that differs; the errors of a resume.
  public static func verify(
    _ configuration: Configuration, on data: ImageSet, in directory: RunDirectory, steps: Int,
    other: OtherImages = .refused, world: Communicator
  ) throws -> String {
    var store = CheckpointStore(run: directory.path)
    guard let newest = try store.newestValid(on: world).checkpoint else {
      return "nothing to verify: there is no checkpoint"
    }
    let last = newest.manifest.step
    var start = try store.newestValid(on: world, upTo: last - steps).checkpoint
    if start == nil { start = try store.oldestValid(on: world, before: last) }
    guard let start else {
      return "nothing to verify: there is no checkpoint before step \(last)"
    }
    let images = try world.agree { try (start.data(), newest.data()) }
    if images.0?.digest != images.1?.digest {
      return "nothing to verify: the images changed after step \(start.manifest.step)"
    }
    if let trained = images.1, other == .accepted {
      let rows = min(trained.rows, data.count)
      if try DataIdentity(of: data, rows: rows, on: world).digest != trained.digest {
        return "nothing to verify: \(data.path) has other images than the steps recorded"
      }
    }
    let (earlier, kept) = try world.agree {
      try (RecordedRun(start).configuration, RecordedRun(newest).configuration)
    }
    if !earlier.equals(kept, exceptPlaceOfData: images.1 != nil) {
      return "nothing to verify: the settings changed after step \(start.manifest.step)"
    }
    let every = kept.common.recording.logEvery
    let record = try Record(directory, on: world)
    let isExact =
      kept.isExact && [start, newest].allSatisfy { $0.manifest.blasKernel == BLAS.kernelName }
    var (compared, reached) = (0, start.manifest.step)
    _ = try replay(
      kept, on: data, in: directory, from: start, steps: last - start.manifest.step, world: world
    ) { trainer in
      let step = trainer.progress.step
      reached = step
      if step % every == 0 {
        let found = try trainer.lossOfStep()
        try world.agree {
          guard let recorded = record.losses[step] else { return }
          compared += 1
          let limit = isExact ? 0 : 1e-4 * abs(recorded)
          if !(abs(found - recorded) <= limit) {
            throw VerificationError(
              step: step, what: "the loss", found: "\(found)",
              expected: "\(recorded), as metrics.jsonl has it")
          }
        }
      }
      if step == last && isExact { try compareWeights(trainer, newest, on: world) }
    }
    if reached < last { return "not verified: asked to stop after step \(reached)" }
    if compared == 0 && !isExact {
      return
        "nothing to verify: no loss was recorded from step \(start.manifest.step + 1) to \(last)"
    }
    let losses = compared == 0 ? "no loss was recorded" : "\(compared) losses"
    return "verified: steps \(start.manifest.step + 1) to \(last) are as recorded"
      + (isExact ? ", bit for bit" : ", to rounding") + " (\(losses)"
      + (isExact ? compared == 0 ? "; the weights)" : " and the weights)" : ")")
      + (images.1 == nil ? "; the run keeps no digest of its images to compare" : "")
  }

  private static func compareWeights(
    _ trainer: Trainer, _ checkpoint: Checkpoint, on world: Communicator
  ) throws {
    try world.agree {
      let stored = try checkpoint.tensorDigests()
      for tensor in trainer.tensorDigests() where stored[tensor.name] != tensor.digest {
        throw VerificationError(
          step: trainer.progress.step, what: tensor.name, found: tensor.digest,
          expected: "\(stored[tensor.name] ?? "none"), as \(checkpoint.name) has it")
      }
    }
  }

  /// The recorded losses of a run, by step, on every rank.
  private struct Record {
    var losses: [Int: Double] = [:]

    /// Reads the losses on rank 0.
    ///
    /// **Collective.**
    init(_ directory: RunDirectory, on world: Communicator) throws {
      var lines = ""
      try world.agree {
        guard world.isRoot else { return }
        lines = try RunLog.steps(of: directory).map { "\($0.step) \($0.loss)" }
          .joined(separator: "\n")
      }
      for line in try world.broadcast(lines).split(separator: "\n") {
        let words = line.split(separator: " ")
        if let step = Int(words[0]), let loss = Double(words[1]) { losses[step] = loss }
      }
    }
  }
}

extension Configuration {
  /// Whether these are the same settings; images known by their digest may lie elsewhere.
  fileprivate func equals(_ other: Configuration, exceptPlaceOfData: Bool) -> Bool {
    guard exceptPlaceOfData else { return self == other }
    var (own, place) = (common, other.common.data)
    place.rows = own.data.rows
    place.noise = own.data.noise
    place.staticNoise = own.data.staticNoise
    place.binarize = own.data.binarize
    own.data = place
    var moved = self
    moved.write(own)
    return moved == other
  }
}

/// A step that differs from the run's record.
public struct VerificationError: ExitStatusError, Equatable, CustomStringConvertible {
  /// The step.
  public let step: Int
  /// The loss, or the name of a tensor.
  public let what: String
  /// The replayed value and the recorded value.
  public let found: String, expected: String

  /// One line.
  public var description: String {
    "step \(step) replayed, \(what): found \(found), expected \(expected)"
  }

  /// 1: the machine or the program has changed.
  public var exitStatus: Int32 { 1 }
}

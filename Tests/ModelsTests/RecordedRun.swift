import Checkpoints
import Datasets
import Foundation
import MPI
import Models
import Runs
import Support
import Testing
import Training

/// A run in a directory, with the records of its checkpoints, its log and its observer.
final class RecordedRun: TrainingObserver {
  let directory: RunDirectory
  let settings: [String]
  let images: ImageSet
  private(set) var warnings: [String] = []
  private(set) var outcome: RunOutcome?
  private(set) var resumedFrom: String?

  init(
    _ folder: URL, _ settings: [String], images: ImageSet = SmallTraining.images(60)
  ) {
    directory = RunDirectory(folder.path)
    self.settings = ["grid_every=0"] + settings
    self.images = images
  }

  /// Starts the run, or continues it if it exists.
  ///
  /// - Parameter further: settings changed for this part of the run.
  @discardableResult
  func go(stopAfter stop: Int? = nil, _ further: String...) throws -> RunOutcome {
    let c = try SmallTraining.configuration(settings + further)
    let limits = TrainingLimits(stopAfterStep: stop)
    return directory.isRun
      ? try TrainingRun.resume(
        c, on: images, in: directory, observer: self, limits: limits, world: .alone())
      : try TrainingRun.start(
        c, on: images, in: directory, observer: self, limits: limits, world: .alone())
  }

  /// The newest checkpoint.
  func checkpoint() throws -> Checkpoint {
    var store = CheckpointStore(run: directory.path)
    return try #require(try store.newestValid(on: .alone()).checkpoint)
  }

  /// All arrays of the rows as a checkpoint holds them, S first.
  func rowState() throws -> [Float] {
    let checkpoint = try checkpoint()
    let arrays = checkpoint.manifest.rowLayout?.arrays ?? []
    return try arrays.flatMap { try checkpoint.read($0.name, rows: 0..<images.count) }
  }

  /// Lines of `metrics.jsonl` without values that differ from run to run.
  func log() throws -> [String] {
    try String(contentsOfFile: directory.metrics, encoding: .utf8).split(separator: "\n").map {
      let line = try JSONValue(parsing: String($0))
      guard case .object(let members) = line else { return "\($0)" }
      return JSONValue.object(members.filter { !["images_per_second", "time"].contains($0.name) })
        .line
    }
  }

  /// Lines of one kind.
  func log(_ kind: String) throws -> [String] {
    try log().filter { $0.contains("\"kind\": \"\(kind)\"") }
  }

  /// The existing checkpoints, oldest first.
  func checkpoints() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: directory.checkpoints)
      .filter { $0.hasPrefix("step-") }.sorted()
  }

  /// Removes the checkpoints after a step, as if the run had been killed before it wrote them.
  func dropCheckpoints(after step: Int) throws {
    for name in try checkpoints() where Int(name.dropFirst(5)) ?? 0 > step {
      try FileManager.default.removeItem(atPath: "\(directory.checkpoints)/\(name)")
    }
  }

  func runStarted(_ header: RunHeader) { resumedFrom = header.resumedFrom }
  func step(_ metrics: StepMetrics) {}
  func outerFinished(_ metrics: OuterMetrics) {}
  func warning(_ message: String) { warnings.append(message) }
  func checkpointed(_ checkpoint: CheckpointNotice) {}
  func shrinks(by threshold: Double, lambda: Double, rule: ShrinkageRule) {}
  func best(_ checkpoint: BestCheckpoint) {}
  func peakMemory(_ bytes: [Int]) {}
  func finished(_ outcome: RunOutcome) { self.outcome = outcome }
}

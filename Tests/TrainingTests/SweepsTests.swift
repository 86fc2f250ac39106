import Autodiff
import Checkpoints
import Datasets
import Layers
import MPI
import Tensors
import TestSupport
import Testing

@testable import Training

/// Halves its only weight in each sweep, until the weight is below a hundredth.
private struct Halving: Fitted {
  let scale = Scale()

  struct Scale: Module {
    let weight = Parameter(Shape(1), .ones)
    var parameters: [(String, Parameter)] { [("weight", weight)] }
  }

  var children: [(String, any Module)] { [("scale", scale)] }

  static func rowArrays(kept storage: RowStorageKind) -> [RowArray] { [RowArray("weight")] }

  func start(_ session: Session) throws {
    try session.trainer.publish([(scale.weight, [1])])
    session.shrinkageThreshold = 0.5
  }

  func sweep(_ session: Session) throws -> SweepResult {
    let half = scale.weight.value[0] / 2
    try session.trainer.publish([(scale.weight, [half])])
    return SweepResult(objective: Double(half), hasConverged: half < 0.01)
  }
}

@Suite("Loops of sweeps")
struct SweepsTests {
  private func session(
    in directory: RunDirectory? = nil, _ limits: TrainingLimits = TrainingLimits()
  ) throws -> Session {
    var common = CommonSettings()
    (common.lanes.batch, common.recording.gridEvery) = (8, 0)
    common.recording.collapseSpread = 0
    let images = LinearTraining.images(16)
    common.resolveAll(for: TrainingSetFacts(rows: 16, shape: images.shape))
    let loop = Sweeps<Halving>(SweepSettings())
    let trainer = try Trainer(common, model: Halving(), images: images, loop: loop, on: .alone())
    return Session(trainer, loop, common.recording, in: directory, limits: limits)
  }

  /// 2^-7 is the first below a hundredth.
  @Test func aFitEndsWhereItHasConverged() throws {
    let session = try session()
    #expect(try session.run() == .converged)
    #expect(session.trainer.progress.step == 7 && session.trainer.progress.totalEpochs == 7)
    #expect(session.history.metrics["epoch/loss"]?.count == 7)
    #expect(try session.run() == .converged && session.trainer.progress.step == 7)
  }

  /// Stopped at the last sweep, or before it, and resumed: as if it had never been stopped.
  @Test(arguments: [3, 6, 7, 8]) func aStopLosesNoConvergence(stop: Int) throws {
    try withTemporaryFolder { folder in
      let whole = try session()
      _ = try whole.run()
      let directory = RunDirectory(folder.appending(path: "run").path)
      _ = try NewRun(directory, configuration: "{}", replacing: false)
      let first = try session(in: directory, TrainingLimits(stopAfterStep: stop))
      #expect(try first.run() == (stop < 8 ? .stopped : .converged))
      let second = try session(in: directory)
      var store = CheckpointStore(run: directory.path)
      let found = try store.newestValid(on: .alone(), loading: second.trainer.rowTarget)
      try second.restore(try #require(found.checkpoint), isLoaded: found.isLoaded)
      #expect(second.shrinkageThreshold == 0.5)
      #expect(try second.run() == .converged)
      #expect(second.trainer.progress.step == 7 && second.trainer.progress.totalEpochs == 7)
      #expect(second.history.metrics["epoch/loss"] == whole.history.metrics["epoch/loss"])
    }
  }
}

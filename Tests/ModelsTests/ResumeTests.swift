import Checkpoints
import Foundation
import MPI
import TestSupport
import Testing

@testable import Models
@testable import Training

/// Runs of 12 steps: 3 an epoch, and for the robust model 2 epochs an outer iteration.
@Suite("Resuming")
struct ResumeTests {
  static let kinds = [
    ["model=rvae", "outer_iterations=2", "inner_epochs=2", "lambda=2", "shuffle=true"],
    [
      "model=rvae", "outer_iterations=2", "inner_epochs=2", "lambda=2", "exact=true",
      "reset_optimizer=true", "collapse_kl=1e9",
    ],
    [
      "model=rvae", "outer_iterations=2", "inner_epochs=2", "lambda=2", "split_storage=compact",
    ],
    ["model=daae", "epochs=4", "noise=gaussian:0.2", "shuffle=true", "optimizer=rmsprop"],
    [
      "model=idaae", "epochs=4", "noise=gaussian:0.2", "averaged_copies=2", "optimizer=rmsprop",
      "discriminator_momentum=0.1", "learning_rate_decay=0.5",
    ],
    [
      "model=ric-vae", "epochs=4", "shuffle=true", "passes=2", "passes_from_epoch=2",
      "residual_epsilon_start=1", "residual_epsilon_epochs=3",
    ],
    ["model=ic-affine-em", "epochs=12"],
    ["model=vae", "epochs=4", "rmsprop_momentum=0.5", "optimizer=rmsprop", "batch=16"],
    [
      "model=diwae", "epochs=4", "samples=2", "corruptions=2", "noise=bernoulli:0.1",
      "clip_norm=0.5", "binarize=each_step", "learning_rate_schedule=dvae", "rows=50", "batch=16",
      "validate_every=1", "validate_after=0.5", "exact=true",
    ],
    [
      "model=dvae", "epochs=4", "inference=gru", "likelihood=gaussian", "noise=mean-image",
      "adam=legacy_dvae", "adam_second_moment=1", "output_bias=mean_image", "shuffle=true",
    ],
  ]
  private let common = ["log_every=2", "keep_last=20"]

  private func expectSame(_ a: RecordedRun, _ b: RecordedRun, _ comment: Comment) throws {
    let (left, right) = (try a.checkpoint().contents(), try b.checkpoint().contents())
    #expect(left.progress == right.progress, comment)
    #expect(left.history == right.history, comment)
    for (x, y) in zip(left.model, right.model) {
      #expect(x.name == y.name && bits(x.values) == bits(y.values), comment)
    }
    #expect(left.optimizer == right.optimizer, comment)
    #expect(left == right, comment)
    if try a.checkpoint().manifest.rowLayout != nil {
      #expect(try bits(a.rowState()) == bits(b.rowState()), comment)
    }
    #expect(try a.log() == b.log(), comment)
  }

  @Test("A stopped and resumed run ends as one that was not", arguments: kinds)
  func resumedEqualsUninterrupted(kind: [String]) throws {
    try withTemporaryFolder { folder in
      let whole = RecordedRun(folder.appending(path: "whole"), common + kind)
      #expect(try whole.go() == .finished)
      #expect(try whole.log().count > 8)
      #expect(try whole.checkpoint().contents().progress.values["finished"] == 1)
      let last = try whole.checkpoint().manifest.step
      for stop in [1, 3, 4, 6, 11] {
        let parts = RecordedRun(folder.appending(path: "stop-\(stop)"), common + kind)
        #expect(try parts.go(stopAfter: stop) == .stopped)
        #expect(try parts.checkpoint().manifest.step == stop)
        #expect(try parts.go() == .finished)
        #expect(parts.resumedFrom == "step-\(String(format: "%08d", stop))")
        try expectSame(parts, whole, "stopped after step \(stop)")
      }
      let steps = RecordedRun(folder.appending(path: "steps"), common + kind)
      for stop in 1...last { #expect(try steps.go(stopAfter: stop) == .stopped) }
      #expect(try steps.go() == .finished)
      try expectSame(steps, whole, "stopped after every step")
    }
  }

  @Test("A killed run's log is cut back to the checkpoint it goes on from", arguments: kinds)
  func logIsCutBack(kind: [String]) throws {
    try withTemporaryFolder { folder in
      let settings = common + kind + ["checkpoint_epochs=1"]
      let whole = RecordedRun(folder.appending(path: "whole"), settings)
      #expect(try whole.go() == .finished)
      let killed = RecordedRun(folder.appending(path: "killed"), settings)
      let perEpoch = try whole.checkpoint().manifest.step / 4
      for (end, kept) in [(perEpoch * 2 + 2, perEpoch), (perEpoch * 3 + 1, perEpoch * 2)] {
        try killed.go(stopAfter: end)
        try killed.dropCheckpoints(after: kept)
        #expect(try killed.checkpoint().manifest.step == kept)
      }
      #expect(try killed.go() == .finished)
      try expectSame(killed, whole, "killed twice")
    }
  }

  /// The lines of an epoch and of an outer iteration carry the step before them.
  ///
  /// A checkpoint of that step may be older than the lines.
  @Test("Lines written after the checkpoint of their step are not kept", arguments: kinds)
  func linesOfTheSameStepAreCutBack(kind: [String]) throws {
    try withTemporaryFolder { folder in
      let files = FileManager.default
      let whole = RecordedRun(folder.appending(path: "whole"), common + kind)
      try whole.go()
      let epochEnd = try whole.checkpoint().manifest.step / 2
      let killed = RecordedRun(folder.appending(path: "killed"), common + kind)
      try killed.go(stopAfter: epochEnd)
      let (original, copy) = (
        killed.directory.checkpoints, folder.appending(path: "kept").path
      )
      try files.copyItem(atPath: original, toPath: copy)
      try killed.go(stopAfter: epochEnd + 1)
      try files.removeItem(atPath: original)
      try files.moveItem(atPath: copy, toPath: original)
      #expect(try killed.go() == .finished)
      try expectSame(killed, whole, "killed after step \(epochEnd)")
    }
  }

  @Test func aRunEndedBeforeItsFirstCheckpointStartsAgain() throws {
    try withTemporaryFolder { folder in
      let whole = RecordedRun(folder.appending(path: "whole"), common + Self.kinds[0])
      try whole.go()
      let killed = RecordedRun(folder.appending(path: "killed"), common + Self.kinds[0])
      try killed.go(stopAfter: 5)
      try killed.dropCheckpoints(after: 0)
      #expect(try killed.go() == .finished)
      #expect(killed.resumedFrom == nil)
      try expectSame(killed, whole, "started again")
    }
  }

  @Test func aFinishedRunStaysAsItIs() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(folder.appending(path: "run"), common + Self.kinds[0])
      try run.go()
      let (contents, log) = (try run.checkpoint().contents(), try run.log())
      #expect(try run.go() == .finished)
      #expect(try run.checkpoint().contents() == contents)
      #expect(try run.log() == log)
    }
  }

  /// Saving and then restoring into a new trainer changes nothing, in the middle of an epoch.
  @Test(arguments: kinds) func saveThenRestoreIsTheIdentity(kind: [String]) throws {
    try withTemporaryFolder { folder in
      let (old, new) = (try SmallTraining(kind), try SmallTraining(kind))
      try old.train(2)
      if old.session.loop.outerIterations != nil {
        let result = try old.trainer.project(
          by: Shrinkage(.soft, threshold: 0.1, channels: 1), sampling: true)
        try old.session.finishOuter(outerResult(result, c1: 0.5, c2: 0.25))
      }
      try old.train(2)
      old.trainer.progress.warnings = [.constantOutput]
      var store = CheckpointStore(run: folder.path)
      let saved = try old.session.save(to: &store).checkpoint
      try new.session.restore(saved)
      #expect(bits(new.weights) == bits(old.weights))
      #expect(bits(new.s + new.r) == bits(old.s + old.r))
      #expect(new.trainer.progress == old.trainer.progress)
      #expect(new.session.history == old.session.history)
      for (a, b) in zip(new.trainer.optimizers, old.trainer.optimizers) {
        #expect(a.step == b.step)
        for index in a.rule.stateNames.indices {
          #expect(try bits(a.gathered(index)) == bits(b.gathered(index)))
        }
      }
      let means = try [new, old].map {
        try $0.trainer.sums.epochMeans(batch: 20, on: $0.trainer.world).named.map(\.value)
      }
      #expect(means[0] == means[1])
    }
  }

  @Test func aCheckpointOfAnotherModelIsRefused() throws {
    try withTemporaryFolder { folder in
      let old = try SmallTraining(["model=vae"])
      var store = CheckpointStore(run: folder.path)
      let saved = try old.session.save(to: &store).checkpoint
      let wider = try SmallTraining(["model=vae", "hidden=13"])
      #expect(throws: RunError.self) { try wider.session.restore(saved) }
      let robust = try SmallTraining(["model=rvae"])
      #expect(throws: RunError.self) { try robust.session.restore(saved) }
    }
  }
}

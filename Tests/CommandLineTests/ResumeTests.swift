import Foundation
import TestSupport
import Testing
import Training

/// A stopped and resumed run equals a run without a stop.
@Suite(.serialized) struct ResumeTests {
  /// Runs of 1203 rows: 19 steps an epoch, 38 an outer iteration of the robust model.
  static let models = [
    "demo \(small) --set outer_iterations=2 --set inner_epochs=2",
    "mnist-daae \(small) --set rows=1203 --set discriminator_hidden=64 --set epochs=3 "
      + "--set optimizer=rmsprop",
  ]

  /// Stops in the middle of an epoch, at its end, before the robust model's split, and in the
  /// middle of the epoch after it.
  @Test(arguments: models, [1, 2]) func onAsManyRanksItIsEqual(model: String, ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("train \(model) --out whole", ranks: ranks, in: folder)
      let whole = RunFolder("whole", in: folder)
      let (digests, log) = (try whole.digests(), try whole.log())
      for step in ranks == 1 ? [13] : [13, 19, 38, 45] {
        let cut = RunFolder("cut-\(step)", in: folder)
        let stopped = try Tool.run(
          "train \(model) --out \(cut.name) --stop-after-step \(step)", ranks: ranks, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
        #expect(try cut.log("step").count == step)
        #expect(try cut.digests() != digests)
        try Tool.succeed("train --resume \(cut.name) --quiet", ranks: ranks, in: folder)
        #expect(try cut.digests() == digests, "stopped after step \(step)")
        #expect(try cut.log() == log, "stopped after step \(step)")
        let difference = try Run.command(
          "h5diff",
          ["whole", cut.name].map { "\($0)/checkpoints/latest/checkpoint.h5" }, in: folder)
        #expect(difference.status == 0, "\(difference)")
      }
    }
  }

  @Test(arguments: models) func exactRunsMayChangeTheirRanks(model: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("train \(model) --exact --out whole", in: folder)
      let stops = [(2, "\(model) --exact --out cut", 13), (3, "--resume cut --quiet", 45)]
      for (ranks, command, step) in stops {
        let run = try Tool.run(
          "train \(command) --stop-after-step \(step)", ranks: ranks, in: folder)
        #expect(run.status == 75, "\(run)")
      }
      try Tool.succeed("train --resume cut --quiet", ranks: 1, in: folder)
      let (whole, cut) = (RunFolder("whole", in: folder), RunFolder("cut", in: folder))
      #expect(try cut.digests() == whole.digests())
      #expect(try cut.log() == whole.log())
    }
  }

  @Test func fastRunsThatChangeTheirRanksStayClose() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let model = Self.models[0] + " --set activation=tanh"
      try Tool.succeed("train \(model) --out whole", ranks: 2, in: folder)
      let stopped = try Tool.run(
        "train \(model) --out cut --stop-after-step 13", ranks: 2, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try Tool.succeed("train --resume cut --quiet", ranks: 3, in: folder)
      try RunFolder("cut", in: folder).expectClose(to: RunFolder("whole", in: folder))
    }
  }
}

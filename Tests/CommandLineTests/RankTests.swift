import Foundation
import TestSupport
import Testing
import Training

/// One result for any number of ranks (docs/architecture.md).
@Suite(.serialized) struct RankTests {
  /// 2003 rows in 8 lanes: 250 or 251 in a lane, of which a step takes 8.
  ///
  /// Threads divide a rank's products at other places than ranks do, so their results agree only to
  /// rounding too. The activation is smooth, because at a kink a rounding near zero may change a
  /// gradient.
  @Test func fastRunsAgreeToRounding() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(2003, in: folder)
      for ranks in 1...4 {
        try Tool.succeed(
          "train demo \(small) --set activation=tanh --set outer_iterations=1 "
            + "--set inner_epochs=10 --out p\(ranks)", ranks: ranks, in: folder)
      }
      for threads in [2, 3] {
        try Tool.succeed(
          "train demo \(small) --set activation=tanh --set outer_iterations=1 "
            + "--set inner_epochs=10 --threads \(threads) --out t\(threads)", in: folder)
      }
      let one = RunFolder("p1", in: folder)
      #expect(try one.log("step").count == 320)
      for name in ["p2", "p3", "p4", "t2", "t3"] {
        try RunFolder(name, in: folder).expectClose(to: one)
      }
    }
  }

  /// The compact split is equal too, if some ranks write it and other ranks continue from it.
  ///
  /// One checkpoint links the split to the next, and the readers hold other rows than the writers.
  @Test func compactRowStatesAreEqual() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      for ranks in [1, 3, 4] {
        let train =
          "train demo \(small) --set outer_iterations=2 --set inner_epochs=2 --set lambda=40 "
          + "--set split_storage=compact --exact --max-steps 57 --out p\(ranks)"
        let stopped = try Tool.run("\(train) --stop-after-step 45", ranks: ranks, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
        try Tool.succeed(
          "train --resume p\(ranks) --max-steps 57 --quiet", ranks: 5 - ranks, in: folder)
      }
      let one = try RunFolder("p1", in: folder).digests()
      #expect(one["split"] != .null && one["split"] != nil)
      for ranks in [3, 4] {
        #expect(try RunFolder("p\(ranks)", in: folder).digests() == one, "\(ranks) ranks")
      }
      func inode(_ step: Int) throws -> Int? {
        let file = folder.appending(path: "p1/checkpoints/step-000000\(step)/rows-00000.h5")
        return try FileManager.default.attributesOfItem(atPath: file.path)[.systemFileNumber]
          as? Int
      }
      #expect(try inode(38) != nil && inode(38) == inode(45))
    }
  }

  /// Weights, optimizer and split are equal after an outer iteration (the robust model) and after
  /// 48 steps.
  ///
  /// Step 48 is in the middle of the last of three epochs. Every line of the log is equal too, with
  /// the values in warnings.
  @Test(arguments: ["demo", "mnist-daae", "mnist-diwae", "celeba-rvae"])
  func exactRunsAreEqual(preset: String)
    throws
  {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let isRobust = !preset.hasPrefix("mnist")
      let settings =
        isRobust
        ? "--set outer_iterations=2 --set inner_epochs=2 --set collapse_kl=99 "
          + "--set collapse_spread=1 --set channels=8,16"
        : "--set decoder_hidden=64 --set discriminator_hidden=64 --set rows=1203 "
          + "--set checkpoint_epochs=2 --set clip_norm=\(preset == "mnist-diwae" ? 1 : 0)"
      let ranks = [1, 2, 3, 4, 8]
      for count in ranks {
        let train = "train \(preset) \(small) \(settings) --exact --max-steps 48 --out p\(count)"
        try Tool.succeed(train, ranks: count, in: folder)
      }
      let one = RunFolder("p1", in: folder)
      let (early, late) = (try one.digests(step: 38), try one.digests(step: 48))
      for part in ["model", "optimizer"] + (isRobust ? ["split"] : []) {
        #expect(early[part] != nil && early[part] != .null)
        #expect((early[part] == late[part]) == (part == "split"), "\(part)")
      }
      let log = try one.log()
      #expect(!isRobust || log.contains { $0["warning"] == "constant_output" })
      for count in ranks.dropFirst() {
        let run = RunFolder("p\(count)", in: folder)
        #expect(try run.digests(step: 38) == early, "\(count) ranks")
        #expect(try run.digests(step: 48) == late, "\(count) ranks")
        #expect(try run.log() == log, "\(count) ranks")
      }
    }
  }

  /// A replay of an exact run is equal on any number of ranks and leaves the run unchanged.
  ///
  /// A replay of a fast run names the first tensor in which rounding shows.
  @Test func verifyNamesTheFirstDifference() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      for (name, option) in [("exact", "--exact"), ("fast", "")] {
        let stopped = try Tool.run(
          "train demo \(small) --set outer_iterations=2 --set inner_epochs=2 --out \(name) "
            + "\(option) --stop-after-step 30", ranks: 2, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
      }
      let before = try contents(of: folder)
      let equal = try Tool.run("verify exact --ranks 1,2,4 --steps 12 --quiet", in: folder)
      #expect(equal.status == 0, "\(equal)")
      #expect(equal.output == "exact: 12 steps from step 30 on are equal on 1, 2, 4 ranks\n")
      let other = try Tool.run("verify fast --ranks 1,2 --steps 12 --quiet", in: folder)
      #expect(other.status == 1, "\(other)")
      #expect(other.output.contains("1 and 2 ranks differ: step 3"), "\(other)")
      #expect(try contents(of: folder) == before)
    }
  }
}

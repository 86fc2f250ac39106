import Foundation
import TestSupport
import Testing
import Training

/// 300 rows: 5 steps an epoch and a checkpoint after each, 20 steps in all.
private let model =
  "demo \(small) --exact --set outer_iterations=2 --set inner_epochs=2 --set checkpoint_epochs=1"

/// A fault and the run's message about it.
private struct Case {
  let fault: String
  let says: String
  var options = ""

  /// The run prints one line, the last good checkpoint stays, and a retry with the same words ends
  /// as planned.
  static func expect(_ cases: [Case]) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train \(model) --out whole", ranks: 2, in: folder)
      let whole = RunFolder("whole", in: folder)
      let (digests, log) = (try whole.digests(), try whole.log())
      for (index, fault) in cases.enumerated() {
        let run = RunFolder("run-\(index)", in: folder)
        let options = "--sentinel 1 --inject \(fault.fault)" + fault.options
        let end = try Tool.run("train \(model) --out \(run.name) \(options)", ranks: 2, in: folder)
        let what: Comment = "\(fault.fault): \(end)"
        #expect(end.status != 0 && !end.timedOut, what)
        #expect(end.errors.contains("injected \(fault.fault)"), what)
        #expect(end.errors.contains(fault.says), what)
        #expect(try run.digests() == whole.digests(step: 10), what)
        try Tool.succeed("train --resume \(run.name) \(options)", ranks: 2, in: folder)
        #expect(try run.digests() == digests, what)
        #expect(try run.log() == log, what)
      }
    }
  }
}

/// Faults made on purpose: each has its promised end, once, and the run continues as if it had not
/// happened.
@Suite(.serialized) struct FaultTests {
  private static let fatal = [
    Case(fault: "kill@12:1", says: "rank 1, on this node, is gone"),
    Case(fault: "hang@12:1", says: "no progress for 3 s: step 1", options: " --watchdog 3"),
    Case(
      fault: "nan@12:1",
      says: "step 12, lane 4: the gradient of decoder.2.bias is not finite; "
        + "the last checkpoint is"),
    Case(fault: "flip-weight@12:1", says: "changed in memory before the end of step 13, expected"),
    Case(fault: "flip-weight@15:1", says: "changed in memory before its checkpoint, expected"),
  ]

  @Test func eachEndsAsPromisedAndOnce() throws { try Case.expect(Self.fatal) }

  /// A fit without gradients changes weights in another way, which is no fault.
  @Test(arguments: [nil, 2]) func aFittedModelIsNoFault(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(100, in: folder)
      try Tool.succeed(
        "train demo --data d.h5 --set model=ic-affine-em --set latent=3 --set batch=20 --out run "
          + "--set epochs=9 --set grid_every=0 --set checkpoint_epochs=2 --sentinel 2 --quiet",
        ranks: ranks, in: folder)
    }
  }

  /// The other ranks wait for a rank that is late for a moment.
  @Test func aSlowRankIsWaitedFor() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train \(model) --out whole", ranks: 2, in: folder)
      try Tool.succeed("train \(model) --out slow --inject slow@12:1", ranks: 2, in: folder)
      #expect(
        try RunFolder("slow", in: folder).digests() == RunFolder("whole", in: folder).digests())
    }
  }

  /// A step is left out on all ranks alike, and counted; other steps are the same on any number of
  /// ranks.
  @Test func stepsThatAreNotFiniteCanBeSkipped() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let skipping = "\(model) --on-nonfinite skip"
      try Tool.succeed("train \(skipping) --out whole", ranks: 2, in: folder)
      try Tool.succeed("train \(model) --out plain", in: folder)
      let whole = RunFolder("whole", in: folder)
      #expect(try whole.digests() == RunFolder("plain", in: folder).digests())
      for ranks in [1, 2, 4] {
        let run = RunFolder("p\(ranks)", in: folder)
        let end = try Tool.run(
          "train \(skipping) --out \(run.name) --inject nan@7:\(ranks - 1)", ranks: ranks,
          in: folder)
        #expect(end.status == 0, "\(end)")
        #expect(end.errors.contains("step 7 was left out: the gradient of "), "\(end)")
        #expect(end.errors.contains("1 of 20 steps were left out"), "\(end)")
        #expect(try run.digests() == RunFolder("p1", in: folder).digests())
        #expect(try run.digests() != whole.digests())
        let skipped = try run.log("skipped")
        #expect(skipped.count == 1 && skipped[0]["step"] == 7, "\(skipped)")
        #expect(skipped[0]["lane"] == .integer(8 / ranks * (ranks - 1)))
        #expect(try run.log("step").count == 19)
      }
    }
  }

  /// A fault has a known kind, a step from 1 on, and at most a rank.
  @Test(arguments: ["kill", "kil@3", "kill@0", "kill@3:x", "kill@3:-1", "kill@3:1:2"])
  func badFaultsAreRefused(word: String) throws {
    try withTemporaryFolder { folder in
      let input = BadInput(
        "train demo --data d.h5 --out r --inject \(word)",
        "--inject: found \(word), expected kind@step or kind@step:rank", 64)
      try input.expectFailure(ranks: nil, in: folder)
    }
  }
}

/// Faults of files: a checkpoint that cannot be written, or that is damaged when a run needs it.
@Suite(.serialized) struct FileFaultTests {
  private static let fatal = [
    Case(fault: "fail-write@12:1", says: "step-00000015: not saved: "),
    Case(fault: "fill-disk@12", says: "no space left on device"),
    Case(fault: "fail-fsync@12", says: "manifest.json: invalid argument"),
  ]

  @Test func theLastGoodCheckpointStays() throws { try Case.expect(Self.fatal) }

  /// Every reader skips a damaged checkpoint.
  @Test func damageIsPassedOver() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train \(model) --out whole", ranks: 2, in: folder)
      let whole = RunFolder("whole", in: folder)
      for (fault, reason) in [
        ("flip-file@12", "checkpoint.h5: checksum does not match: damaged"),
        ("truncate-file@12", "checkpoint.h5: found "),
        ("flip-file@12:1", "rows-00001.h5: checksum does not match: damaged"),
      ] {
        let run = RunFolder(fault, in: folder)
        let stopped = try Tool.run(
          "train \(model) --out \(fault) --inject \(fault) --stop-after-step 17 "
            + "--set keep_last=9", ranks: 2, in: folder)
        #expect(stopped.status == 75, "\(stopped)")
        try FileManager.default.removeItem(
          at: run.path.appending(path: "checkpoints/step-00000017"))
        let info = try Tool.run("info \(fault) --verify", in: folder)
        #expect(info.status == 65 && info.output.contains("DAMAGED: \(reason)"), "\(info)")
        let end = try Tool.run("train --resume \(fault) --quiet", ranks: 2, in: folder)
        #expect(end.status == 0, "\(end)")
        #expect(end.errors.contains("step-00000015 skipped: \(reason)"), "\(end)")
        #expect(try run.digests() == whole.digests(), "\(fault)")
      }
    }
  }
}

import Foundation
import TestSupport
import Testing

/// Replays find differences.
@Suite(.serialized) struct VerifyTests {
  /// 300 rows: 5 steps an epoch and a checkpoint after each.
  private static let model =
    "demo \(small) --set outer_iterations=3 --set inner_epochs=2 --set checkpoint_epochs=1"

  private func prepare(_ options: String, in folder: URL) throws {
    try prepareDigits(300, in: folder)
    let stopped = try Tool.run(
      "train \(Self.model) --out run \(options) --stop-after-step 18", ranks: 2, in: folder)
    #expect(stopped.status == 75, "\(stopped)")
  }

  /// One flipped bit of one weight on one rank is named by step and tensor.
  @Test(arguments: [0, 1]) func aPlantedDifferenceIsNamed(rank: Int) throws {
    try withTemporaryFolder { folder in
      try prepare("--exact", in: folder)
      let before = try contents(of: folder)
      let run = try Tool.run(
        "verify run --ranks 1,2 --steps 6 --quiet --inject flip-weight@21:\(rank)", in: folder)
      #expect(run.status == 1, "\(run)")
      let planted = try #require(
        run.errors.split(separator: "\n").first { $0.contains("injected") })
      let tensor = try #require(planted.split(separator: " ").last)
      #expect(planted.contains("bit 20 of "), "\(run)")
      #expect(run.output.contains("1 and 2 ranks differ: step 21, \(tensor): "), "\(run)")
      #expect(try contents(of: folder) == before)
    }
  }

  /// A resume can replay the recorded steps: equal, and on another number of ranks if the run is
  /// exact.
  @Test(arguments: ["--exact", ""]) func aResumeReplaysWhatWasRecorded(options: String) throws {
    try withTemporaryFolder { folder in
      try prepare(options, in: folder)
      let (ranks, how) =
        options.isEmpty ? (2, "to rounding (8 losses)") : (1, "bit for bit (8 losses")
      let run = try Tool.run(
        "train --resume run --verify 5 --stop-after-step 20", ranks: ranks, in: folder)
      #expect(run.status == 75, "\(run)")
      #expect(run.errors.contains("verified: steps 11 to 18 are as recorded, \(how)"), "\(run)")
    }
  }

  /// A recorded loss that differs from the replay ends the resume before it begins.
  @Test func aStepThatDiffersIsNamed() throws {
    try withTemporaryFolder { folder in
      try prepare("--exact", in: folder)
      let log = folder.appending(path: "run/metrics.jsonl")
      let lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      let changed = lines.map { line in
        line.contains("\"step\": 16,") && line.contains("\"kind\": \"step\"")
          ? line.replacingOccurrences(of: "\"loss\": ", with: "\"loss\": 1") : String(line)
      }
      #expect(changed != lines.map(String.init))
      try Data((changed.joined(separator: "\n") + "\n").utf8).write(to: log)
      let before = try contents(of: folder)
      let run = try Tool.run("train --resume run --verify 5 --quiet", ranks: 2, in: folder)
      let words = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
      #expect(run.status == 1 && words.count == 1, "\(run)")
      #expect(words.first?.contains("step 16 replayed, the loss: found ") == true, "\(run)")
      #expect(try contents(of: folder) == before)
    }
  }

  /// The replay of a finished run starts from an older checkpoint.
  @Test func aFinishedRunCanBeVerified() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train \(Self.model) --out run --exact", ranks: 2, in: folder)
      let output = try Tool.succeed("verify run --ranks 1,2 --steps 7 --quiet", in: folder)
      #expect(output == "run: 7 steps from step 20 on are equal on 1, 2 ranks\n")
    }
  }

  /// If a disk fault spoils the log in one place, only that line is lost.
  @Test func aDamagedLogKeepsItsOtherLines() throws {
    try withTemporaryFolder { folder in
      try prepare("--exact", in: folder)
      let log = folder.appending(path: "run/metrics.jsonl")
      var lines = try Data(contentsOf: log).split(separator: UInt8(ascii: "\n"))
      let count = lines.count
      lines[2] = Data([0xFF, 0xFE])
      try Data(lines.joined(separator: Data("\n".utf8)) + Data("\n{\"ki".utf8)).write(to: log)
      let run = try Tool.run("train --resume run --verify 5 --stop-after-step 19", in: folder)
      #expect(run.status == 75 && run.errors.contains("verified: steps"), "\(run)")
      let kept = try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      #expect(kept.count == count - 1 + 1)
    }
  }

  /// If there is nothing to compare with, the run says so and continues.
  @Test func withoutAnOlderCheckpointThereIsNothingToVerify() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let stopped = try Tool.run(
        "train \(Self.model) --out run --stop-after-step 3", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let run = try Tool.run("train --resume run --verify 5 --stop-after-step 4", in: folder)
      #expect(run.status == 75, "\(run)")
      #expect(run.errors.contains("nothing to verify: there is no checkpoint before"), "\(run)")
      try BadInput(
        "train demo --data d.h5 --out r --verify 3", "--verify goes with --resume", 64
      ).expectFailure(ranks: nil, in: folder)
    }
  }
}

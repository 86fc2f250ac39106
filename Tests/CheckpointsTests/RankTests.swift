import Checkpoints
import Foundation
import TestSupport
import Testing

/// Checkpoints of several ranks, under a real `mpirun`.
@Suite(.serialized) struct RankCheckpoints {
  @Test func anyNumberOfRanksReadsWhatAnyNumberWrote() throws {
    try withTemporaryFolder { folder in
      var digests: Set<String> = []
      for writers in 1...4 {
        let run = folder.appending(path: "\(writers)").path
        try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: false)
        let saved = try Run.product("rank-checks", ["checkpoint-save", run], ranks: writers)
        #expect(saved.status == 0, "\(saved)")
        digests.insert(saved.output)
        for readers in Set([1, 3, 5 - writers]) where readers != writers {
          let loaded = try Run.product("rank-checks", ["checkpoint-load", run], ranks: readers)
          #expect(loaded.status == 0, "\(loaded)")
          digests.insert(loaded.output)
        }
      }
      #expect(digests.count == 1)
      #expect(digests.first?.isEmpty == false)
    }
  }

  /// Arrays of all three element types, which two ranks write and three ranks read.
  @Test func threeArraysGoFromTwoRanksToThree() throws {
    try withTemporaryFolder { folder in
      let run = folder.path
      let saved = try Run.product("rank-checks", ["checkpoint-save", run], ranks: 2)
      let directory = folder.appending(path: "checkpoints/step-00000012").path
      let manifest = try Checkpoint(directory: directory).manifest
      #expect(manifest.rowLayout?.arrays.map(\.name) == ["S", "Y", "R"])
      #expect(manifest.rowLayout?.arrays.map(\.element) == [.float32, .float16, .steps])
      #expect(manifest.files.map(\.file) == ["checkpoint.h5", "rows-00000.h5", "rows-00001.h5"])
      let loaded = try Run.product("rank-checks", ["checkpoint-load", run], ranks: 3)
      #expect(saved.status == 0 && loaded.status == 0, "\(saved), \(loaded)")
      #expect(loaded.output == saved.output && !saved.output.isEmpty)
    }
  }

  @Test func ranksAgreeOnADamagedCheckpoint() throws {
    try withTemporaryFolder { folder in
      let run = folder.path
      let saved = try Run.product("rank-checks", ["checkpoint-save", run], ranks: 3)
      #expect(saved.status == 0, "\(saved)")
      let file = folder.appending(path: "checkpoints/step-00000012/rows-00002.h5")
      try Data(contentsOf: file).dropLast().write(to: file)
      let loaded = try Run.product("rank-checks", ["checkpoint-load", run], ranks: 2)
      #expect(loaded.status != 0)
      #expect(loaded.errors.contains("step-00000012 skipped: rows-00002.h5: found "))
    }
  }

  /// Kills a process that saves checkpoints without pause, at a random moment, many times.
  ///
  /// Whatever the moment, the next process finds a whole checkpoint and continues from it.
  @Test func aKilledProcessLeavesAWholeCheckpoint() throws {
    try withTemporaryFolder { folder in
      let run = folder.path
      let binary = Run.products.appending(path: "rank-checks")
      let first = try Run.product("rank-checks", ["checkpoint-save", run])
      #expect(first.status == 0, "\(first)")
      for round in 0..<30 {
        let process = Process()
        process.executableURL = binary
        process.arguments = ["checkpoint-forever", run]
        process.standardOutput = FileHandle.nullDevice
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        usleep(20_000 + UInt32(round) * 3_700)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let text = errors.fileHandleForReading.readDataToEndOfFile()
        #expect(String(decoding: text, as: UTF8.self) == "", "round \(round)")
        let summary = try RunSummary(run: run, check: .checksums)
        #expect(summary.newest != nil)
        let damaged = summary.checkpoints.filter { !$0.isValid }
        #expect(damaged.isEmpty, "\(damaged)")
      }
      let last = try Run.product("rank-checks", ["checkpoint-forever", run, "once"])
      #expect(last.status == 0, "\(last)")
      #expect(last.output == "resumed\n")
    }
  }
}

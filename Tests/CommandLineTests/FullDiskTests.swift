import Foundation
import TestSupport
import Testing
import Training

/// A disk that fills during a run: the run prints one line, and can continue from its last good
/// checkpoint.
@Suite(.serialized, .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
struct FullDiskTests {
  @Test(arguments: [1, 4]) func theLastCheckpointStays(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let disk = try SmallDisk(bytes: 24 << 20)
      let model = "demo \(small) --set outer_iterations=2 --set inner_epochs=2"
      try Tool.succeed("train \(model) --out whole", ranks: ranks, in: folder)
      let first = try Tool.run(
        "train \(model) --out \(disk.path)/run --stop-after-step 4", ranks: ranks, in: folder)
      #expect(first.status == 75, "\(first)")
      let run = RunFolder("run", in: URL(filePath: disk.path))
      let before = (checkpoints: run.checkpoints.sorted(), digests: try run.digests())

      // Room for the log and half a checkpoint.
      let filler = try FileHandle(forWritingTo: disk.filled())
      let filled = try filler.seekToEnd()
      try filler.truncate(atOffset: filled - (1 << 20))
      let resume = "train --resume \(disk.path)/run --quiet"
      let refused = try Tool.run(resume, ranks: ranks, in: folder)
      let lines = refused.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
      #expect(refused.status == 74 && !refused.timedOut && lines.count == 1, "\(refused)")
      let line = try #require(lines.first)
      #expect(line.contains("run/checkpoints/step-00000010: not saved: "), "\(refused)")
      #expect(line.hasSuffix("no space left on device"), "\(refused)")
      #expect(run.checkpoints.sorted() == before.checkpoints)
      #expect(try run.digests() == before.digests)

      try filler.truncate(atOffset: 0)
      try filler.close()
      try Tool.succeed(resume, ranks: ranks, in: folder)
      let whole = RunFolder("whole", in: folder)
      #expect(try run.digests() == whole.digests())
      #expect(try run.log() == whole.log())
    }
  }
}

import Foundation
import TestSupport
import Testing
import Training

/// Every place that writes, on a disk without room: one line and status 74, which schedulers and
/// retries take for trouble of the machine.
@Suite(.serialized, .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
struct FullDiskPlacesTests {
  private func expectFull(_ run: Run, naming file: String) {
    let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
    #expect(run.status == 74 && !run.timedOut && lines.count == 1, "\(run)")
    #expect(lines.first?.contains(file) == true, "\(run)")
    #expect(lines.first?.hasSuffix("no space left on device") == true, "\(run)")
  }

  @Test(arguments: [1, 2, 3]) func outputs(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train demo \(small) --max-steps 2 --out run", in: folder)
      try IDX.write(
        to: folder.appending(path: "idx"), images: IDX.images(600), labels: IDX.labels(600))
      let disk = try SmallDisk(bytes: 1 << 20)
      _ = try disk.filled()
      for (command, file) in [
        ("denoise run --out", "l.h5"), ("reconstruct run --out", "r.h5"),
        ("denoise run --out", "l.png"), ("denoise run --out", "p/"), ("score run --out", "s.csv"),
        ("score run --out", "t.h5"),
        ("reconstruct run --out", "r.png"), ("sample run --out", "s.h5"),
        ("sample run --out", "s.png"), ("encode run --out", "e.h5"),
        ("corrupt --noise salt-pepper:0.1 clean.h5", "c.h5"),
        ("synthesize digits --count 64 --out", "d.h5"), ("import mnist idx --out", "m.h5"),
        ("train demo \(small) --out", "run"),
      ] {
        let run = try Tool.run("\(command) \(disk.path)/\(file)", ranks: ranks, in: folder)
        expectFull(run, naming: "\(disk.path)/\(file)")
        let left = try FileManager.default.contentsOfDirectory(atPath: disk.path)
        #expect(left.filter { $0 != "filler" && $0 != "run" } == [], "\(left)")
      }
    }
  }

  /// The pictures have a disk of their own.
  @Test(arguments: [1, 2, 3]) func pictures(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let model =
        "train demo \(small) --set inner_epochs=1 --set outer_iterations=4 --set grid_every=1"
      let first = try Tool.run("\(model) --out run --stop-after-step 5", ranks: ranks, in: folder)
      #expect(first.status == 75, "\(first)")
      let disk = try SmallDisk(bytes: 1 << 16)
      _ = try disk.filled()
      let images = folder.appending(path: "run/images").path
      let bound = try Run.command("mount", ["--bind", disk.path, images])
      try #require(bound.status == 0, "\(bound)")
      let full = try Tool.run("train --resume run --quiet", ranks: ranks, in: folder)
      _ = try Run.command("umount", [images])
      expectFull(full, naming: "run/images/")
      let last = try Tool.run("train --resume run --quiet", ranks: ranks, in: folder)
      #expect(last.status == 0, "\(last)")
    }
  }

  /// The disk fills while the log grows.
  @Test(arguments: [1, 2, 3]) func theLog(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let disk = try SmallDisk(bytes: 24 << 20)
      let path = "\(disk.path)/run"
      let job = try Job.product(
        "cleave",
        "train demo \(small) --set inner_epochs=100000 --out \(path)".split(separator: " ")
          .map(String.init), ranks: ranks, in: folder)
      let run = RunFolder("run", in: URL(filePath: disk.path))
      try #require(job.waits { (try? run.log("step").isEmpty) == false })
      _ = try disk.filled()
      expectFull(try job.end(), naming: "\(path)/metrics.jsonl")
    }
  }

  /// `launch/cleave --retries` goes on when there is room again; it does not give up as after bad
  /// data.
  @Test func retriesGoOn() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let line =
        "-n 2 --retries 2 train demo \(small) --set outer_iterations=2 --set inner_epochs=2 "
        + "--set checkpoint_epochs=1 --out run --inject fill-disk@7"
      let run = try Run.command(
        TestData.packageRoot.appending(path: "launch/cleave").path,
        line.split(separator: " ").map(String.init), in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(run.errors.contains("status 74; try 1 of 2 goes on from step-"), "\(run)")
    }
  }
}

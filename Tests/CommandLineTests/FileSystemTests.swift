import Foundation
import HDF5
import TestSupport
import Testing
import Training

/// File systems with and without locks, read-only file systems, and file systems that vanish during
/// a run.
@Suite(.serialized) struct FileSystemTests {
  private static let model = "train demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 "

  private func lines(of run: Run) -> [String] {
    run.errors.split(separator: "\n").map(String.init).filter { $0.hasPrefix("cleave") }
  }

  @Test func locksOnOrOffMakeNoDifference() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      for setting in ["TRUE", "FALSE", "BEST_EFFORT"] {
        let environment: [String: String?] = ["HDF5_USE_FILE_LOCKING": setting]
        let train = Self.model + "--set outer_iterations=2 --out \(setting)"
        for command in [
          "\(train) --stop-after-step 7", "train --resume \(setting) --quiet",
          "denoise \(setting) --out \(setting).h5 --quiet",
        ] {
          let run = try Tool.run(command, ranks: 2, in: folder, environment: environment)
          #expect([0, 75].contains(run.status), "\(setting): \(command)\n\(run)")
        }
      }
      let digests = try RunFolder("TRUE", in: folder).digests()
      for setting in ["FALSE", "BEST_EFFORT"] {
        #expect(try RunFolder(setting, in: folder).digests() == digests, "\(setting)")
      }
    }
  }

  /// Images can be read from a read-only disk; a run there is refused in one line.
  @Test(
    .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"),
    arguments: [1, 2]) func aReadOnlyDirectoryServesDataAlone(ranks: Int) throws
  {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let disk = try SmallDisk(bytes: 24 << 20)
      try FileManager.default.copyItem(
        atPath: folder.appending(path: "d.h5").path, toPath: disk.path + "/d.h5")
      let mount = try Run.command("mount", ["-o", "remount,ro", disk.path])
      try #require(mount.status == 0, "\(mount)")
      let train = Self.model.replacingOccurrences(of: "d.h5", with: disk.path + "/d.h5")
      try Tool.succeed("\(train) --set outer_iterations=1 --out run", ranks: ranks, in: folder)
      for command in [
        "\(train) --out \(disk.path)/run",
        "denoise run --data \(disk.path)/d.h5 --out \(disk.path)/l.h5",
      ] {
        let refused = try Tool.run(command, ranks: ranks, in: folder)
        #expect(refused.status == 74 && !refused.timedOut, "\(command)\n\(refused)")
        #expect(lines(of: refused).count == 1, "\(command)\n\(refused)")
        #expect(
          lines(of: refused).first?.hasSuffix("read-only file system") == true, "\(refused)")
      }
    }
  }

  /// The disk of a run vanishes: the run ends with one line and writes nothing in its place.
  @Test(
    .enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"),
    arguments: [1, 2]) func aRunWhoseDirectoryVanishesEnds(ranks: Int) throws
  {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let disk = try SmallDisk(bytes: 64 << 20)
      let run = RunFolder("run", in: URL(filePath: disk.path))
      let command = Self.model + "--set outer_iterations=100000 --out \(run.path.path)"
      let job = try Job.product(
        "cleave", command.split(separator: " ").map(String.init), ranks: ranks, in: folder)
      try #require(job.waits { run.checkpoints.contains("latest") })
      let unmounted = try Run.command("umount", ["-l", disk.path])
      #expect(unmounted.status == 0, "\(unmounted)")
      let end = try job.end(within: 60)
      #expect(end.status == 65 && !end.timedOut, "\(end)")
      #expect(lines(of: end).count == 1, "\(end)")
      #expect(lines(of: end).first?.contains(run.path.path) == true, "\(end)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
    }
  }
}

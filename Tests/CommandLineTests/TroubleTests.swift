import Foundation
import TestSupport
import Testing
import Training

/// Runs during which something goes wrong.
@Suite(.serialized) struct TroubleTests {
  private func prepare(_ folder: URL) throws {
    try Tool.succeed("synthesize digits --count 256 --test 0 --out d.h5", in: folder)
  }

  /// The lines that the tool itself wrote, without those of `mpirun`.
  private func lines(of run: Run) -> [String] {
    run.errors.split(separator: "\n").map(String.init).filter { $0.hasPrefix("cleave") }
  }

  @Test(arguments: [nil, 3]) func aLossThatIsNotFiniteEndsTheRun(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let train = "train demo --data d.h5 --out a \(tiny) --quiet --set activation=softplus"
      #expect(try Tool.run("\(train) --stop-after-step 2", in: folder).status == 75)
      let run = try Tool.run(
        "train --resume a --quiet --set learning_rate=1e30", ranks: ranks, in: folder)
      #expect(run.status == 1, "\(run)")
      #expect(lines(of: run).count == 1, "\(run)")
      #expect(lines(of: run).first?.contains("the loss is not finite") == true, "\(run)")
      #expect(lines(of: run).first?.contains("lane ") == true, "\(run)")
      let info = try Tool.document("info a --json --verify", in: folder)
      #expect(info["progress"]?["step"] == 2)
    }
  }

  @Test func aDamagedCheckpointIsSkippedByName() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed("train demo --data d.h5 --out a \(tiny) --quiet --max-steps 4", in: folder)
      try Tool.succeed("train --resume a --quiet", in: folder)
      let newest = folder.appending(path: "a/checkpoints/step-00000008/checkpoint.h5")
      var bytes = try Data(contentsOf: newest)
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: newest)

      let verified = try Tool.run("info a --verify", in: folder)
      #expect(verified.status == 65, "\(verified)")
      #expect(verified.output.contains("step-00000008"))
      #expect(verified.output.contains("DAMAGED: checkpoint.h5: checksum does not match"))
      let checkpoint = try Tool.run("info a/checkpoints/step-00000008 --verify", in: folder)
      #expect(checkpoint.status == 65, "\(checkpoint)")

      let resumed = try Tool.run("train --resume a --quiet", ranks: 2, in: folder)
      #expect(resumed.status == 0, "\(resumed)")
      #expect(resumed.errors.contains("warning: checkpoint step-00000008 skipped: checkpoint.h5"))
      try Tool.succeed("info a --verify", in: folder)
    }
  }

  @Test func aSignalEndsARunInGoodOrder() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let cleave = Run.products.appending(path: "cleave").path
      let script = """
        "\(cleave)" train demo --data d.h5 --out a \(tiny) --set inner_epochs=1000000 \
        --set log_every=100 --quiet &
        while [ ! -s a/metrics.jsonl ]; do kill -0 $! || exit 1; sleep 0.05; done
        kill -TERM $!
        wait $!
        """
      let run = try Run.command("sh", ["-c", script], in: folder)
      #expect(run.status == 75, "\(run)")
      let step = try Tool.document("info a --json --verify", in: folder)["progress"]?["step"]?
        .number
      #expect(try #require(step) > 0)
    }
  }

  @Test(
    .enabled(if: geteuid() == 0, "mounting a small disk takes root"), arguments: [nil, 2])
  func aFullDiskLeavesTheLastGoodCheckpoint(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let disk = folder.appending(path: "disk")
      try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
      let mounted = try Run.command("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", disk.path])
      guard mounted.status == 0 else { return }  // a container may not allow it
      defer { _ = try? Run.command("umount", [disk.path]) }
      let run = try Tool.run(
        "train demo --data d.h5 --out disk/a \(tiny) --quiet --set checkpoint_epochs=1 "
          + "--set keep_last=9 --set grid_every=0 --set inner_epochs=9", ranks: ranks, in: folder)
      #expect(run.status == 74, "\(run)")
      #expect(lines(of: run).count == 1, "\(run)")
      #expect(
        lines(of: run).first?.lowercased().contains("no space left on device") == true, "\(run)")
      let info = try Tool.document("info disk/a --json --verify", in: folder)
      #expect(try #require(info["progress"]?["step"]?.number) > 0)
    }
  }
}

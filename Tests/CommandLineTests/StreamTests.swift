import Foundation
import TestSupport
import Testing
import Training

/// Standard output and standard error that are closed, or lead to a full disk or to a reader that
/// is gone.
@Suite(.serialized) struct StreamTests {
  private static let streams = [">&- 2>&-", ">/dev/full 2>/dev/full", "2>&1 | true"]

  /// How the tool is started: alone, by the script, or by `mpirun` itself.
  private static let cleave = Run.products.appending(path: "cleave").path
  private static let script = TestData.packageRoot.appending(path: "launch/cleave").path

  private func shell(_ line: String, in folder: URL) throws -> Run {
    try Run.command("bash", ["-c", "set -o pipefail; " + line], in: folder)
  }

  /// No message of a run reaches anybody; the run is as good as any.
  @Test(arguments: streams, ["\(cleave)", "\(script) -n 1", "\(script) -n 3"])
  func trainingGoesOn(streams: String, program: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let model = "train demo \(small) --set outer_iterations=2 --set inner_epochs=2 --exact"
        .replacing(" --quiet", with: "")
      try Tool.succeed("\(model) --out whole", in: folder)
      let first = try shell(
        "\(program) \(model) --out run --stop-after-step 4 \(streams)", in: folder)
      #expect(first.status == 75, "\(first)")
      let last = try shell("\(program) train --resume run \(streams)", in: folder)
      #expect(last.status == 0, "\(last)")
      let (run, whole) = (RunFolder("run", in: folder), RunFolder("whole", in: folder))
      #expect(try run.digests() == whole.digests())
      #expect(try run.log() == whole.log())
    }
  }

  /// A result that nobody gets is an error of one line, whatever prints it.
  @Test(arguments: [">&-", ">/dev/full", "| (exec <&-; sleep 1)"], [0, 1, 2, 3])
  func aLostResultIsAnError(output: String, ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("train demo \(small) --max-steps 2 --out run", in: folder)
      let program = ranks == 0 ? Self.cleave : "\(Self.script) -n \(ranks)"
      for command in [
        "info run --json", "evaluate run --metrics mse --quiet", "plan demo --data d.h5 --quiet",
        "presets",
        "--help", "synthesize digits --count 64 --out other.h5 --force --quiet",
      ] where ranks == 0 || command != "--help" {
        let run = try shell("\(program) \(command) \(output)", in: folder)
        #expect(run.status == 74 && !run.timedOut, "\(command)\n\(run)")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(command)\n\(run)")
        #expect(
          lines.first?.contains("standard output: the result is lost: ") == true,
          "\(command)\n\(run)")
      }
    }
  }

  /// A file that a process opens does not take the place of a closed stream.
  @Test func noMessageGetsIntoAFile() throws {
    try withTemporaryFolder { folder in
      let made = try shell(
        "\(Self.cleave) synthesize digits --count 64 --out d.h5 <&- >&- 2>&-", in: folder)
      #expect(made.status == 74, "\(made)")
      try Tool.succeed("synthesize digits --count 64 --out e.h5", in: folder)
      let files = try ["d.h5", "e.h5"].map { try Data(contentsOf: folder.appending(path: $0)) }
      #expect(files[0] == files[1])
    }
  }

  /// A disk on which the caller keeps the result.
  @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func aResultNeedsADisk() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let disk = try SmallDisk(bytes: 1 << 20)
      _ = try disk.filled()
      for program in [Self.cleave, "\(Self.script) -n 1", "\(Self.script) -n 3"] {
        let run = try shell("\(program) info d.h5 --json >\(disk.path)/result", in: folder)
        #expect(run.status == 74, "\(run)")
        #expect(run.errors.lowercased().contains("no space left on device"), "\(run)")
      }
    }
  }

  /// After its own statuses the script has the last line; `mpirun` adds nothing.
  @Test(arguments: [1, 2]) func mpirunDoesNotHaveTheLastWord(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let train = "\(Self.script) -n \(ranks) train demo \(small)"
      for (line, status) in [
        ("\(train) --out run --stop-after-step 3", 75), ("\(train) --out run", 64),
        ("\(Self.script) -n \(ranks) info none.h5", 65),
      ] {
        let run = try shell(line, in: folder)
        #expect(run.status == status, "\(run)")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.allSatisfy { $0.hasPrefix("cleave ") } && lines.count <= 1, "\(run)")
      }
      // A rank that is killed is still named.
      let killed = try shell("\(train) --out run2 --inject kill@2:\(ranks - 1)", in: folder)
      #expect(killed.status == 137, "\(killed)")
      #expect(killed.errors.contains("process rank \(ranks - 1) "), "\(killed)")
    }
  }
}

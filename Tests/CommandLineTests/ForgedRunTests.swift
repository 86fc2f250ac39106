import Foundation
import TestSupport
import Testing

/// The files of a run may be torn, edited, or anybody's: each fault is one line.
@Suite(.serialized) struct ForgedRunTests {
  /// Calls `body` with a run of two steps, and its data.
  private func withRun(_ body: (RunFolder) throws -> Void) throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 128 --test 0 --out d.h5 --quiet", in: folder)
      let run = try Tool.run(
        "train demo --data d.h5 --out run --stop-after-step 2 --quiet \(tiny)", in: folder)
      #expect(run.status == 75, "\(run)")
      try body(RunFolder("run", in: folder))
    }
  }

  private func configuration(_ run: RunFolder) -> URL { run.path.appending(path: "config.json") }

  /// Puts something else in the place of `config.json`.
  private static let losses: [String: @Sendable (String) throws -> Void] = [
    "cut off": { try Data("{\"model\": \"rv".utf8).write(to: URL(filePath: $0)) },
    "empty": { try Data().write(to: URL(filePath: $0)) },
    "missing": { unlink($0) },
    "a pipe": {
      unlink($0)
      mkfifo($0, 0o600)
    },
    "endless": {
      unlink($0)
      symlink("/dev/zero", $0)
    },
    "deep": {
      let deep = String(repeating: "[", count: 100_000)
      try Data(deep.utf8).write(to: URL(filePath: $0))
    },
  ]

  /// What matters is in the checkpoint: the run goes on, and has its settings again.
  @Test(arguments: losses.keys.sorted(), [nil, 2])
  func aLostConfigurationIsWrittenAnew(loss: String, ranks: Int?) throws {
    try withRun { run in
      let before = try Data(contentsOf: configuration(run))
      try Self.losses[loss]?(configuration(run).path)
      let resumed = try Tool.run(
        "train --resume run --stop-after-step 3 --quiet", ranks: ranks, in: run.folder)
      #expect(resumed.status == 75, "\(resumed)")
      let lines = resumed.errors.split(separator: "\n").filter { $0.contains("config.json") }
      #expect(lines.count == 1, "\(resumed)")
      #expect(lines.first?.contains("the settings of step-00000002 are used") == true, "\(resumed)")
      #expect(try Data(contentsOf: configuration(run)) == before)
    }
  }

  @Test func withoutACheckpointALostConfigurationIsRefused() throws {
    try withRun { run in
      try FileManager.default.removeItem(at: run.path.appending(path: "checkpoints"))
      try Data("{\"model\": \"rv".utf8).write(to: configuration(run))
      let resumed = try Tool.run("train --resume run --quiet", in: run.folder)
      #expect(resumed.status == 65, "\(resumed)")
      #expect(
        resumed.errors.contains("no checkpoint keeps the settings of this run"), "\(resumed)")
      let replaced = try Tool.run(
        "train demo --data d.h5 --out run --force --stop-after-step 1 --quiet \(tiny)",
        in: run.folder)
      #expect(replaced.status == 75, "\(replaced)")
    }
  }

  /// An edited key is refused by its name if it is fixed for the run, and taken otherwise.
  @Test func anEditedConfigurationIsComparedWithTheCheckpoint() throws {
    try withRun { run in
      let text = try String(contentsOf: configuration(run), encoding: .utf8)
      for (old, new, words) in [
        ("\"seed\": 595", "\"seed\": 7", "seed: found 7, expected 595 as step-00000002"),
        (
          "\"hidden\": [16]", "\"hidden\": [65536]",
          "hidden: found [65536], expected [16] as step-00000002"
        ),
        // A key that this model does not read.
        ("\"passes\": 1", "\"passes\": 7", "passes: found 7, expected 1 with model="),
      ] {
        #expect(text.contains(old))
        try Data(text.replacing(old, with: new).utf8).write(to: configuration(run))
        for command in ["train --resume run --quiet", "verify run --steps 1"] {
          let found = try Tool.run(command, in: run.folder)
          #expect(found.status == 65, "\(found)")
          #expect(found.errors.contains("run/config.json: \(words)"), "\(found)")
        }
      }
      let (old, new) = ("\"log_every\": 1,", "\"log_every\": 2,")
      #expect(text.contains(old))
      try Data(text.replacing(old, with: new).utf8).write(to: configuration(run))
      let resumed = try Tool.run("train --resume run --stop-after-step 4 --quiet", in: run.folder)
      #expect(resumed.status == 75, "\(resumed)")
      #expect(try String(contentsOf: configuration(run), encoding: .utf8).contains(new))
      #expect(try run.log("step").map { $0["step"] } == [1, 2, 4])
    }
  }

  /// Nothing of a file steers the terminal.
  @Test func namesArePrintedWithoutControlCharacters() throws {
    try withRun { run in
      let forged = "{\"\\u001b[2J\\u0007\": 1, \"a\\nb\": 2, \"\\u202e\": 3}"
      try Data(forged.utf8).write(to: run.folder.appending(path: "c.json"))
      let found = try Tool.run("train c.json --data d.h5 --out other", in: run.folder)
      #expect(found.status == 64, "\(found)")
      let steering = found.errors.unicodeScalars.filter {
        $0 != "\n" && ($0.value < 32 || $0.value == 0x202e)
      }
      #expect(steering.isEmpty && found.errors.split(separator: "\n").count == 1, "\(found)")
    }
  }

  /// The launcher takes the number of lanes from a file that anybody may have written.
  @Test(arguments: losses.keys.sorted()) func theLauncherSurvivesIt(loss: String) throws {
    try withRun { run in
      try Self.losses[loss]?(configuration(run).path)
      let script = TestData.packageRoot.appending(path: "launch/cleave").path
      let found = try Run.command(
        script, ["--dry-run", "train", "--resume", "run"], in: run.folder)
      #expect(found.status == 0, "\(found)")
      #expect(found.output.contains("train --resume run"), "\(found)")
    }
  }
}

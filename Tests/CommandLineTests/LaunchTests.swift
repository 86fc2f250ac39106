import Foundation
import Support
import TestSupport
import Testing
import Training

/// `launch/cleave`: signals and retries.
@Suite(.serialized) struct LaunchTests {
  private static let model =
    "train demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 --set outer_iterations="

  private func start(
    _ line: String, in folder: URL, environment: [String: String?] = [:]
  ) throws -> Job {
    try Job(
      TestData.packageRoot.appending(path: "launch/cleave").path,
      line.split(separator: " ").map(String.init), environment: environment, in: folder)
  }

  /// The ranks under the script's `mpirun`.
  private func ranks(of job: Job) -> [pid_t] {
    guard let mpirun = job.children.first else { return [] }
    let file = "/proc/\(mpirun)/task/\(mpirun)/children"
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
  }

  private func isUnderWay(_ job: Job, _ run: RunFolder) -> Bool {
    job.waits { ranks(of: job).count == 2 && run.checkpoints.contains("latest") }
  }

  /// The line that goes on with a run keeps the values of its options.
  @Test func optionsKeepTheirValues() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("train demo --data d.h5 --out run --max-steps 2 --quiet", in: folder)
      let help = try Tool.succeed("train --help", in: folder)
      let options = help.split(separator: "\n").compactMap { line -> String? in
        let words = line.split(separator: " ")
        guard words.count > 1, words[0].hasPrefix("--"), words[1].allSatisfy(\.isUppercase)
        else { return nil }
        return String(words[0])
      }
      // What the run's own settings hold already is not said again.
      let kept = Set(options).subtracting(["--out", "--resume", "--wait", "--set"])
      #expect(kept.contains("--scale") && kept.contains("--time-limit"))
      for option in kept {
        let end = try start("--continue --dry-run train --resume run \(option) 7", in: folder)
          .end(within: 20)
        let isDropped = option == "--on-nonfinite"
        #expect(end.output.contains(" \(option) 7 ") != isDropped, "\(option): \(end)")
        #expect(end.output.contains(" --resume run"), "\(end)")
      }
    }
  }

  /// A run has at most as many ranks as lanes: its own, its preset's or its configuration file's.
  @Test func ranksAreNoMoreThanLanes() throws {
    try withTemporaryFolder { folder in
      try Data("{\"model\": \"rvae\", \"lanes\": 1}".utf8)
        .write(to: folder.appending(path: "c.json"))
      func ranks(_ words: String) throws -> Int? {
        let end = try start("--dry-run train \(words) --data d.h5 --out run-one", in: folder)
          .end(within: 20)
        let words = end.output.split(separator: " ")
        return words.firstIndex(of: "-n").flatMap { Int(words[$0 + 1]) }
      }
      let most = try #require(try ranks("mnist-rvae-beta"))
      #expect(try ranks("mnist-rvae") == 1)
      #expect(try ranks("c.json") == 1)
      #expect(try ranks("mnist-rvae --set lanes=8") == most)
      #expect(try ranks("c.json --set lanes=8") == most)
    }
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGUSR1]) func aSignalBecomesACheckpoint(signal: Int32) throws
  {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("-n 2 --retries 3 \(Self.model)60 --out run", in: folder)
      try #require(isUnderWay(job, run))
      kill(job.identifier, signal)
      let end = try job.end(within: 40)
      #expect(end.status == 75 && !end.timedOut, "\(end)")
      let info = try Tool.document("info run --json --verify", in: folder)
      #expect(try run.log("step").count == Int(info["progress"]?["step"]?.number ?? -1))
    }
  }

  /// The retry continues from the newest checkpoint and ends as if nothing had happened.
  @Test func aKilledRankIsSurvived() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("\(Self.model)6 --out whole", ranks: 2, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("-n 2 --retries 3 \(Self.model)6 --out run", in: folder)
      try #require(isUnderWay(job, run))
      let victim = try #require(ranks(of: job).randomElement())
      kill(victim, SIGKILL)
      let end = try job.end(within: 40)
      #expect(end.status == 0 && !end.timedOut, "\(end)")
      #expect(end.errors.contains("status 137; try 1 of 3 goes on from step-"), "\(end)")
      let whole = RunFolder("whole", in: folder)
      #expect(try run.digests() == whole.digests())
      #expect(try run.log() == whole.log())
    }
  }

  /// A retry neither continues an earlier run of the same name nor loses it.
  @Test func aRetryDoesNotTakeAnotherRunForItsOwn() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("\(Self.model)2 --out run --max-steps 5", in: folder)
      let before = try contents(of: folder)
      let end = try start(
        "-n 2 --retries 1 \(Self.model)6 --out run --force", in: folder,
        environment: ["MPIRUN_OPTIONS": "--mca pml none-such"]
      ).end(within: 40)
      #expect(end.status != 0 && !end.timedOut, "\(end)")
      #expect(end.errors.contains("try 1 of 1"), "\(end)")
      #expect(try contents(of: folder) == before)
      // mpirun refuses this option only at first; the second attempt must begin anew.
      let flag = folder.appending(path: "tried").path
      let once = folder.appending(path: "mpirun")
      try Data(
        ("#!/bin/sh\n[ -e \(flag) ] || { touch \(flag); exit 9; }\n"
          + "PATH=${PATH#*:} exec mpirun \"$@\"\n")
          .utf8
      ).write(to: once)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: once.path)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let anew = try start(
        "-n 2 --retries 1 \(Self.model)1 --out run --force", in: folder,
        environment: ["PATH": "\(folder.path):\(path)"]
      ).end(within: 40)
      #expect(anew.status == 0, "\(anew)")
      let info = try Tool.document("info run --json", in: folder)
      #expect(info["progress"]?["outer"] == 1 && info["finished"] == true, "\(info)")
    }
  }

  /// A user who compares numbers of ranks need not know that mpirun must not start the command.
  @Test func ranksToBeComparedAreNotStartedTwice() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed("\(Self.model)2 --out run --exact --max-steps 11", in: folder)
      let end = try start("verify run --ranks 1,2 --steps 3 --quiet", in: folder).end(within: 60)
      #expect(end.status == 0, "\(end)")
      #expect(end.output == "run: 3 steps from step 11 on are equal on 1, 2 ranks\n")
    }
  }

  /// The script does not retry for ever a run without progress, and never retries bad input.
  @Test func retriesEndWhereNothingIsGained() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      // Open MPI has no such way to send messages, so every rank stops in MPI_Init.
      let stuck = try start(
        "-n 2 --retries 9 \(Self.model)6 --out run", in: folder,
        environment: ["MPIRUN_OPTIONS": "--mca pml none-such"]
      ).end(within: 40)
      #expect(stuck.status != 0 && !stuck.timedOut, "\(stuck)")
      let reason = "no further since the last failure (no checkpoint)"
      #expect(stuck.errors.contains(reason), "\(stuck)")
      #expect(stuck.errors.components(separatedBy: "goes on from").count == 2, "\(stuck)")
      let bad = try start("-n 1 --retries 9 \(Self.model)6 --out run2 --set beta=x", in: folder)
        .end(within: 40)
      #expect(bad.status == 64 && !bad.errors.contains("try 1"), "\(bad)")
    }
  }

  /// The waiting rank names the rank that stands still, and the job ends within ten seconds.
  @Test func aHangEndsWithAReport() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("-n 2 \(Self.model)600 --out run --watchdog 2", in: folder)
      try #require(isUnderWay(job, run))
      kill(ranks(of: job)[1], SIGSTOP)
      let started = Date()
      let end = try job.end(within: 40)
      #expect(-started.timeIntervalSinceNow < 2 + 10, "\(end)")
      #expect(end.status != 0 && !end.timedOut, "\(end)")
      #expect(end.errors.contains("behind: rank 1 (no report)"), "\(end)")
      let file = try String(contentsOf: run.path.appending(path: "hang-0.json"), encoding: .utf8)
      let report = try JSONValue(parsing: file)
      #expect(report["rank"] == 0 && report["waiting_for"] != .null && report["step"] != .null)
      let next = try Tool.run(
        "train --resume run --quiet --max-steps 400", ranks: 1, in: folder)
      #expect(next.status == 0, "\(next)")
      #expect(!FileManager.default.fileExists(atPath: run.path.appending(path: "hang-0.json").path))
    }
  }
}

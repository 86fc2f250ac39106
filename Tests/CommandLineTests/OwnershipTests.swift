import Foundation
import Support
import TestSupport
import Testing
import Training

/// One process writes a run: others are refused, take over from the dead, or wait; nobody is left
/// behind.
@Suite(.serialized) struct OwnershipTests {
  private static let model =
    "train demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 --set keep_last=1 "
    + "--set outer_iterations="

  private func start(_ line: String, ranks: Int? = nil, in folder: URL) throws -> Job {
    try Job.product(
      "cleave", line.split(separator: " ").map(String.init), ranks: ranks, in: folder)
  }

  private func launch(_ line: String, in folder: URL) throws -> Job {
    try Job(
      TestData.packageRoot.appending(path: "launch/cleave").path,
      line.split(separator: " ").map(String.init), in: folder)
  }

  private func isUnderWay(_ job: Job, _ run: RunFolder) -> Bool {
    job.waits { run.checkpoints.contains("latest") }
  }

  private func isAlive(_ process: pid_t) -> Bool { kill(process, 0) == 0 }

  /// The processes that a process has started, and those that they have started.
  private func descendants(of process: pid_t) -> [pid_t] {
    let file = "/proc/\(process)/task/\(process)/children"
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    let children = text.split(separator: " ").compactMap { pid_t($0) }
    return children + children.flatMap { descendants(of: $0) }
  }

  /// A second writer is refused on any number of ranks, with the host, the process and the time.
  @Test(arguments: [1, 2]) func aRunInTrainingIsNobodyElses(ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("\(Self.model)6000 --out run", ranks: 2, in: folder)
      try #require(isUnderWay(job, run))
      for line in ["train --resume run --quiet", "\(Self.model)2 --out run --force"] {
        let second = try Tool.run(line, ranks: ranks, in: folder)
        #expect(second.status == 64, "\(second)")
        #expect(second.errors.contains("run: found in training by "), "\(second)")
        #expect(second.errors.contains(", process \(job.children[0]), since 20"), "\(second)")
      }
      kill(job.children[1], SIGTERM)
      let end = try job.end()
      #expect(end.status == 75, "\(end)")
      #expect(try Tool.run("train --resume run --quiet --max-steps 1", in: folder).status == 0)
    }
  }

  /// Two that resume the same run at the same moment: one trains, and the log is whole.
  @Test func ofTwoResumesOneTrains() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      try Tool.succeed("\(Self.model)6 --out run --max-steps 30", in: folder)
      let killed = try start("train --resume run --quiet --set outer_iterations=6", in: folder)
      usleep(300_000)
      kill(killed.identifier, SIGKILL)
      _ = try killed.end()
      let jobs = try [1, 2].map { _ in
        try start("train --resume run --quiet", ranks: 2, in: folder)
      }
      let ends = try jobs.map { try $0.end() }
      #expect(ends.map(\.status).sorted() == [0, 64], "\(ends)")
      let steps = try run.log("step").compactMap { $0["step"]?.integer }
      #expect(steps == Array(1...steps.count) && steps.count == 120)
    }
  }

  /// A job that waits gets the run when the other has ended.
  @Test func aJobCanWait() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("\(Self.model)6000 --out run", in: folder)
      try #require(isUnderWay(job, run))
      let next = try start("train --resume run --wait 100 --max-steps 1", in: folder)
      usleep(1_000_000)
      #expect(next.isRunning)
      kill(job.identifier, SIGTERM)
      #expect(try job.end().status == 75)
      let end = try next.end()
      #expect(end.status == 0 && end.errors.contains("warning: waiting for "), "\(end)")
    }
  }

  /// Commands that read a run while it removes old checkpoints see whole ones.
  @Test func readersMeetNoHalfCheckpoint() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("\(Self.model)60000 --out run", ranks: 2, in: folder)
      try #require(isUnderWay(job, run))
      for round in 0..<8 {
        let info = try Tool.run("info run --verify --json", in: folder)
        #expect(info.status == 0 && !info.output.contains("\"valid\": false"), "\(info)")
        let line = ["denoise run --out l-\(round).h5", "evaluate run --metrics mse"][round % 2]
        let read = try Tool.run(line + " --quiet", ranks: 1 + round % 3, in: folder)
        #expect(read.status == 0 && !read.errors.contains("skipped"), "\(read)")
      }
      kill(job.children[0], SIGTERM)
      #expect(try job.end().status == 75)
    }
  }

  /// Whatever ends the script or `mpirun`, the ranks end too, and the run goes on.
  @Test(arguments: [
    (SIGKILL, "script"), (SIGHUP, "script"), (SIGTERM, "script"), (SIGKILL, "mpirun"),
  ]) func noRankIsLeftBehind(signal: Int32, of whom: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try launch("-n 2 \(Self.model)6000 --out run", in: folder)
      try #require(isUnderWay(job, run))
      let processes = descendants(of: job.identifier)
      #expect(processes.count >= 3)
      let mpirun = try #require(job.children.first)
      kill(whom == "script" ? job.identifier : mpirun, signal)
      let limit = Date(timeIntervalSinceNow: 10)
      while processes.contains(where: isAlive) && Date() < limit { usleep(50_000) }
      #expect(!processes.contains(where: isAlive))
      let end = try job.end()
      let expected = signal == SIGKILL ? (128 + SIGKILL) : 75
      #expect(end.status == expected, "\(end)")
      let next = try Run.command(
        TestData.packageRoot.appending(path: "launch/cleave").path,
        "-n 2 --continue \(Self.model)6000 --out run --max-steps 1".split(separator: " ")
          .map(String.init), in: folder)
      #expect(next.status == 0 && next.errors.contains("goes on with run"), "\(next)")
    }
  }

  /// `nohup` keeps its meaning.
  @Test func aTerminalThatEndsIsIgnoredUnderNohup() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let cleave = Run.products.appending(path: "cleave").path
      let job = try Job(
        "nohup", [cleave] + "\(Self.model)6000 --out run".split(separator: " ").map(String.init),
        in: folder)
      try #require(isUnderWay(job, run))
      kill(job.identifier, SIGHUP)
      let step = try run.log("step").count
      #expect(job.waits { (try? run.log("step").count) ?? 0 > step + 20 })
      kill(job.identifier, SIGTERM)
      #expect(try job.end().status == 75)
    }
  }

  @Test func forceReplacesOnlyRuns() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      try Tool.succeed("\(Self.model)1 --out run --max-steps 1", in: folder)
      try Data("mine".utf8).write(to: folder.appending(path: "run/notes.txt"))
      let before = try contents(of: folder.appending(path: "run"))
      let refused = try Tool.run("\(Self.model)1 --out run --force", ranks: 2, in: folder)
      #expect(refused.status == 64 && refused.errors.contains("run: found notes.txt"), "\(refused)")
      #expect(try contents(of: folder.appending(path: "run")) == before)
      // The data set lies in the run.
      try FileManager.default.removeItem(at: folder.appending(path: "run/notes.txt"))
      try FileManager.default.moveItem(
        at: folder.appending(path: "d.h5"), to: folder.appending(path: "run/d.h5"))
      let line = "\(Self.model)1 --out run --force".replacing(
        "--data d.h5", with: "--data run/d.h5")
      let inside = try Tool.run(line, in: folder)
      #expect(inside.status == 64 && inside.errors.contains("run: found d.h5"), "\(inside)")
      #expect(FileManager.default.fileExists(atPath: folder.appending(path: "run/d.h5").path))
    }
  }

  /// No answer of a run takes the place of one of its files, such as an older checkpoint's.
  @Test func aRunsFilesAreNoOutput() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      try Tool.succeed("\(Self.model)2 --out run --set keep_last=3", in: folder)
      let run = RunFolder("run", in: folder)
      let steps = run.checkpoints.filter { $0.hasPrefix("step-") }.sorted()
      #expect(steps.count > 1)
      let before = try contents(of: run.path)
      for step in steps {
        let refused = try Tool.run(
          "denoise run --out run/checkpoints/\(step)/checkpoint.h5 --force", ranks: 2, in: folder)
        #expect(refused.status == 64 && refused.errors.contains("own input"), "\(refused)")
      }
      #expect(try contents(of: run.path) == before)
    }
  }

  /// Settings that fit no run leave the old run as it was.
  @Test func aFailedStartKeepsTheOldRun() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      try Tool.succeed("\(Self.model)1 --out run --max-steps 1", in: folder)
      let before = try contents(of: folder.appending(path: "run"))
      let failed = try Tool.run(
        "\(Self.model)1 --out run --force --set validate_every=1 --set validation_rows=0",
        in: folder)
      #expect(failed.status != 0, "\(failed)")
      #expect(try contents(of: folder.appending(path: "run")) == before)
    }
  }
}

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
      for line in [
        "train --resume run --quiet", "\(Self.model)2 --out run --force",
        "\(Self.model)2 --out run",
      ] {
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

  /// Where `mpirun` itself is asked to end, it gives the ranks a moment, and tells nobody.
  @Test func anMPIRunThatIsHungUpStopsTheRun() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try Job(
        TestData.packageRoot.appending(path: "launch/cleave").path,
        "-n 2 \(Self.model)6000 --out run".split(separator: " ").map(String.init),
        environment: ["MPIRUN_OPTIONS": "--mca odls_base_sigkill_timeout 8"], in: folder)
      try #require(isUnderWay(job, run))
      kill(try #require(job.children.first), SIGHUP)
      let end = try job.end()
      #expect(end.status == 75, "\(end)")
      #expect(end.errors.contains("mpirun was ended by a signal"), "\(end)")
      #expect(try Tool.run("train --resume run --quiet --max-steps 1", in: folder).status == 0)
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
        #expect(
          refused.status == 64 && refused.errors.contains("found a place of the run "), "\(refused)"
        )
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

  /// What a killed `--force` has left aside is named by all who read the run, with what to do.
  @Test func aRunThatIsAsideIsNamed() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      try Tool.succeed("\(Self.model)1 --out run", in: folder)
      let (run, manager) = (RunFolder("run", in: folder), FileManager.default)
      let aside = run.path.appending(path: ".replaced-x")
      let names = try manager.contentsOfDirectory(atPath: run.path.path)
      try manager.createDirectory(at: aside, withIntermediateDirectories: false)
      for name in names {
        try manager.moveItem(
          at: run.path.appending(path: name), to: aside.appending(path: name))
      }
      for line in ["info run", "denoise run --out l.h5", "evaluate run", "verify run"] {
        for ranks in [1, 2] {
          let found = try Tool.run(line, ranks: ranks, in: folder)
          #expect(found.status == 65, "\(found)")
          #expect(found.errors.contains("run: found the run aside in .replaced-x"), "\(found)")
          #expect(found.errors.contains("put it back by train --resume run"), "\(found)")
        }
      }
      try Tool.succeed("train --resume run --quiet", in: folder)
      try Tool.succeed("info run --verify", in: folder)
    }
  }

  /// A run owns real files and folders; what leads elsewhere, or is somebody's, stays as it is.
  @Test func placesThatAreNoneAreRefused() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let manager = FileManager.default
      try Tool.succeed("\(Self.model)1 --out run", in: folder)
      func path(_ name: String) -> String { folder.appending(path: name).path }
      try manager.createDirectory(atPath: path("away"), withIntermediateDirectories: false)
      for (name, words) in [
        ("images", "found a symbolic link"), ("checkpoints", "found a symbolic link"),
        ("owner.json", "found a symbolic link"), ("run.json", "found a symbolic link"),
        ("owner.json", "found a directory"), ("run.json", "found a directory"),
        ("config.json", "found a directory"),
        ("owner.json", "found a file that cleave did not write"),
      ] {
        let place = path("z/\(name)")
        try manager.copyItem(atPath: path("run"), toPath: path("z"))
        try? manager.removeItem(atPath: place)
        switch words {
        case "found a symbolic link": #expect(symlink(path("away"), place) == 0)
        case "found a directory": #expect(mkdir(place, 0o755) == 0)
        default: try Data("{\"name\": \"mine\"}".utf8).write(to: URL(filePath: place))
        }
        let before = try contents(of: folder)
        for line in ["train --resume z --quiet", "\(Self.model)1 --out z --force"] {
          let refused = try Tool.run(line, ranks: 2, in: folder)
          #expect(refused.status == 65, "\(refused)")
          #expect(refused.errors.contains("z/\(name): \(words)"), "\(refused)")
        }
        #expect(try contents(of: folder) == before)
        try manager.removeItem(atPath: path("z"))
      }
      // The run as a whole may lie elsewhere.
      try manager.moveItem(atPath: path("run"), toPath: path("away/run"))
      #expect(symlink("away/run", path("run")) == 0)
      try Tool.succeed("train --resume run --quiet", in: folder)
      try Tool.succeed("\(Self.model)1 --out run --force", in: folder)
      #expect(try manager.destinationOfSymbolicLink(atPath: path("run")) == "away/run")
    }
  }

  /// Where no run can be, nothing is made.
  @Test func placesOfOthersAreNoNewRun() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      try Tool.succeed("\(Self.model)1 --out run --max-steps 1", in: folder)
      #expect(symlink("nowhere", folder.appending(path: "link").path) == 0)
      try FileManager.default.createDirectory(
        at: folder.appending(path: "mine"), withIntermediateDirectories: false)
      try Data("{\"name\": \"x\"}".utf8).write(to: folder.appending(path: "mine/owner.json"))
      let before = try contents(of: folder)
      for (out, words) in [
        ("run/images/x", "found a place of the run "), ("run/images", "found a place of the run "),
        ("run/checkpoints/in", "found a place of the run "),
        ("link", "found a symbolic link that leads nowhere"),
        ("link/x", "found a symbolic link that leads nowhere"),
        ("d.h5/x", "found a regular file at d.h5"), ("mine", "that is no run"),
      ] {
        let refused = try Tool.run("\(Self.model)1 --out \(out)", ranks: 2, in: folder)
        #expect(refused.status == 64 && refused.errors.contains(words), "\(out): \(refused)")
      }
      let answer = try Tool.run("denoise run --out run/images/l.h5", in: folder)
      #expect(answer.status == 64 && answer.errors.contains("a place of the run"), "\(answer)")
      #expect(try contents(of: folder) == before)
    }
  }

  /// A run that is taken away under its process ends with one line, and is not begun elsewhere.
  @Test(arguments: [1, 2], [true, false]) func aRunThatIsTakenAwayEnds(
    ranks: Int, isMoved: Bool
  ) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      // Whatever is written next: a picture, a checkpoint, or nothing.
      let line =
        "\(Self.model)6000 --out run --set grid_every=1"
        + (isMoved ? "" : " --set checkpoint_epochs=1000 --set inner_epochs=1000")
      let job = try start(line, ranks: ranks, in: folder)
      try #require(
        job.waits { (try? run.log("step").count) ?? 0 > 20 })
      // A removal in pieces could meet a file that appears behind it.
      try FileManager.default.moveItem(at: run.path, to: folder.appending(path: "moved"))
      if !isMoved { try FileManager.default.removeItem(at: folder.appending(path: "moved")) }
      let end = try job.end(within: 60)
      #expect(end.status == 65 && !end.timedOut, "\(end)")
      let lines = end.errors.split(separator: "\n").filter { $0.hasPrefix("cleave ") }
      #expect(lines.count == 1 && lines[0].contains("run: the run is gone"), "\(end)")
      #expect(!FileManager.default.fileExists(atPath: run.path.path))
    }
  }

  /// What takes the place of the log or of the run's folders under its process is no part of the run.
  @Test(arguments: [1, 2], ["metrics.jsonl", "checkpoints", "images"]) func aPlaceThatIsTakenEnds(
    ranks: Int, place: String
  ) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start(
        "\(Self.model)6000 --out run --set grid_every=1", ranks: ranks, in: folder)
      try #require(job.waits { (try? run.log("step").count) ?? 0 > 20 })
      let (own, other) = (run.path.appending(path: place), folder.appending(path: "other"))
      try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
      try FileManager.default.moveItem(at: own, to: folder.appending(path: "moved"))
      if place != "metrics.jsonl" {
        try FileManager.default.createSymbolicLink(at: own, withDestinationURL: other)
      }
      let end = try job.end(within: 60)
      #expect(end.status == 65 && !end.timedOut, "\(end)")
      let lines = end.errors.split(separator: "\n").filter { $0.hasPrefix("cleave ") }
      #expect(lines.count == 1 && lines[0].contains("run/\(place): found "), "\(end)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: other.path).isEmpty)
    }
  }

  /// An owner that was suspended for so long that another took its place ends, and has changed
  /// nothing.
  @Test(.enabled(if: hasNamespaces, "unshare --pid is not permitted"))
  func anOwnerThatWakesTooLateEnds() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(603, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("\(Self.model)6000 --exact --out run", ranks: 2, in: folder)
      try #require(isUnderWay(job, run))
      let isWriting = job.waits { run.checkpoints.contains { $0.hasSuffix(".partial") } }
      for rank in job.children { kill(rank, SIGSTOP) }
      #expect(isWriting)
      // In another space of process numbers, as on another host, nobody sees the ranks.
      let cleave = Run.products.appending(path: "cleave").path
      let next = try Job(
        "unshare", ["--pid", "--fork", "--mount-proc", cleave, "train", "--resume", "run"],
        in: folder)
      let first = try String(contentsOf: run.path.appending(path: "owner.json"), encoding: .utf8)
      #expect(
        next.waits {
          let now = try? String(contentsOf: run.path.appending(path: "owner.json"), encoding: .utf8)
          return now != nil && now?.prefix(80) != first.prefix(80)
        })
      for rank in job.children { kill(rank, SIGCONT) }
      let end = try job.end()
      #expect(end.status == 1 && end.errors.contains("run: taken over by "), "\(end)")
      let steps = try run.log("step").count
      #expect(next.waits { (try? run.log("step").count) ?? 0 > steps + 20 })
      let trainer = try #require(next.children.first)
      kill(trainer, SIGTERM)
      #expect(try next.end().status == 75)
      let info = try Tool.document("info run --verify --json", in: folder)
      let step = try #require(info["progress"]?["step"]?.integer)
      try Tool.succeed("\(Self.model)6000 --exact --out whole --max-steps \(step)", in: folder)
      #expect(try run.digests() == RunFolder("whole", in: folder).digests())
      #expect(try run.log("step").compactMap { $0["step"]?.integer } == Array(1...step))
      #expect(!run.checkpoints.contains { $0.hasPrefix(".") }, "\(run.checkpoints)")
    }
  }

  private static let hasNamespaces =
    (try? Run.command("unshare", ["--pid", "--fork", "--mount-proc", "true"], limit: 10))?.status
    == 0
}

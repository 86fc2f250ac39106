import Foundation
import TestSupport
import Testing
import Training

/// Jobs that cannot start, and the script that has to answer in spite of them.
@Suite(.serialized) struct StartTests {
  private static let script = TestData.packageRoot.appending(path: "launch/cleave").path
  private static let cleave = Run.products.appending(path: "cleave").path

  private func mpirun(_ line: String, in folder: URL) throws -> Run {
    try Run.command(
      "mpirun",
      ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        + line.split(separator: " ").map(String.init),
      environment: [
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OPENBLAS_NUM_THREADS": "1",
      ], in: folder, limit: 90)
  }

  /// Another program among the ranks is named within a minute; other words are named at once.
  @Test func aWrongMemberIsNamed() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let train = "\(Self.cleave) train demo \(small) --max-steps 2 --out run"
      let asleep = try mpirun("-n 1 \(train) : -n 1 sleep 1000", in: folder)
      #expect(asleep.status == 64 && !asleep.timedOut, "\(asleep)")
      #expect(
        asleep.errors.contains("sleep as rank 1, expected the same program on all ranks"),
        "\(asleep)")
      let words = try mpirun("-n 2 \(train) : -n 1 \(train) --exact", in: folder)
      #expect(words.status == 64 && !words.timedOut, "\(words)")
      #expect(words.errors.contains("rank 2 ("), "\(words)")
      #expect(
        words.errors.contains("found --exact where rank 0 was started with no more words"),
        "\(words)")
      let program = try mpirun(
        "-n 1 \(train) : -n 1 \(Run.products.path)/rank-checks agree", in: folder)
      #expect(program.status == 64 && !program.timedOut, "\(program)")
      #expect(program.errors.contains("found rank-checks where"), "\(program)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "run").path))
    }
  }

  /// Too few descriptors for `mpirun`, which would wait for ever without a word.
  @Test func tooFewDescriptorsAreNamed() throws {
    try withTemporaryFolder { folder in
      for (limit, status, said) in [
        ("-n 32", 74, "found a limit of 32 open files"), ("-Sn 32", 0, ""),
      ] {
        let run = try Run.command(
          "bash", ["-c", "ulimit \(limit); exec \(Self.script) -n 3 presets"], in: folder)
        #expect(run.status == status && !run.timedOut, "\(run)")
        #expect(run.errors.contains(said) || said.isEmpty, "\(run)")
      }
    }
  }

  /// Too little room for the files of `mpirun`.
  @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func aSmallFolderForTemporaryFilesIsNamed() throws {
    try withTemporaryFolder { folder in
      for (bytes, mode, said) in [
        (4 << 20, "rw", "TMPDIR: found 4 MiB free in "),
        (64 << 20, "ro", "TMPDIR: cannot write to "),
      ] {
        let disk = try SmallDisk(bytes: bytes)
        _ = try Run.command("mount", ["-o", "remount,\(mode)", disk.path])
        let run = try Run.command(
          Self.script, ["-n", "2", "presets"], environment: ["TMPDIR": disk.path], in: folder)
        #expect(run.status == 74 && !run.timedOut, "\(run)")
        #expect(run.errors.contains(said) && run.errors.contains(disk.path), "\(run)")
      }
      let disk = try SmallDisk(bytes: 32 << 20)
      let run = try Run.command(
        Self.script, ["-n", "3", "presets"], environment: ["TMPDIR": disk.path], in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: disk.path).allSatisfy {
          !$0.hasPrefix("cleave.")
        })
    }
  }

  /// An `mpirun` that hears nothing ends after one signal, since it has no ranks; with ranks, after
  /// the second one.
  @Test func theScriptAnswers() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let deaf = folder.appending(path: "mpirun")
      try Data(
        "#!/bin/sh\ntrap '' TERM USR1\ntouch \(folder.path)/deaf\nwhile :; do sleep 1; done\n".utf8
      ).write(to: deaf)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: deaf.path)
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      let job = try Job(
        Self.script, ["-n", "2", "presets"], environment: ["PATH": "\(folder.path):\(path)"],
        in: folder)
      try #require(
        job.waits { FileManager.default.fileExists(atPath: folder.path + "/deaf") })
      kill(job.identifier, SIGTERM)
      let end = try job.end(within: 60)
      #expect(end.status == 137 && !end.timedOut, "\(end)")
      #expect(end.errors.contains("mpirun has no ranks here"), "\(end)")

      // Ranks that stand still cannot write a checkpoint.
      let run = RunFolder("run", in: folder)
      let line = "-n 2 train demo \(small) --set outer_iterations=6000 --out run"
      let training = try Job(
        Self.script, line.split(separator: " ").map(String.init), in: folder)
      try #require(training.waits { (try? run.log("step").isEmpty) == false })
      let ranks = descendants(of: training.identifier).filter {
        URL(filePath: "/proc/\($0)/exe").resolvingSymlinksInPath().lastPathComponent == "cleave"
      }
      #expect(ranks.count == 2)
      for rank in ranks { kill(rank, SIGSTOP) }
      kill(training.identifier, SIGTERM)
      usleep(4_000_000)
      #expect(training.isRunning)
      kill(training.identifier, SIGTERM)
      let stopped = try training.end(within: 60)
      #expect(stopped.status != 0 && !stopped.timedOut, "\(stopped)")
      #expect(stopped.errors.contains("asked again: ends the ranks at once"), "\(stopped)")
      let limit = Date(timeIntervalSinceNow: 10)
      while ranks.contains(where: { kill($0, 0) == 0 }) && Date() < limit { usleep(50_000) }
      #expect(!ranks.contains { kill($0, 0) == 0 })
    }
  }

  /// Hosts that no name server knows: mpirun's own status would be 255.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/ssh")))
  func hostsThatCannotBeReached() throws {
    try withTemporaryFolder { folder in
      let end = try Run.command(
        Self.script, ["-H", "a.invalid:1,b.invalid:1", "version"], in: folder)
      #expect(end.status == 1, "\(end)")
      #expect(
        end.errors.contains("launch/cleave: mpirun could not start ranks on the hosts"), "\(end)")
    }
  }

  private func descendants(of process: pid_t) -> [pid_t] {
    let file = "/proc/\(process)/task/\(process)/children"
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    let children = text.split(separator: " ").compactMap { pid_t($0) }
    return children + children.flatMap { descendants(of: $0) }
  }

  // MARK: - Cores

  /// A quota of one core in version 1, in a group above the process's own.
  private static let quotaOfVersion1 = """
    top=/sys/fs/cgroup/cpu; group=$top/cleave-$$
    mkdir -p $group/inner
    trap 'echo $$ >$top/cgroup.procs; rmdir $group/inner $group' EXIT
    echo 100000 >$group/cpu.cfs_quota_us
    echo $$ >$group/inner/cgroup.procs
    """

  /// A quota of one core and a half above a group without one.
  ///
  /// The controller of version 2 may be
  /// away, so files of the same names lie over the groups, in this process's view alone.
  private static let quotaOfVersion2 = """
    top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts); group=cleave-$$
    mkdir -p $top/$group/inner
    echo $$ >$top/$group/inner/cgroup.procs
    trap 'umount $top; echo $$ >$top/cgroup.procs; rmdir $top/$group/inner $top/$group' EXIT
    mount -t tmpfs none $top
    mkdir -p $top/$group/inner
    echo max 100000 >$top/$group/inner/cpu.max
    echo 150000 100000 >$top/$group/cpu.max
    """

  private static func ranks(under quota: String) throws -> Run {
    try Run.command(
      "unshare", ["-m", "bash", "-ec", "\(quota)\n\(script) --dry-run train demo --threads 1"])
  }

  private static func isPermitted(_ quota: String) -> Bool {
    (try? Run.command("unshare", ["-m", "bash", "-ec", quota]))?.status == 0
  }

  @Test(.enabled(if: isPermitted(quotaOfVersion1), "no control groups of version 1 here"))
  func aQuotaOfVersion1Counts() throws {
    let run = try Self.ranks(under: Self.quotaOfVersion1)
    #expect(run.output.contains(" -n 1 "), "\(run)")
  }

  @Test(.enabled(if: isPermitted(quotaOfVersion2), "no control groups of version 2 here"))
  func aQuotaOfVersion2Counts() throws {
    let run = try Self.ranks(under: Self.quotaOfVersion2)
    #expect(run.output.contains(" -n 1 "), "\(run)")
  }

  // MARK: - Terminal

  /// In a terminal the progress line is rewritten in place and within the width, however many ranks
  /// there are.
  @Test(arguments: [[cleave], [script, "-n", "1"], [script, "-n", "2"]])
  func progressStaysInItsLine(program: [String]) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let model = small.replacing(" --quiet", with: "")
      let line =
        "stty cols 50; " + program.joined(separator: " ")
        + " train demo \(model) --set outer_iterations=1 --set inner_epochs=4 --out run"
      for (setting, isLive) in [("TERM=xterm", true), ("TERM=dumb", false)] {
        let run = try Run.command(
          "env", ["-u", "NO_COLOR", setting, "script", "-qec", line, "/dev/null"], in: folder)
        #expect(run.status == 0, "\(run)")
        let lines = run.output.replacing("\r\n", with: "\n").split(separator: "\n")
        let progress = lines.filter { $0.contains("outer 1/1  epoch") }
        #expect(progress.count == (isLive ? 1 : 20), "\(run)")
        for part in progress.flatMap({ $0.split(separator: "\r") }) where isLive {
          #expect(part.count <= 49, "\(part)")
        }
        try FileManager.default.removeItem(at: folder.appending(path: "run"))
      }
    }
  }
}

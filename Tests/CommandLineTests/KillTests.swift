import Foundation
import TestSupport
import Testing
import Training

/// Runs that are killed, or asked to end, at any moment continue from their newest checkpoint.
///
/// They end as if nothing had happened.
@Suite(.serialized) struct KillTests {
  /// A checkpoint every 19 steps, twice at the end of each outer iteration of 38.
  private static let model =
    "demo \(small) --set inner_epochs=2 --set checkpoint_epochs=1 --set outer_iterations="

  /// The number of ranks to kill; `CLEAVE_TEST_KILLS` sets another number.
  private static let kills =
    ProcessInfo.processInfo.environment["CLEAVE_TEST_KILLS"].flatMap { Int($0) } ?? 6

  private func start(_ command: String, in folder: URL) throws -> Job {
    try Job.product(
      "cleave", "train \(command)".split(separator: " ").map(String.init), ranks: 2, in: folder)
  }

  /// Whether both ranks exist and the run's log has one more line than a moment ago.
  private func isUnderWay(_ job: Job, _ run: RunFolder) -> Bool {
    let log = run.path.appending(path: "metrics.jsonl").path
    func state() -> [UInt64] {
      // Before the first line there is no file.
      let found = try? FileManager.default.attributesOfItem(atPath: log)
      return [found?[.systemFileNumber], found?[.size]].map { ($0 as? NSNumber)?.uint64Value ?? 0 }
    }
    let before = state()
    return job.waits { job.children.count == 2 && state() != before && state()[1] > 0 }
  }

  @Test func killedRanksLoseNothing() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      try Tool.succeed("train \(Self.model)6 --out whole", ranks: 2, in: folder)
      let whole = RunFolder("whole", in: folder)
      let (digests, log) = (try whole.digests(), try whole.log())
      var (kills, whileWriting, attempt) = (0, 0, 0)
      while kills < Self.kills {
        attempt += 1
        try #require(attempt <= 4 * Self.kills, "runs end before they can be killed")
        let run = RunFolder("run-\(attempt)", in: folder)
        var command = "\(Self.model)6 --out \(run.name)"
        var ended = false
        while !ended {
          let job = try start(command, in: folder)
          command = "--resume \(run.name) --quiet"
          if kills < Self.kills && isUnderWay(job, run) {
            // Every second kill comes during a checkpoint, the others at any time.
            if kills % 2 == 0 {
              _ = job.waits { run.checkpoints.contains { $0.hasSuffix(".partial") } }
            } else {
              usleep(UInt32.random(in: 0..<600_000))
            }
            if let rank = job.children.randomElement(), kill(rank, SIGKILL) == 0 {
              kills += 1
              if run.checkpoints.contains(where: { $0.hasPrefix(".") }) { whileWriting += 1 }
            }
          }
          let end = try job.end()
          #expect(!end.timedOut, "\(end)")
          ended = end.status == 0
          // The only message is that the other rank misses it.
          let lines = end.errors.split(separator: "\n").filter { $0.hasPrefix("cleave:") }
          #expect(ended || lines.allSatisfy { $0.hasSuffix("on this node, is gone") }, "\(end)")
        }
        #expect(try run.digests() == digests, "after \(kills) kills")
        #expect(try run.log() == log, "after \(kills) kills")
        #expect(!run.checkpoints.contains { $0.hasPrefix(".") }, "\(run.checkpoints)")
      }
      print("\(kills) ranks killed, \(whileWriting) while a checkpoint was written")
      #expect(whileWriting > 0)
    }
  }

  /// A rank that is asked to end makes the other ranks end, and `mpirun` returns their status.
  @Test(arguments: [SIGTERM, SIGUSR1], [0, 1]) func askedToEndARunLeavesACheckpoint(
    signal: Int32, rank: Int
  ) throws {
    try expectResumable(
      { job in
        let ranks = job.children
        try #require(ranks.count == 2)
        kill(ranks[rank], signal)
      }, status: { $0 == 75 })
  }

  /// A run that would take minutes ends in time, with a checkpoint for a resume.
  @Test func aTimeLimitIsKept() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let started = Date()
      let end = try start("\(Self.model)6000 --out run --time-limit 0.15", in: folder).end()
      #expect(end.status == 75 && -started.timeIntervalSinceNow < 60, "\(end)")
      let step = try RunFolder("run", in: folder).log("step").count
      #expect(step > 0)
      let next = try Tool.run(
        "train --resume run --quiet --stop-after-step \(step + 2)", ranks: 2, in: folder)
      #expect(next.status == 75, "\(next)")
    }
  }

  /// Open MPI's `mpirun` answers SIGTERM with its own status, after it has asked the ranks to end.
  @Test func theWholeJobCanBeAskedToEnd() throws {
    try expectResumable({ kill($0.identifier, SIGTERM) }, status: { $0 != 0 })
    try expectResumable({ kill($0.identifier, SIGUSR1) }, status: { $0 == 75 })
  }

  private func expectResumable(_ ask: (Job) throws -> Void, status: (Int32) -> Bool) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let run = RunFolder("run", in: folder)
      let job = try start("\(Self.model)60 --out run --set checkpoint_epochs=0", in: folder)
      try #require(isUnderWay(job, run))
      try ask(job)
      let end = try job.end()
      #expect(status(end.status) && !end.timedOut, "\(end)")
      let info = try Tool.document("info run --json --verify", in: folder)
      let step = try #require(info["progress"]?["step"]?.number)
      #expect(try run.log("step").count == Int(step))
      let next = try Tool.run(
        "train --resume run --quiet --stop-after-step \(Int(step) + 2)", ranks: 2, in: folder)
      #expect(next.status == 75, "\(next)")
      #expect(try run.log("step").count == Int(step) + 2)
    }
  }
}

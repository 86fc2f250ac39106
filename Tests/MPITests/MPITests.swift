import MPI
import Support
import TestSupport
import Testing

/// MPI in a single process, without any MPI call.
@Suite struct LoneCommunicatorTests {
  @Test func everyOperationIsTheIdentity() throws {
    let alone = Communicator.alone()
    #expect([alone.rank, alone.size] == [0, 1])
    #expect(alone.isRoot && !alone.hostName.isEmpty)
    try alone.barrier()
    #expect(try alone.broadcast("text") == "text")
    #expect(try alone.broadcast([1, 2]) == [1, 2])
    #expect(try alone.gather([UInt8(7)]) == [[7]])
    #expect(try alone.gather([Float(7)]) == [7])
    #expect(try alone.scatter([1, 2, 3], counts: [3]) == [1, 2, 3])
    #expect(try alone.allGather("a") == ["a"])
    #expect(try alone.allGather([1.5, 2.5]) == [1.5, 2.5])
    for reduction in [Reduction.sum, .max, .min] {
      var values = [3.0, -1]
      try alone.allReduce(&values, reduction)
      #expect(values == [3, -1])
    }
    #expect(try alone.onThisHost().size == 1)
    #expect(try alone.duplicate().size == 1)
    #expect(try alone.processorCount() >= 1)
  }

  @Test func agreementThrowsTheErrorItself() throws {
    struct Broken: Error, Equatable {}
    #expect(throws: Broken()) { try Communicator.alone().agree { throw Broken() } }
    #expect(try Communicator.alone().agree { 5 } == 5)
  }

  @Test func statusComesFromTheErrorOrIsOne() {
    struct Plain: Error {}
    struct Usage: ExitStatusError { let exitStatus: Int32 = 64 }
    #expect(exitStatus(of: Plain()) == 1)
    #expect(exitStatus(of: Usage()) == 64)
  }
}

/// MPI between real ranks.
@Suite(.serialized) struct RankTests {
  @Test(arguments: 1...4) func collectives(ranks: Int) throws {
    let run = try Run.product("rank-checks", ["collectives", "\(ranks)"], ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: ["agree", "messages", "window"], 1...4)
  func check(name: String, ranks: Int) throws {
    let run = try Run.product("rank-checks", [name], ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test func startsAloneWithoutLauncher() throws {
    let run = try Run.product("rank-checks", ["collectives", "1"], limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: 1...4) func agreedFailureIsSaidOnceByRankZero(ranks: Int) throws {
    let run = try Run.product("rank-checks", ["agreed-failure"], ranks: ranks, limit: 60)
    #expect(run.status == 65 && !run.timedOut, "\(run)")
    let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("rank-checks: ") }
    #expect(lines.count == 1, "\(run)")
    #expect(lines.first?.hasSuffix("no such file: x.h5") == true, "\(run)")
    #expect(lines.first?.contains("rank \(ranks - 1) (") == (ranks > 1), "\(run)")
    #expect(!run.errors.contains("MPI_ABORT"), "\(run)")
  }

  @Test(arguments: 1...4) func commonFailureNamesNoRank(ranks: Int) throws {
    let run = try Run.product("rank-checks", ["common-failure"], ranks: ranks, limit: 60)
    #expect(run.status == 65 && !run.timedOut, "\(run)")
    let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("rank-checks: ") }
    #expect(lines == ["rank-checks: the file is damaged"], "\(run)")
  }

  @Test(arguments: 1...4) func oneFailingRankEndsTheJob(ranks: Int) throws {
    let run = try Run.product("rank-checks", ["lone-failure"], ranks: ranks, limit: 60)
    #expect(run.status == 7 && !run.timedOut, "\(run)")
    #expect(run.errors.contains("this rank alone"), "\(run)")
  }

  @Test func unconnectedTasksAreRefused() throws {
    let slurm: [String: String?] = ["SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4"]
    let run = try Run.product("rank-checks", ["collectives"], environment: slurm, limit: 60)
    #expect(run.status == 64, "\(run)")
    #expect(run.errors.contains("--mpi=pmix"), "\(run)")
  }
}

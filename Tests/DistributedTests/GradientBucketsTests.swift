import Distributed
import MPI
import TestSupport
import Testing

/// Gradient buckets of a single rank, in this process.
@Suite struct LoneBucketsTests {
  @Test func aBucketIsUpdatedAsSoonAsItsSlotsAreReady() throws {
    let buckets = try GradientBuckets(
      slots: (0..<4).map { ParameterSlot(name: "w\($0)", group: $0 / 2, count: 100) },
      laneCount: 8, exact: false, on: .alone(), bucketFloats: 64)
    #expect(buckets.buckets.count == 8 && buckets.microbatches == 1 && buckets.localLanes == 0..<8)
    var updated: [Int] = []
    buckets.begin(groups: 0b10) { bucket, piece, values, gradient in
      updated.append(bucket)
      for index in 0..<piece.count { values[index] -= gradient[index] }
    }
    buckets.gradient(microbatch: 0).update(repeating: 2, count: buckets.count)
    buckets.ready(slot: 3, microbatch: 0)
    #expect(updated.sorted() == [6, 7])
    buckets.ready(slot: 1, microbatch: 0)  // does not belong to this phase
    #expect(updated.count == 2)
    try buckets.finish()  // slot 2 was not ready: its gradient is zero
    #expect(updated.sorted() == [4, 5, 6, 7])
    #expect(buckets.values[buckets.offset(of: 3)] == -2)
    #expect(buckets.values[buckets.offset(of: 2)] == 0)
    #expect(buckets.values[buckets.offset(of: 0)] == 0)
  }

  @Test func moreRanksThanLanesSaysWhatToSet() {
    let error = DistributedError.moreRanksThanLanes(16, 8)
    #expect(error.description.contains("lanes=16") && error.exitStatus == 64)
  }
}

/// Gradient buckets of real ranks, on every path.
@Suite(.serialized) struct RankBucketsTests {
  private static let sumChecks: [[String]] =
    ["window", "messages", "allreduce"].map { ["fast-sums", $0] }
    + ["window", "messages"].map { ["exact-sums", $0] }

  /// Sums equal their definition bit for bit; in exact mode for any number of ranks.
  @Test(arguments: sumChecks, 1...4) func sums(check: [String], ranks: Int) throws {
    let run = try Run.product("rank-checks", check, ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: ["window", "messages"]) func exactSumsWithARankForEachLane(path: String) throws {
    let run = try Run.product("rank-checks", ["exact-sums", path], ranks: 8, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: ["window", "messages", "allreduce"], 1...4)
  func ownedStateGoesToOneArrayAndBack(path: String, ranks: Int) throws {
    let run = try Run.product("rank-checks", ["owned-state", path], ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: ["window", "messages", "allreduce"], 2...4)
  func manyPhasesWithRanksOutOfStep(path: String, ranks: Int) throws {
    let run = try Run.product("rank-checks", ["random-phases", path], ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test(arguments: ["window", "messages", "allreduce"], 2...4)
  func aRankFailingWithinAPhaseEndsTheJob(path: String, ranks: Int) throws {
    let run = try Run.product("rank-checks", ["fail-in-phase", path], ranks: ranks, limit: 60)
    #expect(run.status == 3 && !run.timedOut, "\(run)")
    #expect(run.errors.contains("judge.weight"), "\(run)")
  }

  @Test(arguments: 1...4) func sumsOverLanesDoNotKnowTheRanks(ranks: Int) throws {
    let run = try Run.product("rank-checks", ["lane-sums"], ranks: ranks, limit: 60)
    #expect(run.status == 0, "\(run)")
  }

  @Test func moreRanksThanLanesIsAnErrorOfAllRanks() throws {
    let run = try Run.product("rank-checks", ["too-many-ranks"], ranks: 2, limit: 60)
    #expect(run.status == 64 && !run.timedOut, "\(run)")
    #expect(run.errors.contains("2 ranks for 1 lanes"), "\(run)")
  }
}

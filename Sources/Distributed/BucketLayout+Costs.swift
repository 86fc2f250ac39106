/// Memory and traffic of a number of ranks, known without starting them.
extension BucketLayout {
  /// For each rank, the number of its gradient buffers of `count` floats.
  public func gradientBuffers(laneCount: Int, exact: Bool, ranks: Int) -> [Int] {
    let tree = LaneTree(laneCount: laneCount)
    return (0..<ranks).map {
      ReductionPlan(layout: self, tree: tree, exact: exact, rank: $0, size: ranks).bufferCount
    }
  }

  /// Bytes that all ranks together exchange in a phase that updates `groups`.
  ///
  /// The partial sums of each rank go to the owners of slices. Each updated slice goes to all other
  /// ranks. Ranks of one host read it in shared memory; ranks of other hosts get messages.
  public func bytesExchanged(groups: UInt64, laneCount: Int, exact: Bool, ranks: Int) -> Int {
    guard ranks > 1 else { return 0 }
    let plan = ReductionPlan(
      layout: self, tree: LaneTree(laneCount: laneCount), exact: exact, rank: 0, size: ranks)
    let sums = plan.rootsOfRank.map(\.count)
    let allSums = sums.reduce(0, +)
    var floats = 0
    for (index, bucket) in buckets.enumerated() where groups >> UInt64(bucket.group) & 1 == 1 {
      for owner in 0..<ranks {
        let slice = slice(of: index, rank: owner, size: ranks).count
        floats += slice * (allSums - sums[owner] + ranks - 1)
      }
    }
    return floats * MemoryLayout<Float>.size
  }
}

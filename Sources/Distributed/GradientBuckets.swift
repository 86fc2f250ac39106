import MPI
import Support

/// The flat arrays of a model's values and gradients, cut into buckets whose sums over all ranks
/// are formed, and whose values are updated, while backward still runs.
///
/// Each rank owns a slice of every bucket: it alone holds the optimizer's state for it and updates
/// it. A step has one or more phases, each of which updates some groups of parameters:
///
///     buckets.begin(groups: mask, update: update)
///     for pass in 0..<buckets.passes {
///       let gradient = buckets.gradient(pass: pass)
///       // backward writes block b at gradient + offset(of: b), then calls ready(block:pass:)
///     }
///     try buckets.finish()
///
/// The reduced gradient is the sum over all ranks and lanes. Fast mode has one pass a phase, over
/// all lanes of the rank, and adds in rank order; exact mode has one pass a lane and adds along the
/// ``LaneTree``, so that the sum does not depend on the number of ranks. A bucket goes from
/// *cleared* (`begin`) to *ready* (this rank is done with it), *in flight* (others are not) and
/// *updated*.
public final class GradientBuckets {
  /// How gradients travel.
  public enum Path: String, CaseIterable, Sendable {
    /// Shared memory where all ranks are on one node and can have it, else messages.
    case automatic
    /// An MPI-3 shared window; all ranks on one node.
    case sharedWindow = "window"
    /// Point-to-point messages.
    case messages
    /// `MPI_Allreduce` of whole gradients after backward, for comparison; fast mode only.
    case allReduce = "allreduce"
  }

  /// Where blocks and buckets lie.
  public let layout: BucketLayout
  /// The path in use; `automatic` where one rank alone needs none.
  public let path: Path
  /// Why ``Path/automatic`` did not give the shared window; nil where nothing stood in its way.
  public let pathReason: String?
  /// The lanes this rank owns.
  public let localLanes: Range<Int>
  /// The gradients of this rank in a phase: 1 in fast mode, one a lane in exact mode.
  public let passes: Int

  let communicator: Communicator
  let transport: any Transport
  private let owned: OwnedSlices
  private let schedule: LaneTree.Schedule
  /// For each pass, what adds it to the passes before it.
  private let passSums: [SliceSum?]
  private let passInputs: UnsafeMutablePointer<UnsafePointer<Float>>
  private(set) var isInPhase = false
  private var groups: UInt64 = 0
  /// The buckets of this phase, in layout order.
  private var active: [Int] = []
  private var pass = 0
  /// For each block, the passes of this phase in which it became ready.
  private var passesOfBlock: [Int]
  /// For each bucket, the blocks that are not ready in this pass.
  private var missing: [Int]
  private var failure: (any Error)?

  /// Prepares the arrays; values and gradients are zero.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - blocks: the parameters in forward order, the same on every rank.
  ///   - laneCount: the lanes of the run, a power of two.
  ///   - exact: whether sums must not depend on the number of ranks.
  ///   - communicator: the ranks that train together.
  ///   - path: how gradients travel.
  ///   - bucketFloats: the size buckets aim for.
  /// - Throws: `DistributedError` if ranks outnumber lanes or the path cannot be had; `MPIError`;
  ///   `AgreedError`.
  public init(
    blocks: [ParameterBlock], laneCount: Int, exact: Bool, on communicator: Communicator,
    path: Path = .automatic, bucketFloats: Int = BucketLayout.bucketFloats
  ) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    guard size <= laneCount else { throw DistributedError.moreRanksThanLanes(size, laneCount) }
    let layout = BucketLayout(blocks, bucketFloats: bucketFloats)
    let tree = LaneTree(laneCount: laneCount)
    let plan = ReductionPlan(layout: layout, tree: tree, exact: exact, rank: rank, size: size)
    let isReplicated = path == .allReduce
    let owned = OwnedSlices(
      layout.buckets.indices.map {
        isReplicated
          ? layout.buckets[$0].range : layout.slice(of: $0, rank: rank, size: size)
      })
    (transport, self.path, pathReason) = try Self.connect(
      plan, owned: owned, exact: exact, on: communicator, path: path)
    self.layout = layout
    self.owned = owned
    self.communicator = communicator
    schedule = plan.schedule
    localLanes = tree.lanes(of: rank, of: size)
    passes = plan.schedule.buffers.count
    passSums = plan.schedule.sums.map { buffers in
      buffers.count > 1 ? SliceSum(SliceSum.fromTheRight(buffers.count)) : nil
    }
    passInputs = .allocate(capacity: plan.schedule.sums.map(\.count).max() ?? 1)
    passesOfBlock = Array(repeating: 0, count: blocks.count)
    missing = layout.buckets.map(\.blocks.count)
  }

  private static func connect(
    _ plan: ReductionPlan, owned: OwnedSlices, exact: Bool, on communicator: Communicator,
    path: Path
  ) throws -> (any Transport, Path, String?) {
    guard communicator.size > 1 else {
      return (LocalTransport(plan, owned: owned), .automatic, nil)
    }
    switch path {
    case .allReduce:
      guard !exact else { throw DistributedError.plainReductionIsNotExact }
      return (try AllReduceTransport(plan, owned: owned, on: communicator), path, nil)
    case .messages:
      return (try MessageTransport(plan, owned: owned, on: communicator), path, nil)
    case .automatic, .sharedWindow:
      let node = try communicator.splitByNode()
      var isWhole = [Int64(node.size == communicator.size ? 1 : 0)]
      try communicator.allReduce(&isWhole, .min)
      guard isWhole[0] == 1 else {
        guard path == .automatic else { throw DistributedError.severalNodes }
        return (
          try MessageTransport(plan, owned: owned, on: communicator), .messages,
          DistributedError.severalNodes.description
        )
      }
      do {
        return (try WindowTransport(plan, owned: owned, on: node), .sharedWindow, nil)
      } catch let error as AgreedError where path == .automatic && error.rankCount == node.size {
        return (
          try MessageTransport(plan, owned: owned, on: communicator), .messages, error.description
        )
      }
    }
  }

  /// The weights as this rank sees them, `count` floats; shared by the ranks of a node on the
  /// window path.
  ///
  /// Only an update writes them, in its slice, or ``publishValues(_:)``.
  public var values: UnsafeMutablePointer<Float> { transport.values }

  /// The length of the flat arrays, padding included.
  ///
  /// Padding stays zero.
  public var count: Int { layout.count }

  /// The buckets, in layout order.
  public var buckets: [Bucket] { layout.buckets }

  /// Where a block starts in the values and in a gradient.
  public func offset(of block: Int) -> Int { layout.offsets[block] }

  /// This rank's slice of a bucket, as a range of the flat array; it may be empty.
  public func owned(bucket: Int) -> Range<Int> { owned.ranges[bucket] }

  /// Starts a phase that updates the groups whose bits are set in `groups`.
  ///
  /// Every rank must run the same phases in the same order. `update` is called once for every slice
  /// of those groups that this rank owns, from ``ready(block:pass:)``, ``progress()`` or
  /// ``finish()``.
  public func begin(groups: UInt64, update: @escaping SliceUpdate) {
    precondition(!isInPhase, "a phase begins before the last one finished")
    isInPhase = true
    self.groups = groups
    owned.update = update
    pass = 0
    active.removeAll(keepingCapacity: true)
    for index in layout.buckets.indices where isActive(layout.buckets[index].group) {
      active.append(index)
      missing[index] = layout.buckets[index].blocks.count
    }
    for block in passesOfBlock.indices { passesOfBlock[block] = 0 }
    attempt { try transport.begin(active) }
  }

  private func isActive(_ group: Int) -> Bool { groups >> UInt64(group) & 1 == 1 }

  /// Where backward of pass `pass` writes the gradient, `count` floats.
  ///
  /// Call it before the pass writes anything.
  ///
  /// What lies there is stale: the first contribution to a block overwrites, later ones add. A
  /// block of the phase that does not become ready in a pass counts as zero.
  public func gradient(pass: Int) -> UnsafeMutablePointer<Float> {
    precondition((0..<passes).contains(pass), "pass \(pass) of \(passes)")
    while self.pass < pass { closePass() }
    return transport.buffer(schedule.buffers[pass])
  }

  /// Says that a block's gradient of this pass is final, and that the pass reads the block's values
  /// no more.
  ///
  /// Makes progress on finished buckets without waiting. Blocks of other groups are ignored.
  public func ready(block: Int, pass: Int) {
    precondition(isInPhase, "a gradient outside of a phase")
    guard isActive(layout.blocks[block].group) else { return }
    precondition(
      pass == self.pass && passesOfBlock[block] == pass,
      "block \(layout.blocks[block].name) is ready twice or in the wrong pass")
    markReady(block)
    Activity.advance()
    attempt { try transport.progress() }
  }

  /// Makes progress on finished buckets without waiting; for long stretches of backward without
  /// ``ready(block:pass:)``.
  public func progress() { attempt { try transport.progress() } }

  /// Returns when every slice of the phase is updated and every rank sees the new values.
  ///
  /// **Collective.**
  ///
  /// - Throws: `MPIError` if a message failed in this phase.
  public func finish() throws {
    precondition(isInPhase, "a phase finishes before it begins")
    while pass < passes { closePass() }
    if let failure { throw failure }
    try Activity.waiting(for: "gradients", bucket: transport.firstInFlight ?? -1) {
      try transport.finish(active)
    }
    isInPhase = false
    owned.update = nil
  }

  private func markReady(_ block: Int) {
    passesOfBlock[block] += 1
    for bucket in layout.bucketsOfBlock[block] {
      missing[bucket] -= 1
      if missing[bucket] == 0 { complete(bucket) }
    }
  }

  /// Ends the present pass: what did not become ready in it counts as zero.
  private func closePass() {
    let gradient = transport.buffer(schedule.buffers[pass])
    for block in layout.blocks.indices
    where isActive(layout.blocks[block].group) && passesOfBlock[block] == pass {
      (gradient + layout.offsets[block]).update(repeating: 0, count: layout.blocks[block].count)
      markReady(block)
    }
    pass += 1
  }

  /// A bucket's gradient of the present pass is whole.
  private func complete(_ bucket: Int) {
    let range = layout.buckets[bucket].range
    let buffers = schedule.sums[pass]
    if let sum = passSums[pass] {
      for (index, buffer) in buffers.enumerated() {
        passInputs[index] = UnsafePointer(transport.buffer(buffer) + range.lowerBound)
      }
      sum.sum(
        passInputs, count: range.count, into: transport.buffer(buffers[0]) + range.lowerBound)
    }
    if pass == passes - 1 {
      attempt { try transport.post(bucket) }
    } else {
      missing[bucket] = layout.buckets[bucket].blocks.count
    }
  }

  /// Keeps the first error for ``finish()``, as backward cannot throw.
  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
  }

  deinit { passInputs.deallocate() }

  /// Gives shared memory back before MPI ends.
  ///
  /// The buckets cannot be used afterwards.
  ///
  /// **Collective.**
  public func release() throws { try transport.release() }
}

import MPI
import Support

/// The flat arrays of a model's values and gradients, cut into buckets.
///
/// A bucket is summed over all ranks and updated while backward still runs. Each rank owns a slice
/// of every bucket: only the owner holds the slice's optimizer state and updates the slice. A step
/// has one or more phases; each phase updates some groups of parameters:
///
///     buckets.begin(groups: mask, update: update)
///     for microbatch in 0..<buckets.microbatches {
///       let gradient = buckets.gradient(microbatch: microbatch)
///       // backward writes slot b at gradient + offset(of: b), then calls ready(slot:microbatch:)
///     }
///     try buckets.finish()
///
/// The reduced gradient is the sum over all ranks and lanes. A microbatch goes through backward as
/// a whole.
///
/// - Fast mode: one microbatch for each phase, with all lanes of the rank. Sums are in rank order.
/// - Exact mode: one microbatch for each lane. Sums follow the ``LaneTree``, so they do not depend
///   on the number of ranks.
///
/// The states of a bucket are *cleared* (`begin`), *ready* (this rank has finished it), *in flight*
/// (other ranks have not finished it) and *updated*.
public final class GradientBuckets {
  /// The way of gradients between ranks.
  public enum Path: String, CaseIterable, Sendable {
    /// Shared memory if all ranks are on one host and can share memory, else messages.
    case automatic
    /// An MPI-3 shared window; all ranks must be on one host.
    case sharedWindow = "window"
    /// Point-to-point messages.
    case messages
    /// `MPI_Allreduce` of whole gradients after backward, for comparison; fast mode only.
    case allReduce = "allreduce"
  }

  /// The layout of parameter slots and buckets.
  public let layout: BucketLayout
  /// The path in use; `automatic` for a single rank, which needs no path.
  public let path: Path
  /// Why ``Path/automatic`` did not choose the shared window; nil if it could.
  public let pathReason: String?
  /// The lanes this rank owns.
  public let localLanes: Range<Int>
  /// The microbatches of this rank in a phase: 1 in fast mode, one for each lane in exact mode.
  public let microbatches: Int

  let communicator: Communicator
  let transport: any Transport
  private let owned: OwnedSlices
  private let schedule: LaneTree.Schedule
  /// For each microbatch, the sum that adds it to earlier microbatches.
  private let microbatchSums: [SliceSum?]
  private let sumInputs: UnsafeMutablePointer<UnsafePointer<Float>>
  private(set) var isInPhase = false
  private var groups: UInt64 = 0
  /// The buckets of this phase, in layout order.
  private var active: [Int] = []
  private var microbatch = 0
  /// For each parameter slot, the number of this phase's microbatches that made it ready.
  private var microbatchesOfSlot: [Int]
  /// For each bucket, the number of its slots that are not ready in this microbatch.
  private var missing: [Int]
  private var failure: (any Error)?

  /// The usual most floats of a message between hosts.
  public static let usualMessageFloats = MessageTransport.usualFloats

  /// Prepares the arrays; values and gradients are zero.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - slots: the parameters in forward order, equal on every rank.
  ///   - laneCount: the lanes of the run, a power of two.
  ///   - exact: whether sums must be independent of the number of ranks.
  ///   - communicator: the ranks that train together.
  ///   - path: the way of gradients between ranks.
  ///   - bucketFloats: the intended floats of a bucket.
  ///   - messageFloats: the most floats of a message between hosts; results do not depend on it.
  /// - Throws: `DistributedError` if there are more ranks than lanes or the path is impossible;
  ///   `MPIError`; `AgreedError`.
  public init(
    slots: [ParameterSlot], laneCount: Int, exact: Bool, on communicator: Communicator,
    path: Path = .automatic, bucketFloats: Int = BucketLayout.bucketFloats,
    messageFloats: Int = usualMessageFloats
  ) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    guard size <= laneCount else { throw DistributedError.moreRanksThanLanes(size, laneCount) }
    let layout = BucketLayout(slots, bucketFloats: bucketFloats)
    let tree = LaneTree(laneCount: laneCount)
    let plan = ReductionPlan(layout: layout, tree: tree, exact: exact, rank: rank, size: size)
    let isReplicated = path == .allReduce
    let owned = OwnedSlices(
      layout.buckets.indices.map {
        isReplicated
          ? layout.buckets[$0].range : layout.slice(of: $0, rank: rank, size: size)
      })
    (transport, self.path, pathReason) = try Self.connect(
      plan, owned: owned, exact: exact, on: communicator, path: path, messageFloats)
    self.layout = layout
    self.owned = owned
    self.communicator = communicator
    schedule = plan.schedule
    localLanes = tree.lanes(of: rank, of: size)
    microbatches = plan.schedule.buffers.count
    microbatchSums = plan.schedule.sums.map { buffers in
      buffers.count > 1 ? SliceSum(SliceSum.fromTheRight(buffers.count)) : nil
    }
    sumInputs = .allocate(capacity: plan.schedule.sums.map(\.count).max() ?? 1)
    microbatchesOfSlot = Array(repeating: 0, count: slots.count)
    missing = layout.buckets.map(\.slots.count)
  }

  private static func connect(
    _ plan: ReductionPlan, owned: OwnedSlices, exact: Bool, on communicator: Communicator,
    path: Path, _ messageFloats: Int
  ) throws -> (any Transport, Path, String?) {
    func messages() throws -> MessageTransport {
      try MessageTransport(plan, owned: owned, on: communicator, messageFloats: messageFloats)
    }
    guard communicator.size > 1 else {
      return (LocalTransport(plan, owned: owned), .automatic, nil)
    }
    switch path {
    case .allReduce:
      guard !exact else { throw DistributedError.plainReductionIsNotExact }
      return (try AllReduceTransport(plan, owned: owned, on: communicator), path, nil)
    case .messages:
      return (try messages(), path, nil)
    case .automatic, .sharedWindow:
      let node = try communicator.onThisHost()
      var isWhole = [Int64(node.size == communicator.size ? 1 : 0)]
      try communicator.allReduce(&isWhole, .min)
      guard isWhole[0] == 1 else {
        guard path == .automatic else { throw DistributedError.severalNodes }
        return (try messages(), .messages, DistributedError.severalNodes.description)
      }
      do {
        return (try WindowTransport(plan, owned: owned, on: node), .sharedWindow, nil)
      } catch let error as AgreedError where path == .automatic && error.rankCount == node.size {
        return (try messages(), .messages, error.description)
      }
    }
  }

  /// The values as this rank sees them, `count` floats; outside of a phase, all are there.
  ///
  /// Within a phase, ``waitForValues(of:)`` says when those of a slot are there. On the window path,
  /// ranks of one host share the values. Only an update of an owned slice or ``publishValues(_:)``
  /// writes them.
  public var values: UnsafeMutablePointer<Float> {
    if !isInPhase { attempt { try settle() } }
    return transport.values
  }

  /// Returns when the values of a slot, as the last phase left them, are there; moves messages on.
  public func waitForValues(of slot: Int) {
    attempt {
      for bucket in layout.bucketsOfSlot[slot] { try transport.waitForValues(of: bucket) }
      try transport.advanceMessages()
    }
  }

  /// Returns when all values are there and those of this rank were sent.
  ///
  /// - Throws: `MPIError` if a message failed.
  public func settle() throws {
    if let failure { throw failure }
    try Activity.waiting(for: "weights") { try transport.settle() }
  }

  /// The length of the flat arrays, including padding.
  ///
  /// Padding stays zero.
  public var count: Int { layout.count }

  /// The buckets, in layout order.
  public var buckets: [Bucket] { layout.buckets }

  /// Where a slot starts in the values and in a gradient.
  public func offset(of slot: Int) -> Int { layout.offsets[slot] }

  /// This rank's slice of a bucket, as a range of the flat array; it may be empty.
  public func owned(bucket: Int) -> Range<Int> { owned.ranges[bucket] }

  /// Starts a phase that updates the groups with bits in `groups`.
  ///
  /// Every rank must run the same phases in the same order. `update` is called once for every slice
  /// of these groups that this rank owns. ``ready(slot:microbatch:)``, ``advanceMessages()`` or
  /// ``finish()`` calls it.
  public func begin(groups: UInt64, update: @escaping SliceUpdate) {
    precondition(!isInPhase, "a phase begins before the last one finished")
    isInPhase = true
    self.groups = groups
    owned.update = update
    microbatch = 0
    active.removeAll(keepingCapacity: true)
    for index in layout.buckets.indices where isActive(layout.buckets[index].group) {
      active.append(index)
      missing[index] = layout.buckets[index].slots.count
    }
    for slot in microbatchesOfSlot.indices { microbatchesOfSlot[slot] = 0 }
    attempt { try transport.begin(active) }
  }

  private func isActive(_ group: Int) -> Bool { groups >> UInt64(group) & 1 == 1 }

  /// The memory for the gradient of a microbatch, `count` floats.
  ///
  /// Call it before backward writes anything. The content is old: the first contribution
  /// to a slot overwrites, later contributions add. A slot of the phase that does not become
  /// ready in a microbatch counts as zero.
  public func gradient(microbatch: Int) -> UnsafeMutablePointer<Float> {
    precondition(
      (0..<microbatches).contains(microbatch), "microbatch \(microbatch) of \(microbatches)")
    while self.microbatch < microbatch { closeMicrobatch() }
    return transport.buffer(schedule.buffers[microbatch])
  }

  /// Says that a slot's gradient of this microbatch is final.
  ///
  /// Backward must not read the slot's values after that. The call moves finished buckets
  /// on without waiting. Slots of other groups are ignored.
  public func ready(slot: Int, microbatch: Int) {
    precondition(isInPhase, "a gradient outside of a phase")
    guard isActive(layout.slots[slot].group) else { return }
    precondition(
      microbatch == self.microbatch && microbatchesOfSlot[slot] == microbatch,
      "slot \(layout.slots[slot].name) is ready twice or in the wrong microbatch")
    markReady(slot)
    Activity.advance()
    attempt { try transport.advanceMessages() }
  }

  /// Moves finished buckets on without waiting.
  ///
  /// Call it in long parts of backward without ``ready(slot:microbatch:)``.
  public func advanceMessages() { attempt { try transport.advanceMessages() } }

  /// Returns when this rank's slices of the phase are updated; ``values`` and
  /// ``waitForValues(of:)`` wait for those of other ranks.
  ///
  /// **Collective.**
  ///
  /// - Parameter beforeValues: what shall not stand in line behind the values between hosts.
  /// - Throws: `MPIError` if a message failed; errors of `beforeValues`.
  public func finish(beforeValues: () throws -> Void = {}) throws {
    precondition(isInPhase, "a phase finishes before it begins")
    while microbatch < microbatches { closeMicrobatch() }
    if let failure { throw failure }
    try Activity.waiting(for: "gradients", bucket: transport.firstInFlight ?? -1) {
      try transport.finish(active)
    }
    try beforeValues()
    try transport.sendValues()
    isInPhase = false
    owned.update = nil
  }

  private func markReady(_ slot: Int) {
    microbatchesOfSlot[slot] += 1
    for bucket in layout.bucketsOfSlot[slot] {
      missing[bucket] -= 1
      if missing[bucket] == 0 { complete(bucket) }
    }
  }

  /// Ends the present microbatch; slots that are not ready count as zero.
  private func closeMicrobatch() {
    let gradient = transport.buffer(schedule.buffers[microbatch])
    for slot in layout.slots.indices
    where isActive(layout.slots[slot].group) && microbatchesOfSlot[slot] == microbatch {
      (gradient + layout.offsets[slot]).update(repeating: 0, count: layout.slots[slot].count)
      markReady(slot)
    }
    microbatch += 1
  }

  /// Hands a bucket on when its gradient of the present microbatch is complete.
  private func complete(_ bucket: Int) {
    let range = layout.buckets[bucket].range
    let buffers = schedule.sums[microbatch]
    if let sum = microbatchSums[microbatch] {
      for (index, buffer) in buffers.enumerated() {
        sumInputs[index] = UnsafePointer(transport.buffer(buffer) + range.lowerBound)
      }
      sum.sum(
        sumInputs, count: range.count, into: transport.buffer(buffers[0]) + range.lowerBound)
    }
    if microbatch == microbatches - 1 {
      attempt { try transport.post(bucket) }
    } else {
      missing[bucket] = layout.buckets[bucket].slots.count
    }
  }

  /// Keeps the first error for ``finish()``, because backward cannot throw.
  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
  }

  deinit { sumInputs.deallocate() }

  /// Gives shared memory back before MPI ends.
  ///
  /// The buckets must not be used after the call.
  ///
  /// **Collective.**
  public func release() throws { try transport.release() }
}

import MPI

/// The agreement between a transport and the buckets before the first step.
struct ReductionPlan {
  let layout: BucketLayout
  /// For each rank, the buffers of its final partial sums, in the order of addition.
  let rootsOfRank: [[Int]]
  /// How the partial sums of all ranks are added.
  let program: [SliceSum.Step]
  /// The number of gradient buffers of this rank.
  let bufferCount: Int
  /// How this rank adds its own microbatches.
  let schedule: LaneTree.Schedule

  /// The plan of rank `rank` of `size`.
  ///
  /// Fast mode adds one gradient for each rank in rank order. Exact mode adds the gradients of
  /// lanes along the tree.
  init(layout: BucketLayout, tree: LaneTree, exact: Bool, rank: Int, size: Int) {
    self.layout = layout
    if exact {
      let lanes = (0..<size).map { tree.lanes(of: $0, of: size) }
      schedule = tree.schedule(for: lanes[rank])
      rootsOfRank = lanes.map { tree.schedule(for: $0).roots }
      program = tree.program(over: lanes.flatMap { tree.nodes(in: $0) })
    } else {
      schedule = LaneTree.Schedule(buffers: [0], sums: [[0]], roots: [0], bufferCount: 1)
      rootsOfRank = Array(repeating: [0], count: size)
      program = SliceSum.inOrder(size)
    }
    bufferCount = schedule.bufferCount
  }
}

/// The update of a piece of a slice.
///
/// Arguments are the bucket, the piece's place in the slice, its values and its reduced gradient.
/// The pieces of a phase cover each float of the slice once. The gradient is the sum over all ranks
/// and lanes; the update may overwrite it.
public typealias SliceUpdate = (
  _ bucket: Int, _ piece: Range<Int>, _ values: UnsafeMutablePointer<Float>,
  _ gradient: UnsafeMutablePointer<Float>
) -> Void

/// The slices of this rank, with the update of the present phase.
final class OwnedSlices {
  /// This rank's part of each bucket.
  let ranges: [Range<Int>]
  /// The update of slices in this phase.
  var update: SliceUpdate?

  init(_ ranges: [Range<Int>]) { self.ranges = ranges }

  /// Updates this rank's slice of a bucket from an already summed gradient, once a phase.
  func apply(
    _ bucket: Int, values: UnsafeMutablePointer<Float>, gradient: UnsafeMutablePointer<Float>
  ) {
    let range = ranges[bucket]
    guard !range.isEmpty, let update else { return }
    update(bucket, 0..<range.count, values + range.lowerBound, gradient)
  }

  /// Sums the gradients of this rank's slice of a bucket and updates it, once a phase.
  func apply(
    _ bucket: Int, values: UnsafeMutablePointer<Float>, sum: SliceSum,
    of inputs: UnsafePointer<UnsafePointer<Float>>
  ) {
    let range = ranges[bucket]
    guard !range.isEmpty, let update else { return }
    let slice = values + range.lowerBound
    sum.sum(inputs, count: range.count) { gradient, piece in
      update(bucket, piece, slice + piece.lowerBound, gradient)
    }
  }
}

/// Moves partial gradients to the owners of slices, and updated values back.
///
/// A phase is `begin`, then `post` for every bucket of the phase that this rank has finished, then
/// `finish` and `sendValues`.
protocol Transport: AnyObject {
  /// The parameters as this rank sees them.
  var values: UnsafeMutablePointer<Float> { get }
  /// The start of a gradient buffer.
  func buffer(_ index: Int) -> UnsafeMutablePointer<Float>
  /// Starts a phase that updates the given buckets.
  func begin(_ buckets: [Int]) throws
  /// Hands over a bucket: this rank's partial sums are final, and it reads the values no more.
  func post(_ bucket: Int) throws
  /// Does the work that needs no waiting.
  func advanceMessages() throws
  /// The first bucket that this rank has finished and another rank has not.
  var firstInFlight: Int? { get }
  /// Returns when this rank's slices of the phase's buckets are updated.
  ///
  /// Collective.
  func finish(_ buckets: [Int]) throws
  /// Sends the updated slices that were not sent yet.
  func sendValues() throws
  /// Returns when this rank sees the owners' new values of a bucket.
  ///
  /// It waits only for buckets that this rank has not posted since.
  func waitForValues(of bucket: Int) throws
  /// Returns when this rank sees all new values and its own were sent.
  func settle() throws
  /// Returns when every rank sees the owners' new values of these buckets.
  ///
  /// Owners changed the values outside of a phase. Collective.
  func share(_ buckets: [Int]) throws
  /// Copies the values of rank 0 to all ranks; `flat` is read only on rank 0. Collective.
  func publish(_ flat: UnsafeBufferPointer<Float>) throws
  /// Gives shared memory back. Collective.
  func release() throws
}

extension Transport {
  var firstInFlight: Int? { nil }
  func sendValues() {}
  func waitForValues(of bucket: Int) {}
  func settle() {}
}

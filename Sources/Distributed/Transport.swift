import MPI

/// What a transport and the buckets agree on before any step.
struct ReductionPlan {
  let layout: BucketLayout
  /// For each rank, the buffers that hold its final partial sums, in the order in which they are
  /// added.
  let rootsOfRank: [[Int]]
  /// How the partial sums of all ranks are added.
  let program: [SliceSum.Step]
  /// The gradient buffers this rank needs.
  let bufferCount: Int
  /// How this rank adds its own passes.
  let schedule: LaneTree.Schedule

  /// The plan of one of `size` ranks.
  ///
  /// Fast mode adds one gradient a rank in rank order, exact mode those of the lanes along the
  /// tree.
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

/// The update of a piece of a slice: the bucket, the piece's place in the slice, its values and its
/// reduced gradient.
///
/// The pieces of a phase cover the slice, each float once. The gradient is the sum over all ranks
/// and lanes, and may be overwritten.
public typealias SliceUpdate = (
  _ bucket: Int, _ piece: Range<Int>, _ values: UnsafeMutablePointer<Float>,
  _ gradient: UnsafeMutablePointer<Float>
) -> Void

/// The slices this rank owns and what is done with each in the present phase.
final class OwnedSlices {
  /// This rank's part of each bucket.
  let ranges: [Range<Int>]
  /// What updates a slice in this phase.
  var update: SliceUpdate?

  init(_ ranges: [Range<Int>]) { self.ranges = ranges }

  /// Updates this rank's slice of a bucket from a gradient that is summed already, once a phase.
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

/// Moves partial gradients to the owners of their slices, and updated values back.
///
/// A phase is `begin`, `post` of every bucket of the phase once this rank is done with it, and
/// `finish`.
protocol Transport: AnyObject {
  /// The parameters as this rank sees them.
  var values: UnsafeMutablePointer<Float> { get }
  /// The start of a gradient buffer.
  func buffer(_ index: Int) -> UnsafeMutablePointer<Float>
  /// Starts a phase that updates the given buckets.
  func begin(_ buckets: [Int]) throws
  /// Hands a bucket over: this rank's partial sums of it are final and its values are read no more.
  func post(_ bucket: Int) throws
  /// Does what can be done without waiting.
  func progress() throws
  /// The first bucket that this rank is done with and another is not.
  var firstInFlight: Int? { get }
  /// Returns when all slices of the phase's buckets are updated and every rank sees them.
  ///
  /// Collective.
  func finish(_ buckets: [Int]) throws
  /// Returns when every rank sees what the owners of these buckets' slices have made of their values outside of a phase.
  ///
  /// Collective.
  func share(_ buckets: [Int]) throws
  /// Makes rank 0's values everybody's; `flat` counts on rank 0 alone. Collective.
  func publish(_ flat: UnsafeBufferPointer<Float>) throws
  /// Gives shared memory back. Collective.
  func release() throws
}

extension Transport {
  var firstInFlight: Int? { nil }
}

import MPI

/// The simplest transport, for comparison: `MPI_Allreduce` adds whole gradients after backward.
///
/// Every rank updates all parameters.
final class AllReduceTransport: Transport {
  let values: UnsafeMutablePointer<Float>
  private let communicator: Communicator
  private let layout: BucketLayout
  private let gradient: FloatBuffers
  private let owned: OwnedSlices

  init(_ plan: ReductionPlan, owned: OwnedSlices, on communicator: Communicator) throws {
    precondition(plan.schedule.bufferCount == 1, "plain all-reduce adds one gradient a rank")
    layout = plan.layout
    values = allocateFloats(layout.count)
    gradient = FloatBuffers(1, floats: layout.count)
    self.owned = owned
    self.communicator = try communicator.duplicate()
  }

  func buffer(_ index: Int) -> UnsafeMutablePointer<Float> { gradient[index] }

  func begin(_ buckets: [Int]) {}

  func post(_ bucket: Int) {}

  func advanceMessages() {}

  func finish(_ active: [Int]) throws {
    var next = 0
    while next < active.count {  // buckets adjacent in memory are added in one call
      let start = layout.buckets[active[next]].range.lowerBound
      var end = start
      while next < active.count, layout.buckets[active[next]].range.lowerBound == end {
        end = layout.buckets[active[next]].range.upperBound
        next += 1
      }
      try communicator.allReduce(gradient[0] + start, count: end - start)
    }
    for bucket in active {
      owned.apply(
        bucket, values: values, gradient: gradient[0] + owned.ranges[bucket].lowerBound)
    }
  }

  /// Does nothing: every rank owns all buckets and has changed them alike.
  func share(_ buckets: [Int]) {}

  func publish(_ flat: UnsafeBufferPointer<Float>) throws {
    if communicator.isRoot, let source = flat.baseAddress {
      values.update(from: source, count: flat.count)
    }
    try communicator.broadcast(
      UnsafeMutableRawBufferPointer(start: values, count: layout.count * 4))
  }

  func release() {}

  deinit { values.deallocate() }
}

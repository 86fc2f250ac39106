import MPI

/// The transport of a single rank.
///
/// The rank updates a bucket as soon as its gradient is complete and still in cache.
final class LocalTransport: Transport {
  let values: UnsafeMutablePointer<Float>
  private let buffers: FloatBuffers
  private let root: Int
  private let owned: OwnedSlices

  init(_ plan: ReductionPlan, owned: OwnedSlices) {
    precondition(plan.program.count == 1, "one rank alone has one sum")
    values = allocateFloats(plan.layout.count)
    buffers = FloatBuffers(plan.bufferCount, floats: plan.layout.count)
    root = plan.schedule.roots[0]
    self.owned = owned
  }

  func buffer(_ index: Int) -> UnsafeMutablePointer<Float> { buffers[index] }

  func begin(_ buckets: [Int]) {}

  func post(_ bucket: Int) {
    let start = owned.ranges[bucket].lowerBound
    owned.apply(bucket, values: values, gradient: buffers[root] + start)
  }

  func advanceMessages() {}

  func finish(_ buckets: [Int]) {}

  func share(_ buckets: [Int]) {}

  func publish(_ flat: UnsafeBufferPointer<Float>) {
    if let source = flat.baseAddress { values.update(from: source, count: flat.count) }
  }

  func release() {}

  deinit { values.deallocate() }
}

/// Private gradient buffers of equal size.
final class FloatBuffers {
  private let pointers: [UnsafeMutablePointer<Float>]

  init(_ count: Int, floats: Int) {
    pointers = (0..<count).map { _ in allocateFloats(floats) }
  }

  subscript(index: Int) -> UnsafeMutablePointer<Float> { pointers[index] }

  deinit { for pointer in pointers { pointer.deallocate() } }
}

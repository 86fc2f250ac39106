import MPI
import Support

/// Content for checkpoints and from checkpoints: values, and the owners' state of their slices.
extension GradientBuckets {
  /// Copies the values of rank 0, a flat array of `count` floats, to all ranks.
  ///
  /// The argument is ignored on other ranks.
  ///
  /// **Collective.** No rank may read values during the call.
  public func publishValues(_ flat: [Float]) throws {
    precondition(!isInPhase, "values published within a phase")
    precondition(
      !communicator.isRoot || flat.count == count, "\(flat.count) values for \(count) places")
    try settle()
    try flat.withUnsafeBufferPointer { try transport.publish($0) }
  }

  /// Changes this rank's slices of the values of some groups outside of a phase.
  ///
  /// All ranks see the new values after the call.
  ///
  /// **Collective.** No rank may read values during the call. `update` is called once for each
  /// bucket of `groups` in which this rank owns a slice. It gets the bucket, the slice's values and
  /// their number.
  public func updateOwned(
    groups: UInt64, _ update: (_ bucket: Int, UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) throws {
    precondition(!isInPhase, "values changed within a phase")
    let active = layout.buckets.indices.filter {
      groups >> UInt64(layout.buckets[$0].group) & 1 == 1
    }
    try settle()
    for index in active {
      let slice = owned(bucket: index)
      if !slice.isEmpty { update(index, values + slice.lowerBound, slice.count) }
    }
    try Activity.waiting(for: "weights") { try transport.share(active) }
  }

  /// Joins the owners' data of their slices, such as optimizer state, on rank 0.
  ///
  /// - Returns: a flat array of `count` floats on rank 0, with zeros for groups outside of
  ///   `groups`; an empty array on other ranks.
  ///
  /// **Collective.** `slice` returns the memory of ``owned(bucket:)``; it is called only for
  /// buckets of `groups`.
  public func gatherOwned(
    groups: UInt64 = .max, _ slice: (_ bucket: Int) -> UnsafePointer<Float>
  ) throws -> [Float] {
    try settle()
    var flat = [Float](repeating: 0, count: communicator.isRoot ? count : 0)
    try flat.withUnsafeMutableBufferPointer { target in
      for (index, bucket) in layout.buckets.enumerated()
      where groups >> UInt64(bucket.group) & 1 == 1 {
        try communicator.gather(
          slice(index), counts: sliceCounts(of: index),
          into: target.baseAddress.map { $0 + bucket.range.lowerBound })
      }
    }
    return flat
  }

  /// Hands each owner its slices of a flat array of `count` floats on rank 0.
  ///
  /// The argument is ignored on other ranks.
  ///
  /// **Collective.** `slice` returns the memory of ``owned(bucket:)``; it is called only for
  /// buckets of `groups`.
  public func scatterOwned(
    _ flat: [Float], groups: UInt64 = .max,
    into slice: (_ bucket: Int) -> UnsafeMutablePointer<Float>
  ) throws {
    precondition(
      !communicator.isRoot || flat.count == count, "\(flat.count) values for \(count) places")
    try flat.withUnsafeBufferPointer { source in
      for (index, bucket) in layout.buckets.enumerated()
      where groups >> UInt64(bucket.group) & 1 == 1 {
        let target = slice(index)
        try communicator.scatter(
          source.baseAddress.map { $0 + bucket.range.lowerBound }, counts: sliceCounts(of: index),
          into: target)
        if path == .allReduce {
          try communicator.broadcast(
            UnsafeMutableRawBufferPointer(start: target, count: bucket.range.count * 4))
        }
      }
    }
  }

  /// The contribution of each rank to a bucket: the length of its slice.
  ///
  /// If every rank owns all buckets, rank 0 contributes everything.
  private func sliceCounts(of bucket: Int) -> [Int] {
    let size = communicator.size
    if path == .allReduce {
      return (0..<size).map { $0 == 0 ? layout.buckets[bucket].range.count : 0 }
    }
    return (0..<size).map { layout.slice(of: bucket, rank: $0, size: size).count }
  }
}

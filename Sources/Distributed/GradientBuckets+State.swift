import MPI
import Support

/// What goes into checkpoints and comes out of them: values, and what owners hold for their slices.
extension GradientBuckets {
  /// Makes rank 0's values, a flat array of `count` floats, those of all ranks; elsewhere the
  /// argument is ignored.
  ///
  /// **Collective.** No rank may be reading values meanwhile.
  public func publishValues(_ flat: [Float]) throws {
    precondition(!isInPhase, "values published within a phase")
    precondition(
      !communicator.isRoot || flat.count == count, "\(flat.count) values for \(count) places")
    try flat.withUnsafeBufferPointer { try transport.publish($0) }
  }

  /// Changes this rank's slices of some groups' values outside of a phase, and shows them to all ranks.
  ///
  /// **Collective.** No rank may be reading values meanwhile. `update` is called once for each bucket of `groups` of which
  /// this rank owns a slice: the bucket, the slice's values and their number.
  public func updateOwned(
    groups: UInt64, _ update: (_ bucket: Int, UnsafeMutablePointer<Float>, _ count: Int) -> Void
  ) throws {
    precondition(!isInPhase, "values changed within a phase")
    let active = layout.buckets.indices.filter {
      groups >> UInt64(layout.buckets[$0].group) & 1 == 1
    }
    for index in active {
      let slice = owned(bucket: index)
      if !slice.isEmpty { update(index, values + slice.lowerBound, slice.count) }
    }
    try Activity.waiting(for: "weights") { try transport.share(active) }
  }

  /// Joins what the owners hold for their slices, optimizer state say, into a flat array of `count`
  /// floats on rank 0; empty elsewhere.
  ///
  /// Places of other groups than `groups` are zero.
  /// **Collective.** `slice` returns the memory that belongs to ``owned(bucket:)``; it is asked for
  /// buckets of `groups` only.
  public func gatherOwned(
    groups: UInt64 = .max, _ slice: (_ bucket: Int) -> UnsafePointer<Float>
  ) throws -> [Float] {
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

  /// Hands each owner its slices of a flat array of `count` floats on rank 0; elsewhere the
  /// argument is ignored.
  ///
  /// **Collective.** `slice` returns the memory that belongs to ``owned(bucket:)``; it is asked for
  /// buckets of `groups` only.
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

  /// What each rank contributes to a bucket: its slice, or all by rank 0 where every rank holds
  /// everything.
  private func sliceCounts(of bucket: Int) -> [Int] {
    let size = communicator.size
    if path == .allReduce {
      return (0..<size).map { $0 == 0 ? layout.buckets[bucket].range.count : 0 }
    }
    return (0..<size).map { layout.slice(of: bucket, rank: $0, size: size).count }
  }
}

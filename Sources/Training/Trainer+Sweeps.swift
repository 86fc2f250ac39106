import Autodiff
import Tensors

/// Models that are fitted by passes over all rows rather than by gradients of batches.
extension Trainer {
  /// A step of such a model: `body` makes it, on all rows, and returns what it minimises, the mean over the rows.
  ///
  /// **Collective.**
  func sweepStep(_ body: () throws -> Double) throws {
    sums.beginStep()
    finite.reset()
    let objective = try body()
    finite.check(loss: objective, lane: localLanes.lowerBound)
    // A value of all rows goes into the sums of one lane, as if each image of a batch had it.
    let share = localLanes.contains(0) ? Double(configuration.batch) : 0
    sums.add(loss: objective * share, lane: localLanes.lowerBound)
    sums.endStep()
    progress.step += 1
    progress.stepInEpoch += 1
    progress.imagesSeen += lanes.rowCount
  }

  /// Gives all ranks the values that rank 0 found for the parameters of the model; those left out become 0.
  ///
  /// **Collective.** On other ranks the argument is ignored.
  public func publish(_ values: [(parameter: Parameter, values: [Float])]) throws {
    var flat = [Float](repeating: 0, count: world.isRoot ? buckets.count : 0)
    if world.isRoot {
      for (parameter, values) in values {
        precondition(
          values.count == parameter.shape.count, "\(values.count) for \(parameter.shape)")
        flat.replaceSubrange(parameter.offset..<parameter.offset + values.count, with: values)
      }
    }
    try buckets.publishValues(flat)
  }

  /// Pixels X of consecutive rows of this rank, [rows.count, D].
  public func pixels(_ rows: Range<Int>) -> [Double] {
    let count = rows.count * dimensions
    let floats = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { images.gather(rows, into: start) }
      initialized = count
    }
    return floats.map { Double($0) }
  }

  /// Sums that `body` adds to for each block of rows, over all ranks.
  ///
  /// **Collective.** In exact mode they are kept lane by lane, and do not depend on the number of ranks.
  public func sumOverRows(
    _ count: Int, _ body: (Range<Int>, UnsafeMutablePointer<Double>) throws -> Void
  ) throws -> [Double] {
    let parts = configuration.exact ? lanes.count : 1
    var sums = [Double](repeating: 0, count: parts * count)
    try sums.withUnsafeMutableBufferPointer { buffer in
      guard let first = buffer.baseAddress else { return }
      try forEachBlock { lane, rows in
        try body(rows, first + (parts > 1 ? lane * count : 0))
      }
    }
    return try totals(sums, width: count)
  }
}

import Autodiff
import CKernels
import Dispatch
import Layers
import MPI
import Support
import Tensors

/// Passes over all rows of this rank. Blocks never cross lanes, so a row is always computed in a batch of the same shape,
/// and sums are added lane by lane: results do not depend on the number of ranks.
extension Trainer {
  /// Rows of the training set, over all ranks.
  public var rowCount: Int { lanes.rowCount }

  /// Rows that a pass over the data takes at once.
  public var blockRows: Int { images.shape.blockRows }

  /// Calls `body` with each lane of this rank and each block of its rows, in order.
  func forEachBlock(_ body: (_ lane: Int, _ rows: Range<Int>) throws -> Void) rethrows {
    for lane in localLanes {
      let rows = lanes.rows(of: lane)
      var first = rows.lowerBound
      while first < rows.upperBound {
        let last = min(first + blockRows, rows.upperBound)
        Activity.begin("a pass over all rows", lane: lane)
        try body(lane, first..<last)
        first = last
      }
    }
  }

  /// Adds per-lane sums [lanes, width] of all ranks in lane order.
  ///
  /// **Collective.**
  func totals(_ perLane: [Double], width: Int) throws -> [Double] {
    var all = perLane
    try world.allReduce(&all, .sum)
    var sums = Array(repeating: 0.0, count: width)
    for i in all.indices { sums[i % width] += all[i] }
    return sums
  }

  /// Norms of the whole X.
  ///
  /// **Collective.**
  public func dataNorms() throws -> DataNorms {
    let d = images.shape.count
    let positions = images.shape.height * images.shape.width
    let channels = images.shape.channels
    images.expect(.sequential)
    let block = Storage(count: blockRows * d)
    let width = d + 2
    var perLane = Array(repeating: 0.0, count: lanes.count * width)
    forEachBlock { lane, rows in
      images.gather(rows, into: block.pointer)
      for i in 0..<rows.count {
        let row = block.pointer + i * d
        perLane[lane * width] += ck_sum_squares(row, d)
        perLane[lane * width + 1] += ck_sum_abs(row, d)
      }
      perLane.withUnsafeMutableBufferPointer {
        if let sums = $0.baseAddress {
          ck_column_abs_sums(block.pointer, sums + lane * width + 2, rows.count, d, 1)
        }
      }
    }
    let sums = try totals(perLane, width: width)
    var norms = DataNorms()
    norms.frobenius = sums[0].squareRoot()
    norms.entrywise = sums[1]
    for position in 0..<positions {
      let column = (0..<channels).reduce(0.0) { $0 + sums[2 + position * channels + $1] }
      norms.induced = max(norms.induced, column)
    }
    return norms
  }

  /// Steps 3 to 7 of the robust outer loop for all rows: L = D(E(X - S)), S = shrink(X - L,
  /// threshold), R = X - L - S, and their norms.
  ///
  /// **Collective.**
  ///
  /// - Parameter sampling: whether L decodes a draw of q(z|X - S) or its mean.
  public func project(threshold: Float, sampling: Bool) throws -> ProjectionResult {
    guard let split, let model = model as? any Autoencoder else {
      preconditionFailure("\(configuration.model) keeps no split")
    }
    let started = DispatchTime.now()
    images.expect(.sequential)
    clean?.expect(.sequential)
    let d = images.shape.count
    let x = Storage(count: blockRows * d)
    let reference = clean == nil ? nil : Storage(count: blockRows * d)
    let first = progress.outer == 0
    let step = Step(seed: configuration.seed)
    let width = 6
    var perLane = Array(repeating: 0.0, count: lanes.count * width)
    var batch: [Int32] = []
    if split.storage == .compact {
      split.beginUpdate(residualWithin: try deviationLimit(threshold: threshold))
    }
    forEachBlock { lane, rows in
      batch.removeAll(keepingCapacity: true)
      batch.append(contentsOf: rows.lazy.map(Int32.init))
      let count = rows.count * d
      images.gather(rows, into: x.pointer)
      batch.withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: d, purpose: .projection, time: progress.outer) { l in
          ck_copy(l, x.pointer, count)
          split.subtract(rows, from: l)
        }
      }
      let reconstruction = model.reconstruct(step.target, step, sampling: sampling)
      split.update(rows) { s, r in
        var sums = (0.0, 0.0, 0.0)
        withUnsafeMutableBytes(of: &sums) {
          ck_split_project(
            x.pointer, reconstruction.pointer, s, r, count, threshold,
            $0.baseAddress?.assumingMemoryBound(to: Double.self))
        }
        let at = lane * width
        perLane[at] += sums.0
        perLane[at + 1] += sums.1
        perLane[at + 2] += sums.2
        perLane[at + 3] += ck_sum_abs(s, count)
        if first {
          // (L + S) before was 0: what moved is L + S = X - R.
          ck_copy(step.target.pointer, x.pointer, count)
          ck_axpy(step.target.pointer, r, -1, count)
          perLane[at + 1] += ck_sum_squares(step.target.pointer, count) - sums.1
        }
        if let clean, let reference {
          clean.gather(rows, into: reference.pointer)
          ck_axpy(reconstruction.pointer, reference.pointer, -1, count)
          perLane[at + 4] += ck_sum_squares(reconstruction.pointer, count)
          ck_axpy(x.pointer, s, -1, count)
          ck_axpy(x.pointer, reference.pointer, -1, count)
          perLane[at + 5] += ck_sum_squares(x.pointer, count)
        }
      }
    }
    split.endUpdate()
    let sums = try totals(perLane, width: width)
    let elements = Double(lanes.rowCount * d)
    var result = ProjectionResult()
    result.residual = sums[0].squareRoot()
    result.moved = sums[1].squareRoot()
    result.sparsity = sums[2] / elements
    result.l1 = sums[3]
    if clean != nil { result.cleanError = (sums[4] / elements, sums[5] / elements) }
    result.seconds =
      Double(DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds) / 1e9
    return result
  }

  /// What |X - L| shrunk by `threshold` leaves in R at most: the threshold, or less where no pixel can be
  /// that far from a reconstruction in [0, 1].
  ///
  /// **Collective.**
  private func deviationLimit(threshold: Float) throws -> Float {
    guard threshold > 1, !images.isEightBit else { return min(threshold, 1) }
    let block = Storage(count: blockRows * dimensions)
    var largest = [1.0]
    forEachBlock { _, rows in
      images.gather(rows, into: block.pointer)
      for i in 0..<rows.count * dimensions {
        largest[0] = max(largest[0], Double(abs(block.pointer[i])))
      }
    }
    try world.allReduce(&largest, .max)
    return min(threshold, 1 + Float(largest[0]))
  }
}

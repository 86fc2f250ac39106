import CKernels
import Dispatch
import Layers
import Tensors
import Training

extension TrainingRows {
  /// Norms of the whole X.
  ///
  /// **Collective.**
  func norms() throws -> DataNorms {
    let d = dimensions
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

  /// An upper bound of |R|, the rest of |X - L| after shrinking by `threshold`.
  ///
  /// It is the threshold, or less where no pixel can be that far from a reconstruction in [0, 1].
  ///
  /// **Collective.**
  func deviationLimit(threshold: Float) throws -> Float {
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

extension Trainer {
  /// Makes steps 3 to 7 of the robust outer loop for all rows, and measures the norms.
  ///
  /// L = D(E(X - S)), S = shrink(X - L, t), R = X - L - S. **Collective.**
  ///
  /// - Parameters:
  ///   - sampling: whether L decodes a draw of q(z|X - S) or its mean.
  ///   - isFromZero: whether L + S is 0 before the first projection.
  func project(
    by shrinkage: Shrinkage, sampling: Bool, isFromZero: Bool = true
  ) throws -> ProjectionResult {
    guard let state = rows.sparse, let model = model as? any Encoding else {
      preconditionFailure("a projection needs an encoder, and rows with a sparse part")
    }
    let started = DispatchTime.now()
    let (images, clean) = (rows.images, rows.clean)
    images.expect(.sequential)
    clean?.expect(.sequential)
    let d = dimensions
    let x = Storage(count: rows.blockRows * d)
    let reference = clean == nil ? nil : Storage(count: rows.blockRows * d)
    let first = isFromZero && progress.outer == 0
    let step = Step(seed: settings.seed)
    var shrinkage = shrinkage
    if shrinkage.rule == .column {
      let norms = try columnNorms(model, state, sampling: sampling)
      shrinkage.shares = norms.map { shrinkage.share(ofNorm: $0) }
    }
    let width = 6
    var perLane = Array(repeating: 0.0, count: lanes.count * width)
    var batch: [Int32] = []
    let bound =
      state.needsBounds ? try rows.deviationLimit(threshold: shrinkage.threshold) : .infinity
    state.beginUpdate(within: ["R": bound], replacing: ["S"])
    rows.forEachBlock { lane, rows in
      batch.removeAll(keepingCapacity: true)
      batch.append(contentsOf: rows.lazy.map(Int32.init))
      let count = rows.count * d
      images.gather(rows, into: x.pointer)
      batch.withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: d, purpose: .projection, time: progress.outer) { l in
          ck_copy(l, x.pointer, count)
          state.subtract(rows, from: l)
        }
      }
      let reconstruction = model.reconstruct(step.target, step, sampling: sampling)
      state.update(rows) { arrays in
        let (s, r) = (arrays[0], arrays[1])
        var sums = (0.0, 0.0, 0.0)
        withUnsafeMutableBytes(of: &sums) {
          guard let sums = $0.baseAddress?.assumingMemoryBound(to: Double.self) else { return }
          shrinkage.project(x.pointer, reconstruction.pointer, s: s, r: r, count: count, sums: sums)
        }
        let at = lane * width
        perLane[at] += sums.0
        perLane[at + 1] += sums.1
        perLane[at + 2] += sums.2
        perLane[at + 3] += ck_sum_abs(s, count)
        if first {
          // The previous L + S was 0, so the change is L + S = X - R.
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
    state.endUpdate()
    let sums = try rows.totals(perLane, width: width)
    let elements = Double(lanes.rowCount * d)
    var result = ProjectionResult()
    result.residual = sums[0].squareRoot()
    result.moved = sums[1].squareRoot()
    result.nonzero = sums[2] / elements
    result.l1 = sums[3]
    if clean != nil { result.cleanError = (sums[4] / elements, sums[5] / elements) }
    result.seconds =
      Double(DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds) / 1e9
    return result
  }
}

extension Trainer {
  /// The norm of X - L over all rows at each place, [D], for the L that a projection would find.
  ///
  /// **Collective.** Lanes are added in their order, for any number of ranks.
  private func columnNorms(
    _ model: any Encoding, _ state: RowState, sampling: Bool
  ) throws -> [Double] {
    let d = dimensions
    let x = Storage(count: rows.blockRows * d)
    let step = Step(seed: settings.seed)
    var perLane = Array(repeating: 0.0, count: lanes.count * d)
    rows.forEachBlock { lane, rows in
      images.gather(rows, into: x.pointer)
      rows.map(Int32.init).withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: d, purpose: .projection, time: progress.outer) { l in
          ck_copy(l, x.pointer, rows.count * d)
          state.subtract(rows, from: l)
        }
      }
      let l = model.reconstruct(step.target, step, sampling: sampling).pointer
      ck_axpy(x.pointer, l, -1, rows.count * d)
      for i in 0..<rows.count * d {
        let v = Double(x.pointer[i])
        perLane[lane * d + i % d] += v * v
      }
    }
    return try rows.totals(perLane, width: d).map { $0.squareRoot() }
  }
}

/// The result of a projection over all rows of all ranks.
struct ProjectionResult: Sendable {
  /// ||X - L - S||_F.
  var residual = 0.0
  /// ||previous (L + S) - new (L + S)||_F; before the first projection L + S was 0,
  /// unless S began with another value.
  var moved = 0.0
  /// The fraction of the elements of S that are not zero.
  var nonzero = 0.0
  /// Seconds of the projection.
  var seconds = 0.0
  /// Sum over the elements of |S|.
  var l1 = 0.0
  /// Mean squared error to the clean images of L, the reconstruction, and of X - S; nil without
  /// clean images.
  var cleanError: (reconstruction: Double, difference: Double)?
}

/// Norms of the whole data matrix X that S needs.
struct DataNorms: Sendable {
  /// ||X||_F.
  var frobenius = 0.0
  /// The induced matrix 1-norm: the largest column sum of |X|; a column is a pixel position, over
  /// rows and channels.
  var induced = 0.0
  /// The sum of |X| over all elements.
  var entrywise = 0.0
}

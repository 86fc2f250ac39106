import CKernels
import Datasets
import Layers
import MPI
import Runs
import Tensors
import Training

/// X, L and S of the images of a command, block by block; of a model of patches, of whole images.
final class SplitRows {
  let source: Source
  /// Where L comes from.
  let cleanPart: CleanPart
  /// Whether the model has a sparse part; otherwise S is X - L.
  let hasSparsePart: Bool
  private let trained: TrainedModel
  private let explainer: Explainer
  private let step: Step

  /// The rows of `data` as a model sees them.
  ///
  /// **Collective.**
  ///
  /// - Parameter rounds: the largest number of rounds that split rows outside the training set.
  init(
    _ trained: TrainedModel, _ data: ImageSet, rounds: Int, on world: Communicator
  ) throws {
    self.trained = trained
    let source = try world.agree { try Source(trained, data) }
    self.source = source
    explainer = try world.agree {
      try Explainer(
        trained, images: source.images, usesSparsePart: source.hasSparsePart, rounds: rounds,
        isOfRun: source.isOfRun)
    }
    cleanPart = explainer.cleanPart
    hasSparsePart = trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
    step = Step(seed: trained.configuration.common.lanes.seed)
  }

  /// X, L and S of images, one after another.
  struct Split {
    var x: [Float] = [], l: [Float] = [], s: [Float] = []
    /// KL and bound of each image, where these are wanted; NaN where the model has none.
    var kl: [Float] = [], bound: [Float] = []
  }

  /// Splits whole images.
  ///
  /// - Parameter hasTerms: whether KL and bound are wanted, for `scores(_:_:)`.
  func split(_ block: Range<Int>, hasTerms: Bool = false) throws -> Split {
    guard source.images.isPatches else {
      let (l, s) = try explainer.split(block)
      var split = Split(x: source.images.values(block), l: l, s: s)
      if hasTerms { (split.kl, split.bound) = terms(block, explainer.seen(block), s) }
      return split
    }
    var split = Split()
    for image in block {
      var (kl, bound, patches) = (0.0, 0.0, 0.0)
      func add(_ rows: Range<Int>, _ s: [Float]) throws {
        guard hasTerms else { return }
        let found = terms(rows, source.images.values(rows), s)
        kl += found.kl.reduce(0) { $0 + Double($1) }
        bound += found.bound.reduce(0) { $0 + Double($1) }
        patches += Double(rows.count)
      }
      try explainer.whole(
        image..<image + 1, reconstructs: false, splits: true, patches: add
      ) { _, found in
        split.x += found.x
        split.l += found.l
        split.s += found.s
      }
      guard hasTerms else { continue }
      // Patches overlap, so their sum is no number of the image; the mean is one of its patches.
      split.kl.append(Float(kl / patches))
      split.bound.append(Float(bound / patches))
    }
    return split
  }

  /// L of the first stage of a run with two, [rows, D]; nil for a run with one.
  func first(_ rows: Range<Int>) -> [Float]? {
    explainer.first == nil ? nil : explainer.seen(rows)
  }

  /// The scores of rows that were split with their terms, [rows, scores], NaN where the model has
  /// none.
  func scores(_ rows: Range<Int>, _ split: Split) throws -> [Float] {
    var first = 0
    var table: [Float] = []
    table.reserveCapacity(rows.count * Score.allCases.count)
    for row in 0..<rows.count {
      let d = source.whole.shape(of: rows.lowerBound + row).count
      var (sum, squares, nonzero, residual) = (0.0, 0.0, 0, 0.0)
      for i in first..<first + d {
        let s = Double(split.s[i])
        sum += abs(s)
        squares += s * s
        if s != 0 { nonzero += 1 }
        let rest = Double(split.x[i]) - Double(split.l[i])
        residual += rest * rest
      }
      first += d
      for score in Score.allCases {
        switch score {
        case .sparseSum: table.append(hasSparsePart ? Float(sum) : .nan)
        case .sparseSquares: table.append(hasSparsePart ? Float(squares) : .nan)
        case .nonzero: table.append(hasSparsePart ? Float(Double(nonzero) / Double(d)) : .nan)
        case .residual: table.append(Float(residual))
        case .kl: table.append(split.kl[row])
        case .bound: table.append(split.bound[row])
        }
      }
    }
    return table
  }

  /// KL and evidence lower bound of X - S, one of each row of the model; NaN where it has none.
  ///
  /// - Parameters:
  ///   - x, s: what the model sees of the rows, and their sparse part, [rows, D].
  private func terms(
    _ rows: Range<Int>, _ x: [Float], _ s: [Float]
  ) -> (kl: [Float], bound: [Float]) {
    let none = [Float](repeating: .nan, count: rows.count)
    guard let model = trained.model as? any Trainable & Encoding else { return (none, none) }
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(
        rows: batch, dimensions: source.images.shape.count, purpose: .evaluation, time: 0
      ) { $0.update(from: x, count: x.count) }
    }
    if hasSparsePart { ck_axpy(step.target.pointer, s, -1, s.count) }
    _ = model.loss(phase: 0, step)
    guard let kl = step.rows(of: .kl)?.values, kl.count == rows.count else { return (none, none) }
    guard model.reportsLogLikelihood, let errors = step.rows(of: .reconstruction)?.values,
      errors.count == rows.count
    else { return (kl, none) }
    return (kl, zip(errors, kl).map { -$0 - $1 })
  }
}

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
        trained, images: source.images, usesSparsePart: source.hasSparsePart, rounds: rounds)
    }
    cleanPart = explainer.cleanPart
    hasSparsePart = trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
    step = Step(seed: trained.configuration.common.lanes.seed)
  }

  /// X, L and S of images, one after another.
  struct Split {
    var x: [Float] = [], l: [Float] = [], s: [Float] = []
  }

  /// Splits whole images.
  func split(_ block: Range<Int>) throws -> Split {
    guard source.images.isPatches else {
      let (l, s) = try explainer.split(block)
      return Split(x: source.images.values(block), l: l, s: s)
    }
    var split = Split()
    try explainer.whole(block, reconstructs: false, splits: true) { _, found in
      split.x += found.x
      split.l += found.l
      split.s += found.s
    }
    return split
  }

  /// The scores of rows, [rows, scores], NaN where the model has none.
  func scores(_ rows: Range<Int>, _ split: Split) throws -> [Float] {
    let (kl, bound) = terms(rows, split)
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
        case .kl: table.append(kl?[row] ?? .nan)
        case .bound: table.append(bound?[row] ?? .nan)
        }
      }
    }
    return table
  }

  /// KL and evidence lower bound of X - S, one of each image; nil where the model has none, and
  /// where its rows are patches.
  private func terms(_ rows: Range<Int>, _ split: Split) -> (kl: [Float]?, bound: [Float]?) {
    guard !source.images.isPatches, let model = trained.model as? any Trainable & Encoding
    else { return (nil, nil) }
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(
        rows: batch, dimensions: source.images.shape.count, purpose: .evaluation, time: 0
      ) { $0.update(from: split.x, count: split.x.count) }
    }
    if hasSparsePart { ck_axpy(step.target.pointer, split.s, -1, split.s.count) }
    _ = model.loss(phase: 0, step)
    guard let kl = step.rows(of: .kl)?.values, kl.count == rows.count else { return (nil, nil) }
    guard model.reportsLogLikelihood, let errors = step.rows(of: .reconstruction)?.values,
      errors.count == rows.count
    else { return (kl, nil) }
    return (kl, zip(errors, kl).map { -$0 - $1 })
  }
}

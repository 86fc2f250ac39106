import Autodiff
import CKernels
import Datasets
import Layers
import Runs
import Support
import Tensors
import Training

/// Where the clean part L of rows comes from.
public enum CleanPart: Equatable, Sendable {
  /// The run's split of its own rows: L = X - S - R, the L that S was made from.
  case stored
  /// The run's split of its own rows, of a model that leaves no rest: L = X - S.
  case remaining
  /// The run's own rows, of a model that keeps S without R: L = D(E(X - S)).
  case explained
  /// The run's own rows before the first split, where S is 0: L = D(E(X)).
  case unsplit
  /// Rows that have no S in the run: L = D(E(X - S)), S = shrink(X - L, t) are repeated.
  case iterated(rounds: Int)
  /// Rows that have no S in the run, of a model that shrinks none: L = D(E(X)), S = X - L.
  case new
  /// Any rows, of a model without a sparse part: L = D(E(X)).
  case whole
  /// Any rows, of a model that knows their noise: L = E[clean | X, E(X)].
  case restored
  /// Any rows, of a run with two stages: L = D(E(L1)) with the L1 of the first, which is told in
  /// words.
  case staged(String)

  /// The formula, in one line.
  public var description: String {
    switch self {
    case .stored: "L = X - S - R of the run's last split"
    case .remaining: "L = X - S of the run's last split"
    case .explained: "L = D(E(X - S)) with the run's S"
    case .unsplit: "L = D(E(X)): the run has not split these X into L + S yet"
    case .new: "L = D(E(X)): these rows are not those trained on"
    case .iterated(let rounds):
      "L = D(E(X - S)), S = shrink(X - L, t), repeated until L rests, at most "
        + "\(Quantity.count(rounds, "time")): these rows are not those trained on"
    case .whole: "L = D(E(X)): this model has no sparse part"
    case .restored:
      "L is the mean of the clean image given X and its code E(X)"
    case .staged(let first): "L = D(E(L1)) with L1 of the first stage: \(first)"
    }
  }
}

/// Runs a trained model over blocks of rows.
public final class Explainer {
  /// Where `clean(_:)` takes L from.
  public let cleanPart: CleanPart
  private let trained: TrainedModel
  private let model: any Encoding
  let images: ImageSet
  /// How the run makes S from X - L.
  let shrinkage: Shrinkage
  private let usesSparsePart: Bool
  /// What the model sees in place of the images; nil for a run with one stage.
  let first: FirstStageAnswer?
  private let clips: Bool
  private let step: Step
  private var stored: [Float] = []
  private let frozen: FrozenSplit?
  private var found: (rows: Range<Int>, l: [Float], s: [Float]) = (0..<0, [], [])

  /// An explainer of images by a trained model.
  ///
  /// - Parameters:
  ///   - usesSparsePart: whether the rows are the run's training rows, with their own S.
  ///   - rounds: the largest number of rounds that split an image without S.
  ///   - isOfRun: whether the rows are the run's training rows; of a run with two stages, the first
  ///     then has an L of them.
  ///   - clips: whether the run's own L is kept within [0, 1].
  /// - Throws: `ConfigurationError` for a model without an encoder; errors of the first stage.
  public init(
    _ trained: TrainedModel, images: ImageSet, usesSparsePart: Bool,
    rounds: Int = FrozenSplit.usualRounds, isOfRun: Bool = false, clips: Bool = true
  ) throws {
    self.clips = clips && !images.shape.isFeatures
    self.trained = trained
    model = try trained.encoder()
    self.images = images
    shrinkage = trained.shrinkage
    self.usesSparsePart = usesSparsePart
    let seed = trained.configuration.common.lanes.seed
    first =
      trained.hasFirstStage
      ? try FirstStageAnswer(trained, images: images, isOfRun: isOfRun, rounds: rounds) : nil
    if let first {
      cleanPart = .staged(first.words)
    } else if usesSparsePart {
      cleanPart = try trained.ownCleanPart
    } else if trained.shrinks {
      cleanPart = .iterated(rounds: rounds)
    } else if trained.restores {
      cleanPart = .restored
    } else {
      let hasSparsePart = trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
      cleanPart = hasSparsePart ? .new : .whole
    }
    frozen =
      cleanPart == .iterated(rounds: rounds)
      ? FrozenSplit(
        by: model, dimensions: images.shape.count, shrinkage: trained.shrinkage, rounds: rounds,
        seed: seed) : nil
    let noise = try trained.inputNoise(for: images)
    step = Step(
      seed: seed, corrupt: noise.corrupter(of: images.shape))
  }

  private func begin(_ rows: Range<Int>) {
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: images.shape.count, purpose: .evaluation, time: 0) {
        gather(rows, into: $0)
      }
    }
  }

  /// What the model sees of the rows, [rows, D]: X or, of a run with two stages, L of the first.
  func gather(_ rows: Range<Int>, into pixels: UnsafeMutablePointer<Float>) {
    if let first {
      first.gather(rows, into: pixels)
    } else {
      images.gather(rows, into: pixels)
    }
  }

  /// The same as an array.
  func seen(_ rows: Range<Int>) -> [Float] {
    let count = rows.count * images.shape.count
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { gather(rows, into: start) }
      initialized = count
    }
  }

  /// X of the rows with their `inputNoise(for:)`; [rows, D], valid until the next block.
  public func input(_ rows: Range<Int>) -> Variable {
    begin(rows)
    return step.corrupted()
  }

  /// X of the rows without noise of training, [rows, D]; valid until the next block.
  public func target(_ rows: Range<Int>) -> Variable {
    begin(rows)
    return step.target
  }

  /// D(E(x)) from the mean code.
  public func reconstruction(of x: Variable) -> Variable {
    model.reconstruct(x, step, sampling: false)
  }

  /// The mean codes of the rows and, if the model has them, the log-variances.
  public func codes(_ rows: Range<Int>) -> Code {
    begin(rows)
    return model.encode(step.target)
  }

  /// An array that the run keeps with its training rows.
  private func array(_ name: String, _ rows: Range<Int>) throws -> [Float] {
    let count = rows.count * images.shape.count
    if stored.count != count { stored = Array(repeating: 0, count: count) }
    try stored.withUnsafeMutableBufferPointer {
      try trained.checkpoint.read(name, rows: rows, into: $0)
    }
    return stored
  }

  /// L and S of the rows, [rows, D] each, as `cleanPart` says.
  ///
  /// A stored L of images is clipped to [0, 1], where the decoder's lies: rounding may leave these
  /// limits. For a model without a sparse part S is X - L.
  public func split(_ rows: Range<Int>) throws -> (l: [Float], s: [Float]) {
    if found.rows == rows { return (found.l, found.s) }
    guard usesSparsePart else {
      let (l, s) = splitUnknown(rows)
      found = (rows, l, s)
      return (l, s)
    }
    let count = rows.count * images.shape.count
    begin(rows)
    let x = step.target
    var l = [Float](repeating: 0, count: count)
    let s = try array("S", rows)
    ck_axpy(x.pointer, s, -1, count)
    if cleanPart == .stored || cleanPart == .remaining {
      if cleanPart == .stored { ck_axpy(x.pointer, try array("R", rows), -1, count) }
      if clips { ck_clamp(&l, x.pointer, count, 0, 1) } else { l = x.values }
    } else {
      l = reconstruction(of: x).values
    }
    found = (rows, l, s)
    return (l, s)
  }

  /// L and S of rows of which the run has no S.
  func splitUnknown(_ rows: Range<Int>) -> (l: [Float], s: [Float]) {
    let count = rows.count * images.shape.count
    begin(rows)
    let x = step.target
    var l = [Float](repeating: 0, count: count)
    var s = l
    if let frozen {
      frozen.run(rows, x.pointer, l: &l, s: &s)
      return (l, s)
    }
    if cleanPart == .restored, let model = model as? any Restoring {
      l = model.restored(x, model.encode(x).mean).values
    } else {
      l = reconstruction(of: x).values
    }
    s = first == nil ? x.values : images.values(rows)
    ck_axpy(&s, l, -1, count)
    return (l, s)
  }
}

extension TrainedModel {
  /// Where L of the rows with an S of the run comes from.
  ///
  /// Only a loop that keeps R has the rest X - L - S in it: earlier checkpoints of other models
  /// have other values under that name.
  fileprivate var ownCleanPart: CleanPart {
    get throws {
      guard let kept = checkpoint.manifest.rowLayout else { return .new }
      let loop = configuration.loop
      // A fit that has not converged has a rest, which is in no array.
      if loop.leavesNoRest { return hasConverged ? .remaining : .explained }
      let arrays = try loop.rowArrays(rows: kept.rows, of: imageShape)
      guard arrays.index(named: "R") != nil, kept.arrays.index(named: "R") != nil else {
        return .explained
      }
      // Rows of other images than before begin at version 0 again.
      return splits > 0 && kept.version != 0 ? .stored : .unsplit
    }
  }

  /// Whether the run splits images by shrinking X - L, so that it can split others, too.
  var shrinks: Bool { threshold > 0 }

  /// Whether the model knows the noise of images, so that L is found from X and its code together.
  var restores: Bool { (model as? any Restoring)?.restores == true }

  /// How the run makes S from X - L.
  var shrinkage: Shrinkage {
    Shrinkage(
      configuration.loop.shrinkage, threshold: threshold, shape: imageShape)
  }

  /// The noise of inputs in measurements: the noise of training, or none for images that are
  /// already corrupted, and for a robust model, whose images are as they come.
  func inputNoise(for images: ImageSet) throws -> Corruption {
    images.isCorrupted || shrinks ? .none : try trainingNoise()
  }
}

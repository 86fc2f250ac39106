import Autodiff
import CKernels
import Datasets
import Layers
import Runs
import Tensors
import Training

/// Where the clean part L of rows comes from.
public enum CleanPart: Sendable {
  /// The run's split of its own rows: L = X - S - R, the L that S was made from.
  case stored
  /// The run's own rows, of a model that keeps S without R: L = D(E(X - S)).
  case explained
  /// The run's own rows before the first split, where S is 0: L = D(E(X)).
  case unsplit
  /// Rows that have no S in the run: L = D(E(X)).
  case new
  /// Any rows, of a model without a sparse part: L = D(E(X)).
  case whole

  /// The formula, in one line.
  public var description: String {
    switch self {
    case .stored: "L = X - S - R of the run's last split"
    case .explained: "L = D(E(X - S)) with the run's S"
    case .unsplit: "L = D(E(X)): the run has not split these X into L + S yet"
    case .new: "L = D(E(X)): these rows are not those trained on"
    case .whole: "L = D(E(X)): this model has no sparse part"
    }
  }
}

/// Runs a trained model over blocks of rows.
public final class Explainer {
  /// Where `clean(_:)` takes L from.
  public let cleanPart: CleanPart
  private let trained: TrainedModel
  private let model: any Encoding
  private let images: ImageSet
  private let usesSparsePart: Bool
  private let step: Step
  private var stored: [Float] = []

  /// An explainer of images by a trained model.
  ///
  /// - Parameter usesSparsePart: whether the rows are the run's training rows, with their own S.
  /// - Throws: `ConfigurationError` for a model without an encoder.
  public init(_ trained: TrainedModel, images: ImageSet, usesSparsePart: Bool) throws {
    self.trained = trained
    model = try trained.encoder()
    self.images = images
    self.usesSparsePart = usesSparsePart
    let hasSparsePart = trained.checkpoint.manifest.rowLayout?.arrays.hasSparsePart == true
    cleanPart = usesSparsePart ? try trained.ownCleanPart : hasSparsePart ? .new : .whole
    let noise = try trained.inputNoise(for: images)
    step = Step(
      seed: trained.configuration.common.lanes.seed, corrupt: noise.corrupter(of: images.shape))
  }

  private func begin(_ rows: Range<Int>) {
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: images.shape.count, purpose: .evaluation, time: 0) {
        images.gather(batch, into: $0)
      }
    }
  }

  /// X of the rows with their `inputNoise(for:)`; [rows, D], valid until the next block.
  public func input(_ rows: Range<Int>) -> Variable {
    begin(rows)
    return step.corrupted()
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

  /// The run's S of its training rows.
  public func sparse(_ rows: Range<Int>) throws -> [Float] { try array("S", rows) }

  /// An array that the run keeps with its training rows.
  private func array(_ name: String, _ rows: Range<Int>) throws -> [Float] {
    let count = rows.count * images.shape.count
    if stored.count != count { stored = Array(repeating: 0, count: count) }
    try stored.withUnsafeMutableBufferPointer {
      try trained.checkpoint.read(name, rows: rows, into: $0)
    }
    return stored
  }

  /// L of the rows, [rows, D], as `cleanPart` says.
  ///
  /// The decoder's L lies in [0, 1], so a stored one is clipped: rounding may leave these limits.
  public func clean(_ rows: Range<Int>) throws -> Variable {
    begin(rows)
    let x = step.target
    if usesSparsePart { ck_axpy(x.pointer, try sparse(rows), -1, x.shape.count) }
    guard cleanPart == .stored else { return reconstruction(of: x) }
    ck_axpy(x.pointer, try array("R", rows), -1, x.shape.count)
    ck_clamp(x.pointer, x.pointer, x.shape.count, 0, 1)
    return x
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
      let arrays = try configuration.loop.rowArrays(rows: kept.rows, of: imageShape)
      guard arrays.index(named: "R") != nil, kept.arrays.index(named: "R") != nil else {
        return .explained
      }
      // Rows of other images than before begin at version 0 again.
      return splits > 0 && kept.version != 0 ? .stored : .unsplit
    }
  }

  /// The noise of inputs in measurements: the noise of training, or none for images that are
  /// already corrupted.
  func inputNoise(for images: ImageSet) throws -> Corruption {
    images.isCorrupted ? .none : try trainingNoise()
  }
}

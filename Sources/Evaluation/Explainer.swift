import Autodiff
import CKernels
import Datasets
import Layers
import Runs
import Tensors
import Training

/// Runs a trained model over blocks of rows.
public final class Explainer {
  private let trained: TrainedModel
  private let model: any Encoding
  private let images: ImageSet
  private let usesSparsePart: Bool
  private let step: Step
  private var sparse: [Float] = []

  /// An explainer of images by a trained model.
  ///
  /// - Parameter usesSparsePart: whether the rows are the run's training rows, with their own S.
  /// - Throws: `ConfigurationError` for a model without an encoder.
  public init(_ trained: TrainedModel, images: ImageSet, usesSparsePart: Bool) throws {
    self.trained = trained
    model = try trained.encoder()
    self.images = images
    self.usesSparsePart = usesSparsePart
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
  public func sparse(_ rows: Range<Int>) throws -> [Float] {
    let count = rows.count * images.shape.count
    if sparse.count != count { sparse = Array(repeating: 0, count: count) }
    try sparse.withUnsafeMutableBufferPointer {
      try trained.checkpoint.read("S", rows: rows, into: $0)
    }
    return sparse
  }

  /// L of the rows, [rows, D]: D(E(X - S)) with the run's S, or D(E(X)) for new rows.
  public func clean(_ rows: Range<Int>) throws -> Variable {
    begin(rows)
    let x = step.target
    if usesSparsePart { ck_axpy(x.pointer, try sparse(rows), -1, x.shape.count) }
    return reconstruction(of: x)
  }
}

extension TrainedModel {
  /// The noise of inputs in measurements: the noise of training, or none for images that are
  /// already corrupted.
  func inputNoise(for images: ImageSet) throws -> Corruption {
    images.isCorrupted ? .none : try trainingNoise()
  }
}

import Autodiff
import CKernels
import Datasets
import Layers
import Models
import Tensors
import Training

/// Runs a trained model over blocks of rows.
public final class Explainer {
  private let trained: TrainedModel
  private let images: ImageSet
  private let usesSplit: Bool
  private let step: Step
  private var sparse: [Float] = []

  /// - Parameter usesSplit: whether the rows are those the run was trained on, with an S of their own.
  public init(_ trained: TrainedModel, images: ImageSet, usesSplit: Bool) throws {
    self.trained = trained
    self.images = images
    self.usesSplit = usesSplit
    let noise = try Corruption(parsing: trained.configuration.noise)
    step = Step(
      seed: trained.configuration.seed,
      corrupt: noise.isNone
        ? nil
        : { [shape = images.shape] pixels, _, row, draws in
          noise.apply(to: pixels, shape: shape, row: row, draws: draws)
        })
  }

  private func begin(_ rows: Range<Int>) {
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: images.shape.count, purpose: .evaluation, time: 0) {
        images.gather(batch, into: $0)
      }
    }
  }

  /// X of the rows, with the noise the model is trained with; [rows, D], valid until the next block.
  public func input(_ rows: Range<Int>) -> Variable {
    begin(rows)
    return step.corrupted()
  }

  /// D(E(x)) from the mean code.
  public func reconstruction(of x: Variable) -> Variable {
    trained.model.reconstruct(x, step, sampling: false)
  }

  /// The mean codes and, where there are any, log-variances of the rows.
  public func codes(_ rows: Range<Int>) -> Code {
    begin(rows)
    return trained.model.encode(step.target)
  }

  /// S of the run for rows it was trained on.
  public func sparse(_ rows: Range<Int>) throws -> [Float] {
    let count = rows.count * images.shape.count
    if sparse.count != count { sparse = Array(repeating: 0, count: count) }
    try sparse.withUnsafeMutableBufferPointer {
      try trained.checkpoint.readSparse(rows: rows, into: $0)
    }
    return sparse
  }

  /// L of the rows, [rows, D]: D(E(X - S)) with the run's S, or D(E(X)) for rows it has not seen.
  public func clean(_ rows: Range<Int>) throws -> Variable {
    begin(rows)
    let x = step.target
    if usesSplit { ck_axpy(x.pointer, try sparse(rows), -1, x.shape.count) }
    return reconstruction(of: x)
  }
}

/// Draws new images from a trained model.
public final class Sampler {
  private let trained: TrainedModel
  private let step: Step

  /// A sampler whose images are a function of `seed` and their number alone.
  public init(_ trained: TrainedModel, seed: UInt64) {
    self.trained = trained
    step = Step(seed: seed)
  }

  /// Images number `rows` of the sequence that the seed stands for, [rows, D].
  public func samples(_ rows: Range<Int>) -> Variable {
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: 1, purpose: .generation, time: 0) { _ in }
    }
    return trained.model.generate(step)
  }
}

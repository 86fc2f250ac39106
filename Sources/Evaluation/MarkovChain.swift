import Autodiff
import Datasets
import Layers
import Tensors

/// The chain x(t+1) = D(z), z ~ q(z|C(x(t))), whose states are samples of a denoising model.
///
/// docs/systems.md, 7.6; Bengio et al., "Generalized Denoising Auto-Encoders as Generative Models",
/// NeurIPS 2013.
/// C is the noise of the model's training, not clipped. Weights stay fixed, and D is the decoder's
/// mean. An encoder without a distribution gives z = E(C(x(t))). Noise is keyed by (seed, t, row),
/// so that a chain is the same on any rank and in any block.
public final class MarkovChain {
  private let model: any Encoding
  private let step: Step
  private let isSampling: Bool
  private var state: [Float] = []

  /// Chains of a model of images of a shape, with a noise.
  ///
  /// - Parameter isSampling: whether z is drawn from q, where the encoder gives a distribution, or
  ///   is its mean.
  public init(
    _ model: any Encoding, noise: Corruption, images shape: ImageShape, seed: UInt64,
    sampling isSampling: Bool = true
  ) {
    self.model = model
    self.isSampling = isSampling
    step = Step(seed: seed, corrupt: noise.corrupter(of: shape))
  }

  /// x(count) of the chains `rows` that start at the images `x`, [rows, D].
  ///
  /// It is valid until the next call; with `count` 0 it is `x`.
  public func run(_ count: Int, from x: Variable, rows: Range<Int>) -> Variable {
    var x = x
    for time in 0..<count {
      state.replaceSubrange(
        0..., with: UnsafeBufferPointer(start: x.pointer, count: x.shape.count))
      rows.map(Int32.init).withUnsafeBufferPointer { rows in
        step.begin(rows: rows, dimensions: x.shape.columns, purpose: .chain, time: time) {
          $0.update(from: state, count: state.count)
        }
      }
      x = model.reconstruct(step.corrupted(), step, sampling: isSampling)
    }
    return x
  }
}

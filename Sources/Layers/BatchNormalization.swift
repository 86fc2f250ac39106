import Autodiff
import Tensors

/// Batch normalisation of the last dimension with its activation, [B, …, C] to [B, …, C].
///
/// Statistics are taken for each lane; running averages (momentum 0.1) use the mean over lanes. So
/// statistics need no separate communication. By default weights start at 1 and biases at 0.
///
/// Names are PyTorch's. `num_batches_tracked` is left out, because nothing reads it.
public struct BatchNormalization: Network {
  /// gamma and beta, [C].
  public let weight: Parameter, bias: Parameter
  /// Running averages over past batches, [C].
  public let runningMean: Parameter, runningVariance: Parameter
  /// The activation of the result.
  public let activation: Activation

  /// A layer for `channels` channels.
  ///
  /// `activation` must have a `negativeSlope`: identity, ReLU or leaky ReLU.
  public init(
    _ channels: Int, _ activation: Activation = .identity, weights: Initializer = .ones
  ) {
    weight = Parameter(Shape(channels), weights)
    bias = Parameter(Shape(channels), .zeros)
    runningMean = Parameter(Shape(channels), .zeros, role: .statistic)
    runningVariance = Parameter(Shape(channels), .ones, role: .statistic)
    self.activation = activation
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] {
    [
      ("weight", weight), ("bias", bias), ("running_mean", runningMean),
      ("running_var", runningVariance),
    ]
  }

  /// The normalised batch, [B, …, C] to [B, …, C].
  public func callAsFunction(_ x: Variable) -> Variable {
    x.batchNormalized(
      x.parameter(weight), x.parameter(bias), mean: runningMean, variance: runningVariance,
      activation)
  }
}

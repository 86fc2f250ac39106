import Autodiff
import Tensors

/// Batch normalisation of the last dimension with its activation, [B, …, C] to [B, …, C].
///
/// Statistics are taken per lane and averaged over lanes for the running averages (momentum 0.1), so they need no communication of
/// their own. Weights start at 1 where it is not said otherwise, biases at 0. Names are PyTorch's (`num_batches_tracked` is left out: nothing
/// reads it).
public struct BatchNormalization: Network {
  /// gamma and beta, [C].
  public let weight: Parameter, bias: Parameter
  /// Averages over past batches, [C].
  public let runningMean: Parameter, runningVariance: Parameter
  /// What the result goes through.
  public let activation: Activation

  /// For `channels` channels.
  ///
  /// `activation` is one with a `negativeSlope`: identity, ReLU or leaky ReLU.
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

  /// [B, …, C] to [B, …, C].
  public func callAsFunction(_ x: Variable) -> Variable {
    x.batchNormalized(
      x.parameter(weight), x.parameter(bias), mean: runningMean, variance: runningVariance,
      activation)
  }
}

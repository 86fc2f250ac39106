import Autodiff

/// A diagonal Gaussian for each example of a batch; both parameters are [B, J].
public struct DiagonalGaussian {
  /// The means.
  public let mean: Variable
  /// log of sigma squared.
  public let logVariance: Variable

  /// A Gaussian with the given parameters.
  public init(mean: Variable, logVariance: Variable) {
    self.mean = mean
    self.logVariance = logVariance
  }

  /// A draw mean + sigma * epsilon, the reparametrisation, [B, J].
  ///
  /// For an `exponent` other than 0.5 see D-05.
  public func sample(_ epsilon: Variable, exponent: Float = 0.5) -> Variable {
    mean.reparameterized(logVariance: logVariance, epsilon: epsilon, exponent: exponent)
  }

  /// KL to N(0, I) in nats, one value for each example, [B].
  public func klToStandardNormal() -> Variable {
    mean.klToStandardNormal(logVariance: logVariance)
  }
}

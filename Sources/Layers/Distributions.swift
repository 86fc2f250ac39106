import Autodiff

/// A diagonal Gaussian for each example of a batch; both parts are [B, J].
public struct DiagonalGaussian {
  /// The means.
  public let mean: Variable
  /// log of sigma squared.
  public let logVariance: Variable

  /// From its parts.
  public init(mean: Variable, logVariance: Variable) {
    self.mean = mean
    self.logVariance = logVariance
  }

  /// A draw through the reparametrisation mean + sigma * epsilon, [B, J].
  ///
  /// `exponent` other than 0.5: see D-05.
  public func sample(_ epsilon: Variable, exponent: Float = 0.5) -> Variable {
    mean.reparameterized(logVariance: logVariance, epsilon: epsilon, exponent: exponent)
  }

  /// KL to N(0, I) in nats, one value an example, [B].
  public func klToStandardNormal() -> Variable {
    mean.klToStandardNormal(logVariance: logVariance)
  }
}

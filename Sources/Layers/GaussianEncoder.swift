import Autodiff
import Tensors

/// q(z|x) as a diagonal Gaussian; its log-variance is kept in [-12, 6], so nothing overflows.
public struct GaussianEncoder {
  /// The trunk, [B, D] to [B, H].
  let trunk: any Network
  /// The heads, [B, H] to [B, J].
  let mean: Dense, logVariance: Dense

  /// The range to which log sigma² is clamped.
  public static let logVarianceRange: ClosedRange<Float> = -12...6

  /// An encoder from its parts.
  public init(trunk: any Network, mean: Dense, logVariance: Dense) {
    self.trunk = trunk
    self.mean = mean
    self.logVariance = logVariance
  }

  /// The parts; names are checkpoint keys.
  ///
  /// A trunk without parameters is left out.
  public var children: [(String, any Module)] {
    (trunk.namedParameters.isEmpty ? [] : [("encoder", trunk)])
      + [("mean", mean), ("log_variance", logVariance)]
  }

  /// J, the number of latent dimensions.
  public var latent: Int { mean.bias.shape.count }

  /// q(z|x), [B, J].
  public func callAsFunction(_ x: Variable) -> DiagonalGaussian {
    let h = trunk(x)
    return DiagonalGaussian(
      mean: mean(h), logVariance: logVariance(h).clamped(to: Self.logVarianceRange))
  }

  /// How many elements of a batch's log-variances the clamp holds.
  public static func clampedCount(_ q: DiagonalGaussian) -> Int {
    let values = UnsafeBufferPointer(start: q.logVariance.pointer, count: q.logVariance.shape.count)
    return values.reduce(into: 0) { count, value in
      if value <= logVarianceRange.lowerBound || value >= logVarianceRange.upperBound { count += 1 }
    }
  }
}

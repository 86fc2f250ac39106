import CKernels
import Foundation
import Tensors

/// Losses that a few far values move little, in place of a Bernoulli likelihood or squared error.
///
/// As every loss they give one value for each example, [B]: the sum over the columns of [B, D]. A
/// target may have fewer rows (see `bernoulliNegativeLogLikelihood(of:)`).
extension Variable {
  /// Negative log-likelihood of `target` under Student's t around this variable, constants
  /// included.
  ///
  /// Sum of w log(1 + d² / (v s²)) + log s + ½ log(v pi) + log Γ(v / 2) - log Γ(w) for the distance
  /// d and w = (v + 1) / 2, in nats of a density. The gradient falls like 1 / d for far values.
  ///
  /// - Parameters:
  ///   - scale: s, above 0, in units of the target.
  ///   - degreesOfFreedom: v, above 0.
  public func studentNegativeLogLikelihood(
    of target: Variable, scale: Double, degreesOfFreedom v: Double
  ) -> Variable {
    precondition(scale > 0 && v > 0, "Student's t of scale \(scale), \(v) degrees of freedom")
    let constant =
      log(scale) + 0.5 * log(v * .pi) + Self.logGamma(v / 2) - Self.logGamma((v + 1) / 2)
    let (width, power) = (Float(v * scale * scale), Float((v + 1) / 2))
    return rowLoss(target) {
      ck_student_nll($0, $1, $2, $3, $4, $5, width, power, Float(constant))
    }
  }

  /// Negative log-likelihood of `target` under Laplace's distribution around this variable.
  ///
  /// Sum of |d| / b + log(2 b), in nats of a density. The gradient is ±1 / b; 0 where d is 0.
  ///
  /// - Parameter scale: b, above 0, in units of the target.
  public func laplaceNegativeLogLikelihood(of target: Variable, scale: Double) -> Variable {
    precondition(scale > 0, "Laplace's distribution of scale \(scale)")
    let constant = Float(log(2 * scale))
    return rowLoss(target) {
      ck_laplace_nll($0, $1, $2, $3, $4, $5, Float(scale), constant)
    }
  }

  /// Density power divergence of a Gaussian around this variable, of each value by itself.
  ///
  /// Sum of -(1 + 1 / beta) (p(x)^beta - 1) + integral of p^(1 + beta) - 1, where p is the density
  /// of N(y, s²). For beta towards 0 it is the Gaussian negative log-likelihood. The gradient falls
  /// to 0 for far values.
  ///
  /// - Parameters:
  ///   - beta: above 0.
  ///   - scale: s, above 0, in units of the target.
  public func gaussianDensityPowerDivergence(
    to target: Variable, beta: Double, scale: Double
  ) -> Variable {
    precondition(beta > 0 && scale > 0, "a divergence of beta \(beta), scale \(scale)")
    // The largest value of p^beta, less 1.
    let peak = expm1(-0.5 * beta * log(2 * .pi * scale * scale))
    let factor = (1 + beta) / beta * (1 + peak)
    let constant = (1 + peak) / (1 + beta).squareRoot() - 1 - (1 + beta) / beta * peak
    let slope = Float(0.5 * beta / (scale * scale))
    return rowLoss(target) {
      ck_beta_gaussian($0, $1, $2, $3, $4, $5, slope, Float(factor), Float(constant))
    }
  }

  /// Density power divergence of independent Bernoullis with this variable's logits.
  ///
  /// - By pixel: the sum of -(1 + 1 / beta) (x p^beta + (1 - x) q^beta - 1) + p^(1 + beta)
  ///   + q^(1 + beta) - 1, where q = 1 - p.
  /// - By image: the same of the products over all pixels, as Akrami et al. have it; their constant
  ///   is larger by 1. An image that fits badly as a whole then has hardly any gradient.
  ///
  /// For beta towards 0 both are the Bernoulli negative log-likelihood.
  ///
  /// - Parameters:
  ///   - target: in [0, 1].
  ///   - beta: above 0.
  public func bernoulliDensityPowerDivergence(
    to target: Variable, beta: Double, ofWholeImages isWhole: Bool = false
  ) -> Variable {
    precondition(beta > 0, "a divergence of beta \(beta)")
    return isWhole
      ? rowLoss(target) { ck_beta_bernoulli_image($0, $1, $2, $3, $4, $5, Float(beta)) }
      : rowLoss(target) { ck_beta_bernoulli($0, $1, $2, $3, $4, $5, Float(beta)) }
  }

  /// log Γ(x) of x > 0.
  private static func logGamma(_ x: Double) -> Double { lgamma(x) }
}

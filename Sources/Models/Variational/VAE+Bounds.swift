import Autodiff
import Layers

/// Bounds of the VAE of images in [0, 1], by its Bernoulli likelihood, for every training loss.
extension VAE: LatentVariableModel {
  private func scaled(_ x: Variable) -> LogScaleGaussian {
    let q = posterior(x)
    return LogScaleGaussian(mean: q.mean, logDeviation: exponent * q.logVariance)
  }

  /// Negative evidence lower bound with one sample, [B].
  public func negativeBound(_ step: Step, isCorrupted: Bool) -> Variable {
    ImportanceWeightedBound(samples: 1, average: .logWeights, analyticKL: true)
      .negative(scaled(isCorrupted ? step.corrupted() : step.target), step) {
        likelihood(of: step.target, given: $0)
      }
  }

  /// -log p(x|z), [R]: of the known noise, or Bernoullis.
  private func likelihood(of x: Variable, given z: Variable) -> Variable {
    noise?.negativeLogLikelihood(of: x, logits: decoder(z))
      ?? decoder(z).bernoulliNegativeLogLikelihood(of: x)
  }

  /// log w of draws from q(z|x), [B, count].
  public func logWeights(_ step: Step, count: Int, repetition: Int) -> Variable {
    ImportanceWeightedBound.logWeights(
      scaled(step.target), count: count, step, repetition: repetition
    ) {
      likelihood(of: step.target, given: $0)
    }
  }

  /// Whether the known noise has densities; Bernoullis have probabilities.
  public var isDensity: Bool { noise?.isDensity ?? false }
}

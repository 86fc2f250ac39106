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
        decoder($0).bernoulliNegativeLogLikelihood(of: step.target)
      }
  }

  /// log w of draws from q(z|x), [B, count].
  public func logWeights(_ step: Step, count: Int, repetition: Int) -> Variable {
    ImportanceWeightedBound.logWeights(
      scaled(step.target), count: count, step, repetition: repetition
    ) {
      decoder($0).bernoulliNegativeLogLikelihood(of: step.target)
    }
  }

  /// Always false: Bernoullis have probabilities.
  public var isDensity: Bool { false }
}

import Autodiff
import Layers
import Tensors

/// A lower bound of log p(x) from K samples of z for each of M inputs x~ of an example.
///
/// The importance weight of a sample is w = p(x|z) p(z) / q(z|x~). q belongs to the x~ for which z
/// was drawn; the likelihood is of the clean x. The weights give two bounds:
/// - The mean of log w over all samples: the bound of Kingma & Welling, and the denoising bound of
///   Im et al. (DVAE).
/// - The log of the mean of w: the bound of Burda et al. (IWAE), and its denoising form by Im et
///   al. (DIWAE).
///
/// Shapes: B examples, J latent dimensions. Samples are stacked as rows: sample k of input m of
/// example b is row (b M + m) K + k. All values are in nats.
public struct ImportanceWeightedBound: Sendable, Equatable {
  /// The averaged values.
  public enum Average: Sendable, Equatable {
    /// log w, over all samples and inputs.
    case logWeights
    /// w, over all samples and inputs, inside one logarithm (D-23).
    case weights
    /// w over the samples of an input, then the logarithms over inputs (D-23, "outside").
    case weightsOfEachInput
  }

  /// K, samples for each input.
  public let samples: Int
  /// M, inputs for each example.
  public let inputs: Int
  /// The averaged values.
  public let average: Average
  /// Whether KL(q(z|x~) || p(z)) has its closed form and only the likelihood is sampled (D-22); for
  /// the average of log w.
  public let analyticKL: Bool

  /// The weight of the KL, or of log q(z|x~) - log p(z) where it is sampled; other than 1 only in
  /// training, for the average of log w.
  let weight: KLWeight

  /// A bound from its parts.
  public init(
    samples: Int, inputs: Int = 1, average: Average, analyticKL: Bool,
    weight: KLWeight = KLWeight()
  ) {
    precondition(samples > 0 && inputs > 0, "a bound by \(samples) samples of \(inputs) inputs")
    precondition(
      average == .logWeights || !analyticKL && weight == KLWeight(),
      "importance weights need each sample's q(z|x)")
    self.weight = weight
    self.samples = samples
    self.inputs = inputs
    self.average = average
    self.analyticKL = analyticKL
  }

  /// The negative bound of each example, [B], with its terms reported to `step`.
  ///
  /// - Parameters:
  ///   - q: q(z|x~), [B M, J].
  ///   - negativeLogLikelihood: -log p(x|z) of the samples z, [B M K, J] to [B M K].
  ///   - step: the source of noise.
  public func negative(
    _ q: LogScaleGaussian, _ step: Step, negativeLogLikelihood: (Variable) -> Variable
  ) -> Variable {
    let rows = q.mean.shape.rows / inputs
    let epsilon = noise(q, samples, step, repetition: 0)
    let z = q.sample(epsilon)
    let nll = negativeLogLikelihood(z)
    func byExample(_ x: Variable) -> Variable {
      let each = x.shape.count / rows
      return each == 1 ? x : x.reshaped(Shape(rows, each)).columnMeans()
    }
    let reconstruction = byExample(nll)
    step.report(.reconstruction, reconstruction)
    if analyticKL {
      let kl = byExample(q.klToStandardNormal())
      step.report(.kl, kl)
      return weight.sum(reconstruction, kl, step)
    }
    let logRatio = z.priorLogRatio(logDeviation: q.logDeviation, epsilon: epsilon)
    step.report(.kl, byExample(-1 * logRatio))
    let beta = weight.weight(of: step)
    let logWeights = (beta == 1 ? logRatio : beta * logRatio) - nll
    switch average {
    case .logWeights: return -1 * byExample(logWeights)
    case .weights:
      return -1 * logWeights.reshaped(Shape(rows, inputs * samples)).logMeanExp()
    case .weightsOfEachInput:
      return -1 * byExample(logWeights.reshaped(Shape(rows * inputs, samples)).logMeanExp())
    }
  }

  /// log w of `count` samples from q for each example, [B, count]; `repetition` numbers the draws.
  public static func logWeights(
    _ q: LogScaleGaussian, count: Int, _ step: Step, repetition: Int,
    negativeLogLikelihood: (Variable) -> Variable
  ) -> Variable {
    let epsilon = step.latentNoise(count * q.mean.shape.columns, repetition: repetition)
      .reshaped(Shape(q.mean.shape.rows * count, q.mean.shape.columns))
    let z = q.sample(epsilon)
    let logRatio = z.priorLogRatio(logDeviation: q.logDeviation, epsilon: epsilon)
    return (logRatio - negativeLogLikelihood(z)).reshaped(Shape(q.mean.shape.rows, count))
  }

  /// Standard normal noise for the samples, [B M K, J].
  ///
  /// An example's draws follow one another, so that a smaller number of samples is the start of a
  /// larger number.
  private func noise(
    _ q: LogScaleGaussian, _ samples: Int, _ step: Step, repetition: Int
  ) -> Variable {
    let columns = q.mean.shape.columns
    return step.latentNoise(inputs * samples * columns, repetition: repetition)
      .reshaped(Shape(q.mean.shape.rows * samples, columns))
  }
}

/// A diagonal Gaussian for each row by its mean and log sigma, both [R, J].
public struct LogScaleGaussian {
  /// The means.
  public let mean: Variable
  /// log sigma, half of the log-variance.
  public let logDeviation: Variable

  /// A Gaussian from its parts.
  public init(mean: Variable, logDeviation: Variable) {
    self.mean = mean
    self.logDeviation = logDeviation
  }

  /// log of sigma squared, [R, J].
  public var logVariance: Variable { 2 * logDeviation }

  /// mean + sigma * epsilon for each row of `epsilon`, [R K, J]; K rows for each row of the
  /// Gaussian.
  public func sample(_ epsilon: Variable) -> Variable {
    mean.samples(logDeviation: logDeviation, epsilon: epsilon)
  }

  /// KL to N(0, I) in nats, [R].
  public func klToStandardNormal() -> Variable {
    mean.klToStandardNormal(logVariance: logVariance)
  }
}

import Autodiff
import Layers
import Tensors
import Training

/// Weight of the KL term.
public struct KLWeight: SettingsGroup {
  /// The factor of the KL term; 1 gives the evidence lower bound.
  public var beta = 1.0
  /// The epochs in which the factor grows from 0.
  public var warmUpEpochs = 0

  /// The defaults.
  public init() {}

  /// `beta`, `kl_warmup_epochs`.
  public static let entries: [SettingsEntry<KLWeight>] = [
    .real(
      "beta", \.beta, .notNegative,
      "Weight of the KL term.", "4.2: 1 is the VAE"),
    .integer(
      "kl_warmup_epochs", \.warmUpEpochs, 0...1_000_000,
      "Epochs in which that weight grows evenly from 0: codes are found before they cost.",
      "4.2 [R]: 0"
    ),
  ]

  /// Warnings about a weight that is never reached.
  public func unreached(_ system: String, epochs: Int) -> [String] {
    warmUpEpochs < epochs || warmUpEpochs == 0
      ? [] : ["kl_warmup_epochs=\(warmUpEpochs): none of the run's \(epochs) epochs has beta"]
  }

  /// The negative bound of a step, [B], or the like: `reconstruction` + weight `kl`.
  func sum(_ reconstruction: Variable, _ kl: Variable, _ step: Step) -> Variable {
    let weight = weight(of: step)
    return weight == 1 ? reconstruction + kl : reconstruction + weight * kl
  }

  /// The weight in the epoch of a step; `beta` outside training.
  func weight(of step: Step) -> Float {
    guard step.epoch < warmUpEpochs else { return Float(beta) }
    return Float(beta * Double(step.epoch) / Double(warmUpEpochs))
  }
}

/// The comparison of a reconstruction with its target.
public struct ReconstructionSettings: SettingsGroup {
  /// The term.
  public var term = ReconstructionTerm.bce
  /// What terms that far values move little read.
  public var robust = RobustLossSettings()

  /// The defaults.
  public init() {}

  /// `reconstruction_term`, and what some of its terms read.
  public static let entries: [SettingsEntry<ReconstructionSettings>] = [
    .choice(
      "reconstruction_term", \.term,
      "Comparison with the target: Bernoulli likelihood; squared error, or its root; likelihoods of "
        + "Student's t and of Laplace, or a density power divergence, which far values move little.",
      "D-03 [C]: bce"),
    .group(\.robust),
  ]

  /// Whole images have the Bernoulli form alone.
  public func check(
    _ system: String, with common: CommonSettings
  ) throws(ConfigurationError) {
    if term == .betaDivergence { try robust.checkDivergence() }
  }

  /// Settings of other terms than the chosen one.
  public func unreached(_ system: String, epochs: Int) -> [String] {
    robust.unread(by: term)
  }

  /// Whether the term is -log p(x|z), in nats: of Bernoullis, or of a density.
  var isLogLikelihood: Bool {
    switch term {
    case .bce, .studentT, .laplace: true
    case .mse, .l2norm, .betaDivergence: false
    }
  }

  /// Whether the target must lie in [0, 1], as probabilities do.
  var isOfProbabilities: Bool {
    term == .bce || term == .betaDivergence && robust.decoder == .bernoulli
  }

  /// The distance of `output` of `logits` [B, D] from `x` [B, D], [B]: summed over the pixels.
  ///
  /// - Parameter output: the function whose result is the decoder's mean. Terms of probabilities
  ///   take the sigmoid.
  func loss(logits: Variable, of x: Variable, output: Activation = .sigmoid) -> Variable {
    let scale = robust.scale
    switch term {
    case .bce: return logits.bernoulliNegativeLogLikelihood(of: x)
    case .mse: return logits.activated(output).squaredError(to: x)
    case .l2norm: return logits.activated(output).squaredError(to: x).squareRoot()
    case .studentT:
      return logits.activated(output).studentNegativeLogLikelihood(
        of: x, scale: scale, degreesOfFreedom: robust.degreesOfFreedom)
    case .laplace:
      return logits.activated(output).laplaceNegativeLogLikelihood(of: x, scale: scale)
    case .betaDivergence:
      guard robust.decoder == .gaussian else {
        return logits.bernoulliDensityPowerDivergence(
          to: x, beta: robust.exponent, ofWholeImages: robust.part == .image)
      }
      return logits.activated(output).gaussianDensityPowerDivergence(
        to: x, beta: robust.exponent, scale: scale)
    }
  }
}

/// D-03: the comparison of a reconstruction with its target, summed over pixels, mean over the
/// batch.
public enum ReconstructionTerm: String, CaseIterable, Sendable {
  /// Bernoulli negative log-likelihood.
  case bce
  /// Squared error.
  case mse
  /// Euclidean norm of the difference, not squared.
  case l2norm
  /// Negative log-likelihood of Student's t around the decoder's mean.
  case studentT = "student_t"
  /// Negative log-likelihood of Laplace's distribution around the decoder's mean.
  case laplace
  /// Density power divergence in place of a log-likelihood.
  case betaDivergence = "beta_divergence"
}

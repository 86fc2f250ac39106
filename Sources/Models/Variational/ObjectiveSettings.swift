import Autodiff
import Tensors
import Training

/// Weight of the KL term.
public struct KLWeight: SettingsGroup {
  /// The factor of the KL term; 1 gives the evidence lower bound.
  public var beta = 1.0

  /// The default.
  public init() {}

  /// `beta`.
  public static let entries: [SettingsEntry<KLWeight>] = [
    .real(
      "beta", \.beta, .notNegative,
      "Weight of the KL term.", "4.2: 1 is the VAE")
  ]
}

/// The comparison of a reconstruction with its target.
public struct ReconstructionSettings: SettingsGroup {
  /// The term.
  public var term = ReconstructionTerm.bce

  /// The default.
  public init() {}

  /// `reconstruction_term`.
  public static let entries: [SettingsEntry<ReconstructionSettings>] = [
    .choice(
      "reconstruction_term", \.term,
      "Comparison with the target: Bernoulli likelihood, squared error, or its root.",
      "D-03 [C]: bce")
  ]
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
}

extension ReconstructionTerm {
  /// The distance of the sigmoid of `logits` [B, D] from `x` [B, D], [B]: summed over the pixels,
  /// in nats for bce.
  ///
  /// - Parameter output: another function of the logits, which bce does not have.
  func loss(logits: Variable, of x: Variable, output: Activation = .sigmoid) -> Variable {
    switch self {
    case .bce: logits.bernoulliNegativeLogLikelihood(of: x)
    case .mse: logits.activated(output).squaredError(to: x)
    case .l2norm: logits.activated(output).squaredError(to: x).squareRoot()
    }
  }
}

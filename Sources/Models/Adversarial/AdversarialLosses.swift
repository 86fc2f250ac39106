import Autodiff
import Training

/// The losses of the two players of an adversarial game (Goodfellow et al., 2014).
///
/// They are functions of the discriminator's logits s [B, 1] of "real", in nats, one value an
/// example [B]. The generator's loss is non-saturating, where the papers print the saturating loss
/// (option `generator_loss`, D-27).
struct AdversarialLosses {
  /// Whether the generator minimises log(1 - D) in place of -log D.
  let isSaturating: Bool
  /// A number added to probabilities inside the logarithms; 0 except in the RVAE authors' GAN
  /// (D-12).
  let epsilon: Float

  /// The discriminator's part for real examples: -log D.
  func real(_ s: Variable) -> Variable { negativeLog(s, sign: 1) }

  /// The discriminator's part for generated examples: -log(1 - D).
  func fake(_ s: Variable) -> Variable { negativeLog(s, sign: -1) }

  /// The generator's loss for its examples.
  func generator(_ s: Variable) -> Variable { isSaturating ? -1 * fake(s) : real(s) }

  private func negativeLog(_ s: Variable, sign: Float) -> Variable {
    epsilon == 0
      ? s.softplus(sign: -sign) : s.negativeLogSigmoid(sign: sign, epsilon: epsilon)
  }
}

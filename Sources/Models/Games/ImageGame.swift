import Autodiff
import Layers
import Tensors
import Training

/// Common parts of generative adversarial networks: the game on images (docs/systems.md, 4.4, 4.5).
///
/// Shapes: B examples, D pixels, J latent dimensions. The real images are the batch's images with
/// their noise of training. With `known_noise`, generated images suffer that noise before they are
/// judged, drawn anew in each phase; samples stay clean. The discriminator's step sees generated
/// images as data. The generator's gradients flow through the discriminator, which stays fixed.
/// Each phase has its own codes.
protocol ImageGame: Generative, Trainable {
  /// The generator, [B, J] -> [B, D].
  var generator: any Network { get }
  /// The discriminator, [B, D] -> [B, 1]; logit of "real".
  var discriminator: any Network { get }
  /// RMSprop's momentum for the discriminator; nil for the common momentum.
  var momentum: Double? { get }
  /// What the real images are known to suffer.
  var knownNoise: AmbientNoise { get }
  /// The losses of both players.
  var losses: AdversarialLosses { get }
  /// Generated images, [B, D], before the known noise.
  func images(_ z: Variable) -> Variable
  /// The discriminator's logits of a batch, [B, 1]; `repetition` numbers the uses in a step.
  func judge(_ x: Variable, _ step: Step, repetition: Int) -> Variable
}

extension ImageGame {
  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("generator", generator), ("discriminator", discriminator)]
  }

  /// One phase for each player, the discriminator's first.
  public var phases: [Phase] {
    [
      Phase("discriminator", updates: ["discriminator"], momentum: momentum),
      Phase("generator", updates: ["generator"]),
    ]
  }

  /// The loss of one phase, [B], in nats an example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let z = step.normal(latent, .prior, repetition: phase)
    let made = images(z)
    if phase == 0 {
      let loss =
        losses.real(judge(step.corrupted(), step, repetition: 0))
        + losses.fake(judge(knownNoise(made.detached(), step, phase: 0), step, repetition: 1))
      step.report(.discriminator, loss)
      return loss
    }
    let seen = knownNoise(made, step, phase: 1)
    let loss = losses.generator(judge(seen, step, repetition: 2))
    step.report(.other("generator"), loss)
    return loss
  }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable {
    step.normal(latent, step.purpose == .latent ? .prior : step.purpose)
  }
}

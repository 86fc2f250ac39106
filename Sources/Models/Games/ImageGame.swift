import Autodiff
import Layers
import Tensors
import Training

/// What generative adversarial networks share: the game on images (systems.md 4.4, 4.5).
///
/// Shapes: B examples, D pixels, J latent dimensions. Real are the batch's images, with their noise of training. The
/// discriminator's step sees made images as data; the generator's flows through the discriminator, which stands still. Each
/// has codes of its own.
protocol ImageGame: Generative, Trainable {
  /// [B, J] -> [B, D].
  var generator: any Network { get }
  /// [B, D] -> [B, 1]; logit of "real".
  var discriminator: any Network { get }
  /// RMSprop's momentum for the discriminator; nil for that of all.
  var momentum: Double? { get }
  /// What both minimise.
  var losses: AdversarialLosses { get }
  /// Images as the discriminator sees them, [B, D].
  func images(_ z: Variable) -> Variable
  /// The discriminator's logits of a batch, [B, 1]; `pass` tells the passes of a step apart.
  func judge(_ x: Variable, _ step: Step, pass: Int) -> Variable
}

extension ImageGame {
  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [("generator", generator), ("discriminator", discriminator)]
  }

  /// One step of each, the discriminator's first.
  public var phases: [Phase] {
    [
      Phase("discriminator", updates: ["discriminator"], momentum: momentum),
      Phase("generator", updates: ["generator"]),
    ]
  }

  /// The loss of one phase, [B], in nats an example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let z = step.normal(latent, .prior, pass: phase)
    let made = images(z)
    if phase == 0 {
      let loss =
        losses.real(judge(step.corrupted(), step, pass: 0))
        + losses.fake(judge(made.detached(), step, pass: 1))
      step.report(.discriminator, loss)
      return loss
    }
    let loss = losses.generator(judge(made, step, pass: 2))
    step.report(.other("generator"), loss)
    return loss
  }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable {
    step.normal(latent, step.purpose == .latent ? .prior : step.purpose)
  }
}

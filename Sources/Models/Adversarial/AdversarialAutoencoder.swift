import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Common parts of adversarial autoencoders: networks, phases and losses (docs/systems.md, 7.1 to
/// 7.3).
///
/// Shapes: B examples, D pixels, J latent dimensions. A discriminator separates codes of the prior
/// from codes of images; the encoder learns to mislead it. Models differ in the codes that they
/// match to the prior.
protocol AdversarialAutoencoder: Autoencoder, Generative, Trainable {
  /// Networks, prior and options.
  var game: CodeGame { get }
  /// The code [B, J] from which clean images are reconstructed; each `round` has fresh noise.
  func reconstructedCode(_ step: Step, round: Int) -> Variable
  /// The code [B, J] that is matched to the prior.
  func matchedCode(_ step: Step, round: Int) -> Variable
}

/// The networks of an adversarial autoencoder, and the rules of their game.
public struct CodeGame {
  let encoder: any Network  // [B, D] -> [B, J]
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let discriminator: Perceptron  // [B, J] -> [B, 1]; logit of "from the prior"
  let prior: LatentPrior
  let latent: Int
  let losses: AdversarialLosses
  fileprivate let parts: [Part]
  /// The phases, one for each part.
  let phases: [Phase]
  let alpha: Float
  /// The weights of encoder and decoder, if they are penalised (D-32).
  let penalizedWeights: [Parameter]

  /// A phase of the training step.
  fileprivate enum Part: String {
    case reconstruction, discriminator
    case encoderPrior = "encoder_prior"
    /// Reconstruction and match to the prior together.
    case joint

    func phase(momentum: Double?) -> Phase {
      switch self {
      case .reconstruction, .joint: Phase(rawValue, updates: ["encoder", "decoder"])
      case .discriminator: Phase(rawValue, updates: ["discriminator"], momentum: momentum)
      case .encoderPrior: Phase(rawValue, updates: ["encoder"])
      }
    }
  }

  /// The largest number of rounds of fresh noise in a step; draws of a round are this far apart.
  static let rounds = 3

  /// A game for images of a shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  init(_ c: Settings, _ image: ImageShape) throws(ConfigurationError) {
    latent = c.network.latent
    let architecture = try Architecture(c.network, image)
    let encoder = Sequential(architecture.trunk + [(architecture.head(latent), 1)])
    self.encoder = encoder
    decoder = architecture.decoder
    discriminator = Perceptron(
      [latent] + c.discriminatorHidden + [1],
      c.discriminatorActivation.activation ?? c.network.layers.activation, last: .identity,
      initialized: c.network.connected.initialization.initialization)
    prior = LatentPrior(c)
    losses = AdversarialLosses(isSaturating: c.players.generatorLoss == .saturating, epsilon: 0)
    alpha = Float(c.alpha)
    parts =
      switch (c.joint, c.updateOrder) {
      case (true, _): [.joint, .discriminator]
      case (false, .reconstructionFirst): [.reconstruction, .discriminator, .encoderPrior]
      case (false, .discriminatorFirst): [.discriminator, .encoderPrior, .reconstruction]
      }
    phases = parts.map { $0.phase(momentum: c.players.discriminatorMomentum) }
    penalizedWeights =
      c.spriteRegularization
      ? (encoder.namedParameters + architecture.decoder.namedParameters)
        .filter { $0.name.hasSuffix("weight") }.map(\.parameter)
      : []
  }

  /// The round of noise that a part uses.
  ///
  /// The paper's order draws once a step: one round for all parts. The authors' code begins with
  /// the discriminator and draws for each part.
  fileprivate func round(of part: Part) -> Int {
    parts.first == .discriminator ? parts.firstIndex(of: part) ?? 0 : 0
  }
}

extension AdversarialAutoencoder {
  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    [
      ("encoder", game.encoder), ("decoder", game.decoder), ("discriminator", game.discriminator),
    ]
  }

  /// The paper's order: reconstruction, discriminator, encoder (options: `update_order`, `joint`).
  public var phases: [Phase] { game.phases }

  /// The loss of one phase, [B]; the reconstruction is in nats a pixel, the other terms in nats an
  /// example.
  public func loss(phase: Int, _ step: Step) -> Variable {
    let part = game.parts[phase]
    let round = game.round(of: part)
    switch part {
    case .reconstruction:
      return reconstruction(reconstructedCode(step, round: round), step)
    case .discriminator:
      if game.parts.first == .joint { return discrimination(step.kept(matchedCodes), step) }
      let codes = matchedCode(step, round: round)
      step.keep(codes, matchedCodes)
      return discrimination(codes, step)
    case .encoderPrior:
      let isFresh = round != game.round(of: .discriminator)
      return misleading(isFresh ? matchedCode(step, round: round) : step.kept(matchedCodes), step)
    case .joint:
      // The discriminator's update follows, from the same forward pass. Neither update sees the
      // other's result, as if both were made at once. The authors' CelebA code does the same.
      let codes = matchedCode(step, round: round)
      step.keep(codes, matchedCodes)
      return reconstruction(reconstructedCode(step, round: round), step)
        + game.alpha * misleading(codes, step)
    }
  }

  /// The key under which codes are kept for a later phase.
  private var matchedCodes: Int { 0 }

  /// -[x log xh + (1 - x) log(1 - xh)], the mean over the pixels.
  private func reconstruction(_ code: Variable, _ step: Step) -> Variable {
    let x = step.target
    var loss =
      (1 / Float(x.shape.columns)) * game.decoder(code).bernoulliNegativeLogLikelihood(of: x)
    step.report(.reconstruction, loss)
    for weight in game.penalizedWeights {
      loss = loss.penalized(by: loss.parameter(weight), l1: 0.1, l2: 1e-4)
    }
    return loss
  }

  /// -log D(z_real) - log(1 - D(z_fake)); no gradient flows into the codes.
  private func discrimination(_ codes: Variable, _ step: Step) -> Variable {
    let rows = codes.shape.rows
    let logits = game.discriminator(prior(step).stacked(over: codes.detached()))
    let loss =
      game.losses.real(logits.rows(0..<rows)) + game.losses.fake(logits.rows(rows..<2 * rows))
    step.report(.discriminator, loss)
    return loss
  }

  /// The encoder's loss against the discriminator.
  private func misleading(_ codes: Variable, _ step: Step) -> Variable {
    let loss = game.losses.generator(game.discriminator(codes))
    step.report(.other("encoder_prior"), loss)
    return loss
  }

  /// The latent dimensions, J.
  public var latent: Int { game.latent }

  /// Codes of x without noise, [B, J].
  public func encode(_ x: Variable) -> Code { Code(mean: game.encoder(x)) }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { game.decoder(z).activated(.sigmoid) }

  /// As PyTorch computes it.
  public var torchImages: String? { "sigmoid(decoder(z))" }

  /// As PyTorch computes it.
  public var torchCode: String? { "encoder(x)" }

  /// Codes from the prior, [B, J].
  public func prior(_ step: Step) -> Variable { game.prior.sample(game.latent, step) }
}

import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// What adversarial autoencoders share: networks, phases and losses (systems.md 7.1 to 7.3).
///
/// Shapes: B examples, D pixels, J latent dimensions. A discriminator tells codes of the prior from codes of images; the
/// encoder learns to mislead it. Models differ in the codes that they match to the prior.
protocol AdversarialAutoencoder: Autoencoder, Generative, Trainable {
  /// Networks, prior and options.
  var game: CodeGame { get }
  /// The code [B, J] that clean images are reconstructed from. `round` tells fresh noise apart.
  func reconstructedCode(_ step: Step, round: Int) -> Variable
  /// The code [B, J] that is matched to the prior.
  func matchedCode(_ step: Step, round: Int) -> Variable
}

/// The players of an adversarial autoencoder and the rules they play by.
public struct CodeGame {
  let encoder: any Network  // [B, D] -> [B, J]
  let decoder: any Network  // [B, J] -> [B, D]; logits
  let discriminator: Perceptron  // [B, J] -> [B, 1]; logit of "from the prior"
  let prior: LatentPrior
  let latent: Int
  let losses: AdversarialLosses
  fileprivate let parts: [Part]
  /// One a part.
  let phases: [Phase]
  let alpha: Float
  /// The weights of encoder and decoder, where these are penalised (D-32).
  let penalizedWeights: [Parameter]

  /// A phase of the training step.
  fileprivate enum Part: String {
    case reconstruction, discriminator
    case encoderPrior = "encoder_prior"
    /// Reconstruction and match to the prior at once.
    case joint

    func phase(momentum: Double?) -> Phase {
      switch self {
      case .reconstruction, .joint: Phase(rawValue, updates: ["encoder", "decoder"])
      case .discriminator: Phase(rawValue, updates: ["discriminator"], momentum: momentum)
      case .encoderPrior: Phase(rawValue, updates: ["encoder"])
      }
    }
  }

  /// Rounds of fresh noise that a step has at most; copies of a round are this far apart.
  static let rounds = 3

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

  /// The round of noise that a part uses: one for all in the paper's order, which draws once a step; one each in the
  /// authors' code, which begins with the discriminator.
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

  /// The loss of one phase, [B]; terms in nats: the reconstruction's a pixel, the others an example.
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
      // The discriminator's update comes after this one and from the same forward pass, so that neither sees the
      // other's: as if both were made at once, like in the authors' CelebA code.
      let codes = matchedCode(step, round: round)
      step.keep(codes, matchedCodes)
      return reconstruction(reconstructedCode(step, round: round), step)
        + game.alpha * misleading(codes, step)
    }
  }

  /// The key that codes are kept under for a later phase.
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

  /// -log D(z_real) - log(1 - D(z_fake)); nothing flows into the codes.
  private func discrimination(_ codes: Variable, _ step: Step) -> Variable {
    let rows = codes.shape.rows
    let logits = game.discriminator(prior(step).stacked(over: codes.detached()))
    let loss =
      game.losses.real(logits.rows(0..<rows)) + game.losses.fake(logits.rows(rows..<2 * rows))
    step.report(.discriminator, loss)
    return loss
  }

  /// What the encoder minimises against the discriminator.
  private func misleading(_ codes: Variable, _ step: Step) -> Variable {
    let loss = game.losses.generator(game.discriminator(codes))
    step.report(.other("encoder_prior"), loss)
    return loss
  }

  /// J.
  public var latent: Int { game.latent }

  /// Codes of x as it is, [B, J].
  public func encode(_ x: Variable) -> Code { Code(mean: game.encoder(x)) }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { game.decoder(z).activated(.sigmoid) }

  /// Codes from the prior, [B, J].
  public func prior(_ step: Step) -> Variable { game.prior.sample(game.latent, step) }
}

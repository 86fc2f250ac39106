import Tensors
import Training

/// Settings that models with a discriminator share: the training of the two players.
public struct PlayerSettings: SettingsGroup {
  /// The loss of the encoder, or of a GAN's generator, against the discriminator.
  public var generatorLoss = GeneratorLoss.nonSaturating
  /// RMSprop's momentum for discriminators; nil for the common momentum.
  public var discriminatorMomentum: Double?

  /// The defaults.
  public init() {}

  /// The generator's loss, the discriminator's momentum.
  public static let entries: [SettingsEntry<PlayerSettings>] = [
    .choice(
      "generator_loss", \.generatorLoss, "What the encoder minimises against the discriminator.",
      "D-27 [C]: non_saturating"),
    .optionalFraction(
      "discriminator_momentum", \.discriminatorMomentum, absent: "rmsprop_momentum",
      "Momentum of RMSprop for the discriminator.", "D-31 [P]: 0.1 on CelebA"),
  ]

  /// The settings that help against a collapse.
  ///
  /// - Parameter gentler: what helps where the discriminator has won with the usual loss.
  func cure(
    of warning: CollapseWarning, gentler: String = "a smaller learning_rate"
  ) -> String {
    guard warning == .discriminatorWon else { return "a smaller learning_rate or more epochs" }
    return generatorLoss == .saturating ? "generator_loss=non_saturating" : gentler
  }
}

/// D-27: the encoder's loss as a function of the discriminator's logit s.
public enum GeneratorLoss: String, CaseIterable, Sendable {
  /// softplus(-s).
  case nonSaturating = "non_saturating"
  /// -softplus(s).
  case saturating
}

/// The activation of a discriminator's hidden layers.
public struct DiscriminatorActivation: SettingsGroup {
  /// The activation as set; nil for the activation of the other networks.
  public var activation: Activation?

  /// The default.
  public init() {}

  /// `discriminator_activation`.
  public static let entries: [SettingsEntry<DiscriminatorActivation>] = [
    .optionalChoice(
      "discriminator_activation", \.activation, absent: "activation",
      "The function behind the discriminator's hidden layers.", "4.4 [C]: leaky_relu in one of two")
  ]
}

extension CodeGame {
  /// The settings of all adversarial autoencoders.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// Units of the discriminator's hidden layers.
    public var discriminatorHidden = [1000, 1000]
    /// The distribution to which codes are matched.
    public var prior = Prior.gaussian
    /// Distance of the ten components of `gmm10` from the origin.
    public var gmmRadius = 4.0
    /// The order of the phases.
    public var updateOrder = UpdateOrder.reconstructionFirst
    /// Whether reconstruction and match to the prior are one loss.
    public var joint = false
    /// Weight of the match to the prior in the joint loss.
    public var alpha = 1.0
    /// Whether weights of encoder and decoder are penalised as in the authors' Sprites code.
    public var spriteRegularization = false
    /// The training of the players.
    public var players = PlayerSettings()
    /// The activation of the discriminator's hidden layers.
    public var discriminatorActivation = DiscriminatorActivation()

    /// The defaults.
    public init() {}

    /// Networks, then the game.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .layers(
        "discriminator_hidden", \.discriminatorHidden, "Hidden layers of the discriminator.",
        "7.1 [P]: 1000,1000"
      ).fixed,
      .choice("prior", \.prior, "What the codes are matched to.", "7.5").fixed,
      .real(
        "gmm_radius", \.gmmRadius, .positive, "Radius of the circle of gmm10.", "D-30 [P]: 4"),
      .choice(
        "update_order", \.updateOrder, "Which phase of an adversarial step comes first.",
        "D-28 [P]"),
      .flag(
        "joint", \.joint,
        "One loss for encoder and decoder: reconstruction + alpha times the match to the prior.",
        "D-28; [C] on CelebA"
      ).fixed,
      .real(
        "alpha", \.alpha, .notNegative, "Weight of the match to the prior in the joint loss.",
        "7.3 [C]: 1"),
      .flag(
        "sprite_reg", \.spriteRegularization,
        "Adds 0.1 times the l1 norm and 1e-4 times the squared l2 norm of encoder and decoder "
          + "weights.",
        "D-32 [P]: off"),
      .group(\.players),
      .group(\.discriminatorActivation),
    ]

    /// Checks that the mixture has two dimensions and that a joint step keeps the default order.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      if prior == .gmm10 && network.latent != 2 {
        throw ConfigurationError(
          key: "latent", found: "\(network.latent)",
          expected: "2, which prior=gmm10 is made for; set latent=2 or prior=gaussian")
      }
      if joint && updateOrder != .reconstructionFirst {
        throw ConfigurationError(
          key: "update_order", found: updateOrder.rawValue,
          expected: "\(UpdateOrder.reconstructionFirst.rawValue) with joint=true, which has one "
            + "order")
      }
    }
  }

  /// A distribution over codes.
  public enum Prior: String, CaseIterable, Sendable {
    /// N(0, I).
    case gaussian
    /// Ten components of standard deviation 0.5 on a circle, in two dimensions.
    case gmm10
  }

  /// D-28: the order of the phases.
  public enum UpdateOrder: String, CaseIterable, Sendable {
    /// The paper's order: reconstruction, discriminator, encoder.
    case reconstructionFirst = "reconstruction_first"
    /// The order of the authors' MNIST and Omniglot code: discriminator, encoder, reconstruction,
    /// each with its own noise.
    case discriminatorFirst = "discriminator_first"
  }
}

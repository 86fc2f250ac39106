/// The settings that loops of steps share: the update rule and the order of rows.
public struct OptimizerSettings: SettingsGroup {
  /// Whether a lane's rows come in a new order every epoch.
  public var shuffle = false
  /// The rule that turns gradients into updates.
  public var optimizer = Kind.adam
  /// The learning rate.
  public var learningRate = 1e-3
  /// Decay of Adam's first moment.
  public var adamBeta1 = 0.9
  /// Decay of Adam's second moment.
  public var adamBeta2 = 0.999
  /// A small number that is added to the root of Adam's and RMSprop's second moment.
  public var adamEpsilon = 1e-8
  /// Decay of RMSprop's mean square.
  public var rmspropAlpha = 0.99
  /// Momentum of RMSprop.
  public var rmspropMomentum = 0.0
  /// The factor of the learning rate after every epoch.
  public var learningRateDecay = 1.0
  /// The schedule of the learning rate over the run.
  public var learningRateSchedule = LearningRateSchedule.constant
  /// The largest norm of a phase's gradient; 0 for no limit.
  public var clipNorm = 0.0
  /// The reaction to a step with a loss or a gradient that is not finite.
  public var onNonFinite = NonFiniteRule.stop
  /// The form of Adam.
  public var adam = AdamKind.standard
  /// The initial value of Adam's second moments.
  public var adamSecondMoment = 0.0

  /// The defaults.
  public init() {}

  /// All keys.
  ///
  /// The update rule is fixed for the whole run, because checkpoints hold its state.
  public static let entries: [SettingsEntry<OptimizerSettings>] = [
    .flag(
      "shuffle", \.shuffle, "A new order of the rows every epoch.", "D-47 [C]: fixed order on MNIST"
    ),
    .choice("optimizer", \.optimizer, "The update rule.", "4.1 [P]: Adam").fixed,
    .real(
      "learning_rate", \.learningRate, .positive, "Step length of the optimizer.", "4.1 [P]: 1e-3"),
    .real("adam_beta1", \.adamBeta1, .fraction, "Decay of Adam's first moment.", "0"),
    .real("adam_beta2", \.adamBeta2, .fraction, "Decay of Adam's second moment.", "0"),
    .real(
      "adam_epsilon", \.adamEpsilon, .positive, "Guards the division of Adam and RMSprop.", "0"),
    .real(
      "rmsprop_alpha", \.rmspropAlpha, .fraction, "Decay of RMSprop's mean square.",
      "own: PyTorch's"),
    .real(
      "rmsprop_momentum", \.rmspropMomentum, .fraction, "Momentum of RMSprop.",
      "7.3: none for E and R"),
    .real(
      "learning_rate_decay", \.learningRateDecay, .positive,
      "What the learning rate is multiplied by after every epoch.", "D-32: 1; Sprites [C]: 0.95"),
    .choice(
      "learning_rate_schedule", \.learningRateSchedule,
      "How the learning rate falls: not, or as the authors of DVAE (on MNIST, on Frey) and IWAE "
        + "have it.",
      "6.1 [C]"),
    .real(
      "clip_norm", \.clipNorm, .notNegative,
      "The largest norm of the gradient of a phase's parameters, to which longer ones are scaled; "
        + "0: any.",
      "6.1 [C]: 5"),
    .choice(
      "on_nonfinite", \.onNonFinite,
      "A step with a loss or a gradient that is not finite: ends the run, or is left out and "
        + "counted.",
      "own"),
    .choice("adam", \.adam, "Adam, or the form a slip in the DVAE code gave it.", "D-41: standard"),
    .real(
      "adam_second_moment", \.adamSecondMoment, .notNegative, "Where Adam's second moments begin.",
      "0; 6.1: 1 in the IWAE reference"),
  ]

  /// A rule that turns gradients into updates.
  public enum Kind: String, CaseIterable, Sendable {
    case adam, rmsprop
  }

  /// The reaction to a loss or a gradient that is not finite.
  public enum NonFiniteRule: String, CaseIterable, Sendable {
    /// The run ends, and the last checkpoint stays.
    case stop
    /// The step is left out on all ranks, and counted.
    case skip
  }

  /// D-41: the form of Adam.
  public enum AdamKind: String, CaseIterable, Sendable {
    /// Kingma & Ba's.
    case standard
    /// Adam with a mistake of Im et al.'s code: the decay of the first moment itself decays, by
    /// 1e-8 a step.
    ///
    /// From the second step on, the first moment is only the last gradient; its bias correction
    /// stays.
    case legacyDVAE = "legacy_dvae"
  }
}

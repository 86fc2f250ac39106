import Layers
import Training

extension DVAE {
  /// The settings that DVAE, DIWAE and IWAE share (docs/systems.md, 6).
  public struct Settings: SettingsGroup {
    /// Encoder and decoder, of fully connected layers.
    public var network = ConnectedSettings()
    /// K: samples of z for each input.
    public var samples = 1
    /// M: corrupted inputs of each image in a step.
    public var corruptions = 1
    /// The estimator of the KL; nil for the model's default.
    public var kl: KLEstimator?
    /// The distribution whose parameters the decoder gives.
    public var likelihood = LikelihoodSettings()
    /// The kind of inference network.
    public var inference = Inference.feedforward
    /// Steps of a GRU.
    public var gruSteps = 5
    /// The input of each step of a GRU.
    public var gruInput = GRUInput.repeat
    /// How often a GRU's input is corrupted.
    public var gruCorrupt = GRUCorruption.once
    /// The initial value of the decoder's last bias.
    public var outputBias = OutputBias.zero

    /// The defaults.
    public init() {}

    /// Networks, then the bound.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .integer(
        "samples", \.samples, 1...10_000, "K: samples of z for each input.", "6.3 [P]: 1, 5"),
      .integer(
        "corruptions", \.corruptions, 1...1024, "M: corrupted inputs of each image in a step.",
        "6.3 [P]: 1"),
      .optionalChoice(
        "kl", \.kl, absent: "analytic, or mc for averages of weights",
        "How the KL is found: in closed form, or by the samples of z (mc).", "D-22 [C]: analytic"),
      .group(\.likelihood),
      .choice(
        "inference", \.inference, "The inference network: layers of hidden, or one GRU.", "6.5"
      ).fixed.refusedElsewhere,
      .integer("gru_steps", \.gruSteps, 1...1024, "Steps of the GRU.", "6.5 [P]: 5").fixed,
      .choice("gru_input", \.gruInput, "What the GRU reads in its steps.", "D-24: repeat").fixed,
      .choice(
        "gru_corrupt", \.gruCorrupt, "Whether the GRU's steps share one corrupted image.",
        "D-24: once"
      ).fixed,
      .choice(
        "output_bias", \.outputBias, "Where the decoder's last bias begins.",
        "6.1: IWAE reference"),
    ]

    /// Checks that networks are fully connected and that a GRU's settings fit together.
    ///
    /// A GRU has one size. With pieces of an image as input, it corrupts the image once.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try network.layers.checkConnected(" with model=\(system)")
      guard inference == .gru else { return }
      let hidden = network.layers.hidden
      if hidden.count != 1 {
        throw ConfigurationError(
          key: "hidden", found: hidden.map(String.init).joined(separator: ","),
          expected: "one number, the units of the layer, with inference=gru")
      }
      if gruInput == .chunks && gruCorrupt == .perStep {
        throw ConfigurationError(
          key: "gru_corrupt", found: "per_step", expected: "once with gru_input=chunks")
      }
    }
  }

  /// The settings of a model of the mean of log w: the DVAE.
  public struct LogWeightSettings: SettingsGroup {
    /// The settings that all these models share.
    public var shared = Settings()
    /// Weight of the KL term.
    public var weight = KLWeight()

    /// The defaults.
    public init() {}

    /// All keys.
    public static let entries: [SettingsEntry<LogWeightSettings>] = [
      .group(\.shared),
      .group(\.weight),
    ]
  }

  /// The settings of models of the log of mean weights: IWAE and DIWAE.
  public struct MeanWeightSettings: SettingsGroup {
    /// The settings that all these models share.
    public var shared = Settings()
    /// The place of the average over the M inputs.
    public var outer = InputAverage.inside

    /// The defaults.
    public init() {}

    /// All keys.
    public static let entries: [SettingsEntry<MeanWeightSettings>] = [
      .group(\.shared),
      .choice(
        "outer", \.outer,
        "Where a DIWAE averages over its M inputs: inside of the logarithm or not.",
        "D-23: inside"),
    ]

    /// Checks that the KL is sampled, because weights need each sample's q(z|x).
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      if shared.kl == .analytic {
        throw ConfigurationError(
          key: "kl", found: "analytic",
          expected: "mc with model=\(system), whose weights need each sample's q(z|x)")
      }
    }
  }

  /// The settings of an IWAE: a DIWAE without noise.
  public struct NoiselessSettings: SettingsGroup {
    /// The settings that it shares with a DIWAE.
    public var weighted = MeanWeightSettings()

    /// The defaults.
    public init() {}

    /// All keys.
    public static let entries: [SettingsEntry<NoiselessSettings>] = [
      .group(\.weighted)
    ]

    /// Checks that there is no noise.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      if !common.data.noise.isNone {
        throw ConfigurationError(
          key: "noise", found: common.data.noise.spec,
          expected: "none with model=\(system); model=\(SystemCatalogue.noisyWeighted) is the one "
            + "with noise")
      }
    }
  }

  /// D-22: the estimator of KL(q(z|x~) || p(z)).
  public enum KLEstimator: String, CaseIterable, Sendable {
    /// The closed form.
    case analytic
    /// The mean of log q(z|x~) - log p(z) over the samples.
    case samples = "mc"
  }

  /// D-23: the place where a DIWAE averages over its M inputs.
  public enum InputAverage: String, CaseIterable, Sendable {
    /// Averages the weights of all samples, inside one logarithm.
    case inside
    /// Averages the logarithms of each input's mean weight.
    case outside
  }

  /// The kind of inference network.
  public enum Inference: String, CaseIterable, Sendable {
    /// Fully connected layers: `hidden`.
    case feedforward
    /// A gated recurrent layer of `hidden` units.
    case gru
  }

  /// D-24: the input of each step of a GRU.
  public enum GRUInput: String, CaseIterable, Sendable {
    /// The whole image in each step.
    case `repeat`
    /// One of consecutive pieces of the image in each step.
    case chunks
  }

  /// D-24: how often a GRU's input is corrupted.
  public enum GRUCorruption: String, CaseIterable, Sendable {
    /// Once, for all steps.
    case once
    /// Anew for each step.
    case perStep = "per_step"
  }

  /// The initial value of the decoder's last bias.
  public enum OutputBias: String, CaseIterable, Sendable {
    case zero
    /// The logit of the mean training image, between .001 and .999.
    case meanImage = "mean_image"
  }
}

import Layers
import Training

extension DVAE {
  /// What DVAE, DIWAE and IWAE share (docs/systems.md, 6).
  public struct Settings: SettingsGroup {
    /// Encoder and decoder, of fully connected layers.
    public var network = ConnectedSettings()
    /// K: samples of z for each input.
    public var samples = 1
    /// M: corrupted inputs of each image in a step.
    public var corruptions = 1
    /// How the KL is found; nil for what the model calls for.
    public var kl: KLEstimator?
    /// What the decoder gives the parameters of.
    public var likelihood = Likelihood.bernoulli
    /// What the inference network is made of.
    public var inference = Inference.feedforward
    /// Steps of a GRU.
    public var gruSteps = 5
    /// What a GRU reads in its steps.
    public var gruInput = GRUInput.repeat
    /// How often a GRU's input is corrupted.
    public var gruCorrupt = GRUCorruption.once
    /// Where the decoder's last bias begins.
    public var outputBias = OutputBias.zero

    /// The defaults.
    public init() {}

    /// Networks, then the bound.
    public static let keys: [SettingsKey<Settings>] =
      group(\.network) + [
        .integer(
          "samples", \.samples, 1...10_000, "K: samples of z for each input.", "6.3 [P]: 1, 5"),
        .integer(
          "corruptions", \.corruptions, 1...1024, "M: corrupted inputs of each image in a step.",
          "6.3 [P]: 1"),
        .optionalChoice(
          "kl", \.kl, absent: "analytic, or mc for iwae and diwae",
          "How the KL is found: in closed form, or by the samples of z (mc).", "D-22 [C]: analytic"),
        .choice(
          "likelihood", \.likelihood,
          "What the decoder gives: logits, or means (sigmoid) and deviations (softplus + 1e-4).",
          "6.1 [C]"
        ).fixed,
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

    /// Settles the layers.
    public mutating func resolve(for data: TrainingSetFacts) { network.resolve(for: data) }

    /// The networks are fully connected; a GRU has one size, and one image where it reads pieces.
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

  /// What a model of the mean of log w reads: the DVAE.
  public struct LogWeightSettings: SettingsGroup {
    /// What all these models read.
    public var shared = Settings()
    /// Weight of the KL term.
    public var weight = KLWeight()

    /// The defaults.
    public init() {}

    /// All keys.
    public static let keys: [SettingsKey<LogWeightSettings>] = group(\.shared) + group(\.weight)

    /// Settles the layers.
    public mutating func resolve(for data: TrainingSetFacts) { shared.resolve(for: data) }

    /// As what is shared.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try shared.check(system, with: common)
    }
  }

  /// What models of the log of mean weights read: IWAE and DIWAE.
  public struct MeanWeightSettings: SettingsGroup {
    /// What all these models read.
    public var shared = Settings()
    /// Where the average over the M inputs is taken.
    public var outer = InputAverage.inside

    /// The defaults.
    public init() {}

    /// All keys.
    public static let keys: [SettingsKey<MeanWeightSettings>] =
      group(\.shared) + [
        .choice(
          "outer", \.outer,
          "Where a DIWAE averages over its M inputs: inside of the logarithm or not.",
          "D-23: inside")
      ]

    /// Settles the layers.
    public mutating func resolve(for data: TrainingSetFacts) { shared.resolve(for: data) }

    /// Weights need each sample's q(z|x).
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try shared.check(system, with: common)
      if shared.kl == .analytic {
        throw ConfigurationError(
          key: "kl", found: "analytic",
          expected: "mc with model=\(system), whose weights need each sample's q(z|x)")
      }
    }
  }

  /// What an IWAE reads: a DIWAE without noise.
  public struct NoiselessSettings: SettingsGroup {
    /// What it shares with a DIWAE.
    public var weighted = MeanWeightSettings()

    /// The defaults.
    public init() {}

    /// All keys.
    public static let keys: [SettingsKey<NoiselessSettings>] = group(\.weighted)

    /// Settles the layers.
    public mutating func resolve(for data: TrainingSetFacts) { weighted.resolve(for: data) }

    /// There is no noise.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try weighted.check(system, with: common)
      if !common.data.noise.isNone {
        throw ConfigurationError(
          key: "noise", found: common.data.noise.spec,
          expected: "none with model=\(system); model=\(DVAE.diwae.name) is the one with noise")
      }
    }
  }

  /// D-22: how KL(q(z|x~) || p(z)) is found.
  public enum KLEstimator: String, CaseIterable, Sendable {
    /// In closed form.
    case analytic
    /// As the mean of log q(z|x~) - log p(z) over the samples.
    case samples = "mc"
  }

  /// D-23: where a DIWAE averages over its M inputs.
  public enum InputAverage: String, CaseIterable, Sendable {
    /// Over the weights of all samples, inside of one logarithm.
    case inside
    /// Over the logarithms of each input's mean weight.
    case outside
  }

  /// What the decoder's outputs are the parameters of.
  public enum Likelihood: String, CaseIterable, Sendable {
    case bernoulli, gaussian
  }

  /// What the inference network is made of.
  public enum Inference: String, CaseIterable, Sendable {
    /// Fully connected layers: `hidden`.
    case feedforward
    /// A gated recurrent layer of `hidden` units.
    case gru
  }

  /// D-24: what a GRU reads in its steps.
  public enum GRUInput: String, CaseIterable, Sendable {
    /// The whole image in each.
    case `repeat`
    /// One of consecutive pieces of the image in each.
    case chunks
  }

  /// D-24: how often a GRU's input is corrupted.
  public enum GRUCorruption: String, CaseIterable, Sendable {
    /// Once, for all steps.
    case once
    /// For each step anew.
    case perStep = "per_step"
  }

  /// Where the decoder's last bias begins.
  public enum OutputBias: String, CaseIterable, Sendable {
    case zero
    /// At the logit of the mean training image, within .001 and .999.
    case meanImage = "mean_image"
  }
}

/// Settings of the models of Im et al. and Burda et al.: DVAE, DIWAE, IWAE (systems.md, section 6).
extension Configuration {
  /// What becomes of grey images of binary models.
  public enum Binarization: String, CaseIterable, Sendable {
    /// They stay as they are.
    case none
    /// One Bernoulli draw of each pixel for the whole run.
    case once
    /// A fresh draw at every step, for input and target alike; measurements use one draw.
    case eachStep = "each_step"
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

  /// The models these settings are of.
  static let denoisingModels = ["iwae", "dvae", "diwae"]

  /// Whether the KL is taken in closed form: as set, or for the models that average log w.
  public var usesAnalyticKL: Bool {
    (kl ?? (["iwae", "diwae"].contains(model) ? .samples : .analytic)) == .analytic
  }

  /// Checks settings of these models that do not go together.
  ///
  /// - Throws: `ConfigurationError`.
  func checkDenoising() throws(ConfigurationError) {
    func refuse(_ key: String, _ found: String, _ expected: String) throws(ConfigurationError) {
      throw ConfigurationError(key: key, found: found, expected: expected)
    }
    let isDenoising = Self.denoisingModels.contains(model)
    if isDenoising && network != .mlp {
      try refuse("network", network.rawValue, "mlp with model=\(model)")
    }
    if inference == .gru {
      if !isDenoising || network != .mlp {
        let found =
          network == .mlp ? "gru with model=\(model)" : "gru with network=\(network.rawValue)"
        try refuse(
          "inference", found,
          "feedforward; a GRU goes with network=mlp and one of the models "
            + Self.denoisingModels.joined(separator: ", "))
      }
      if hidden.count != 1 {
        try refuse(
          "hidden", hidden.map(String.init).joined(separator: ","),
          "one number, the units of the layer, with inference=gru")
      }
      if gruInput == .chunks && gruCorrupt == .perStep {
        try refuse("gru_corrupt", "per_step", "once with gru_input=chunks")
      }
    }
    guard isDenoising else { return }
    if kl == .analytic && model != "dvae" {
      try refuse(
        "kl", "analytic", "mc with model=\(model), whose weights need each sample's q(z|x)")
    }
    if beta != 1 && model != "dvae" {
      try refuse("beta", "\(beta)", "1 with model=\(model), which has no KL of its own")
    }
    if model == "iwae" && noise != "none" {
      try refuse("noise", noise, "none with model=iwae; model=diwae is the one with noise")
    }
  }

  static let denoisingKeys: [ConfigurationKey] = [
    .integer("samples", \.samples, 1...10_000, "K: samples of z for each input.", "6.3 [P]: 1, 5")
      .of(denoisingModels),
    .integer(
      "corruptions", \.corruptions, 1...1024, "M: corrupted inputs of each image in a step.",
      "6.3 [P]: 1"
    ).of(denoisingModels),
    .choice(
      "outer", \.outer, "Where a DIWAE averages over its M inputs: inside of the logarithm or not.",
      "D-23: inside"
    ).of(["iwae", "diwae"]),
    .optionalChoice(
      "kl", \.kl, absent: "analytic, or mc for iwae and diwae",
      "How the KL is found: in closed form, or by the samples of z (mc).", "D-22 [C]: analytic"
    ).of(denoisingModels),
    .choice(
      "likelihood", \.likelihood,
      "What the decoder gives: logits, or means (sigmoid) and deviations (softplus + 1e-4).",
      "6.1 [C]"
    ).of(denoisingModels),
    .choice(
      "inference", \.inference, "The inference network: layers of hidden, or one GRU.", "6.5"
    ).of(denoisingModels),
    .integer("gru_steps", \.gruSteps, 1...1024, "Steps of the GRU.", "6.5 [P]: 5").of(
      denoisingModels),
    .choice("gru_input", \.gruInput, "What the GRU reads in its steps.", "D-24: repeat").of(
      denoisingModels),
    .choice(
      "gru_corrupt", \.gruCorrupt, "Whether the GRU's steps share one corrupted image.",
      "D-24: once"
    ).of(denoisingModels),
    .choice(
      "binarize", \.binarize,
      "Bernoulli draws in place of grey images: one for the run, or one in each step. Binary images stay.",
      "6.1 [C]: once"),
    .choice(
      "output_bias", \.outputBias, "Where the decoder's last bias begins.", "6.1: IWAE reference"
    ).of(denoisingModels),
  ]
}

import Datasets
import Support
import Tensors

extension Configuration {
  /// Every setting, in the order in which configurations are written.
  ///
  /// Sources name sections and decisions (D-..) of the systems specification; [P] is what the paper
  /// states, [C] what its authors' code does, "own" a choice of this program.
  public static let keys: [ConfigurationKey] =
    dataKeys + optimizerKeys + networkKeys + lossKeys + splitKeys
    + adversarialKeys + ganKeys + recyclingKeys + denoisingKeys + scheduleKeys + recordKeys

  private static let dataKeys: [ConfigurationKey] = [
    .text(
      "model", \.model, expected: "one of " + models.joined(separator: ", "),
      accepts: { models.contains($0) },
      "The system to train.", "3.1"),
    .seed("seed", \.seed, "Key of every random draw of the run.", "0 [C]: 595, the RVAE authors'"),
    .text(
      "data", \.data, expected: "a file name", accepts: { _ in true },
      "The file of the training set; --data sets it.", "own"),
    .text(
      "images", \.images, expected: "the path of a dataset", accepts: { _ in true },
      "The images' dataset in a file from elsewhere; --images sets it.", "formats"),
    .choice("layout", \.layout, "The order of its dimensions.", "formats"),
    .optionalLayers(
      "shape", \.shape, absent: "as stored", "The shape of an image where the dataset is [N, D].",
      "formats"),
    .integer(
      "batch", \.batch, 1...1_048_576, "Images in a step, over all ranks.", "4.1 [C]: 200 on MNIST"),
    .optionalInteger(
      "lanes", \.lanes, 1...4096, absent: "the largest power of two that divides batch, up to 8",
      "Fixed parts of a batch; at most as many ranks. Kept for the whole run.", "design, section 2"),
    .flag(
      "exact", \.exact, "Bitwise the same result on any number of ranks, at some cost in speed.",
      "design, section 2"),
    .optionalInteger(
      "rows", \.rows, 1...1_000_000_000, absent: "all",
      "Use at most the first n rows of the training set.",
      "D-11"),
    .flag(
      "shuffle", \.shuffle, "A new order of the rows every epoch.", "D-47 [C]: fixed order on MNIST"
    ).of(gradientModels),
    .corruption(
      "noise", \.noise, "Corruption drawn anew at every step; the target stays clean.", "D-45"),
    .corruption(
      "static_noise", \.staticNoise, "Corruption of the training set, drawn once.",
      "D-45, section 2"),
  ]

  private static let optimizerKeys: [ConfigurationKey] = [
    .integer(
      "epochs", \.epochs, 1...1_000_000,
      "Passes over the training set, for models without outer iterations.", "4.1: 600 = 30 x 20"
    ).of(models.filter { !robustModels.contains($0) }),
    .choice("optimizer", \.optimizer, "The update rule.", "4.1 [P]: Adam").of(gradientModels),
    .real(
      "learning_rate", \.learningRate, .positive, "Step length of the optimizer.", "4.1 [P]: 1e-3"
    ).of(gradientModels),
    .real("adam_beta1", \.adamBeta1, .fraction, "Decay of Adam's first moment.", "0").of(
      gradientModels),
    .real("adam_beta2", \.adamBeta2, .fraction, "Decay of Adam's second moment.", "0").of(
      gradientModels),
    .real(
      "adam_epsilon", \.adamEpsilon, .positive, "Guards the division of Adam and RMSprop.", "0"
    ).of(gradientModels),
    .real(
      "rmsprop_alpha", \.rmspropAlpha, .fraction, "Decay of RMSprop's mean square.",
      "own: PyTorch's"
    ).of(gradientModels),
    .real(
      "rmsprop_momentum", \.rmspropMomentum, .fraction, "Momentum of RMSprop.",
      "7.3: none for E and R"
    ).of(gradientModels),
    .real(
      "learning_rate_decay", \.learningRateDecay, .positive,
      "What the learning rate is multiplied by after every epoch.", "D-32: 1; Sprites [C]: 0.95"
    ).of(gradientModels),
  ]

  private static let scheduleKeys: [ConfigurationKey] = [
    .choice(
      "learning_rate_schedule", \.learningRateSchedule,
      "How the learning rate falls: not, or as the authors of DVAE (on MNIST, on Frey) and IWAE have it.",
      "6.1 [C]"
    ).of(gradientModels),
    .real(
      "clip_norm", \.clipNorm, .notNegative,
      "The largest norm of the gradient of a phase's parameters, to which longer ones are scaled; 0: any.",
      "6.1 [C]: 5"
    ).of(gradientModels),
    .choice(
      "on_nonfinite", \.onNonFinite,
      "A step with a loss or a gradient that is not finite: ends the run, or is left out and counted.",
      "own"
    ).of(gradientModels),
    .choice("adam", \.adam, "Adam, or the form a slip in the DVAE code gave it.", "D-41: standard")
      .of(gradientModels),
    .real(
      "adam_second_moment", \.adamSecondMoment, .notNegative, "Where Adam's second moments begin.",
      "0; 6.1: 1 in the IWAE reference"
    ).of(gradientModels),
    .integer(
      "validate_every", \.validateEvery, 0...1_000_000,
      "Epochs between two measurements of the bound on validation images, which choose the best checkpoint; 0: none.",
      "6.1 [C]: 50"),
    .real(
      "validate_after", \.validateAfter, .notNegative,
      "The share of all epochs after which these begin.", "6.1 [C]: 0.4"),
  ]

  private static let networkKeys: [ConfigurationKey] = [
    .layers(
      "hidden", \.hidden, "Hidden layers of the encoder, from the image inwards.",
      "D-04 [P]: 512,256"
    ).of(layeredModels),
    .optionalLayers(
      "decoder_hidden", \.decoderHidden, absent: "hidden reversed",
      "Hidden layers of the decoder, from the code outwards.", "D-04 [P]: the encoder's mirrored"
    ).of(layeredModels),
    .layers(
      "discriminator_hidden", \.discriminatorHidden, "Hidden layers of the discriminator.",
      "7.1 [P]: 1000,1000"
    ).of(adversarialModels),
    .choice(
      "network", \.network,
      "Fully connected, or convolutional: conv_bn is the RVAE paper's CelebA net, conv the DAAE paper's.",
      "4.1, 7.1"
    ).of(layeredModels),
    .layers(
      "channels", \.channels,
      "Channels of the convolutions, each halving height and width; the decoder mirrors them.",
      "4.1 [P]: 64,128,256,512"
    ).of(convolutionalModels + ["dcgan"]),
    .flag(
      "output_normalization", \.outputNormalization,
      "Batch normalisation before the output's sigmoid, in conv_bn.", "D-43 [C]: present"
    ).of(convolutionalModels),
    .integer("latent", \.latent, 1...65536, "Dimensions of the code.", "4.1 [P]: 49"),
    .choice(
      "activation", \.activation, from: [.sigmoid, .relu, .tanh, .softplus],
      "The function behind every hidden layer.", "4.1 [C]: sigmoid"
    ).of(layeredModels),
  ]

  private static let lossKeys: [ConfigurationKey] = [
    .real(
      "beta", \.beta, .notNegative,
      "Weight of the KL term of the VAEs, the recycling models and dvae.", "4.2: 1 is the VAE"
    ).of(["vae", "rvae", "dvae"] + recyclingModels),
    .choice(
      "std_mode", \.standardDeviation,
      "What multiplies the code's noise: sigma, or sigma squared as in some released scripts.",
      "D-05"
    ).of(["vae", "rvae"]),
    .choice(
      "reconstruction_term", \.reconstructionTerm,
      "Comparison with the target: Bernoulli likelihood, squared error, or its root.",
      "D-03 [C]: bce"
    ).of(["vae", "ae", "dae"] + robustModels),
  ]

  private static let splitKeys: [ConfigurationKey] = [
    .integer(
      "outer_iterations", \.outerIterations, 1...1_000_000,
      "Alternations of training and projection.",
      "4.3: 30"
    ).of(robustModels),
    .integer(
      "inner_epochs", \.innerEpochs, 1...1_000_000, "Epochs of training in an outer iteration.",
      "4.3: 20"
    ).of(robustModels),
    .real(
      "lambda", \.lambda, .notNegativeOrInfinite,
      "Weight of the sparse part; large leaves it empty, inf altogether.", "D-15: 70"
    ).of(robustModels),
    .choice(
      "threshold", \.threshold, "How the shrinkage threshold comes from lambda.",
      "D-01 [C]: induced"
    ).of(robustModels),
    .choice(
      "stop_rule", \.stopRule, "Stop when both of c1 and c2 are small, or either.", "D-02 [C]: both"
    ).of(robustModels),
    .real("tolerance", \.tolerance, .notNegative, "What c1 and c2 must fall below.", "4.3: 1e-7")
      .of(robustModels),
    .choice(
      "c2_weight", \.c2Weight, "The factor of c2: min(mu, sqrt mu) as the code has it, or 1.",
      "D-02 [C]: code"
    ).of(robustModels),
    .flag(
      "reset_optimizer", \.resetOptimizer, "Fresh optimizer state in every outer iteration.",
      "D-06 [C]: kept on MNIST"
    ).of(robustModels),
    .choice(
      "project_with", \.projectWith,
      "The code that the projection decodes; an rda has no other than the mean.", "D-07 [C]: sample"
    ).of(robustModels),
    .optionalChoice(
      "split_storage", \.splitStorage, absent: "compact where S in floats has more than 1 GiB",
      "How the sparse part is kept: compact is 16 bits for S, 8 for the residual.",
      "design, section 4"
    ).of(robustModels + [affineEM]),
  ]

  private static let adversarialKeys: [ConfigurationKey] = [
    .choice("prior", \.prior, "What the codes are matched to.", "7.5").of(adversarialModels),
    .real("gmm_radius", \.gmmRadius, .positive, "Radius of the circle of gmm10.", "D-30 [P]: 4").of(
      adversarialModels),
    .choice(
      "generator_loss", \.generatorLoss, "What the encoder minimises against the discriminator.",
      "D-27 [C]: non_saturating"
    ).of(adversarialModels + gameModels),
    .integer(
      "averaged_copies", \.averagedCopies, 1...1024,
      "M of iDAAE: corrupted copies of an image that make one code for the prior.",
      "7.1 [P]: 5, 25"
    ).of(["idaae"]),
    .choice(
      "idaae", \.idaae, "What iDAAE averages: the codes of the copies, or the copies.",
      "D-29 [P]: codes"
    ).of(["idaae"]),
    .flag(
      "share_noise", \.shareNoise,
      "The first of iDAAE's copies is the image that is reconstructed.", "X31; 7.3 [P]: drawn anew"
    ).of(["idaae"]),
    .choice(
      "update_order", \.updateOrder, "Which phase of an adversarial step comes first.", "D-28 [P]"
    ).of(adversarialModels),
    .flag(
      "joint", \.joint,
      "One loss for encoder and decoder: reconstruction + alpha times the match to the prior.",
      "D-28; [C] on CelebA"
    ).of(adversarialModels),
    .real(
      "alpha", \.alpha, .notNegative, "Weight of the match to the prior in the joint loss.",
      "7.3 [C]: 1"
    ).of(adversarialModels),
    .optionalFraction(
      "discriminator_momentum", \.discriminatorMomentum, absent: "rmsprop_momentum",
      "Momentum of RMSprop for the discriminator.", "D-31 [P]: 0.1 on CelebA"
    ).of(adversarialModels + gameModels),
    .flag(
      "sprite_reg", \.spriteRegularization,
      "Adds 0.1 times the l1 norm and 1e-4 times the squared l2 norm of encoder and decoder weights.",
      "D-32 [P]: off"
    ).of(adversarialModels),
    .optionalChoice(
      "discriminator_activation", \.discriminatorActivation, absent: "activation",
      "The function behind the discriminator's hidden layers.", "4.4 [C]: leaky_relu in one of two"
    ).of(adversarialModels + ["gan"]),
  ]

  private static let ganKeys: [ConfigurationKey] = [
    .real(
      "dropout", \.dropout, .fraction,
      "Chance of a hidden unit of a GAN's discriminator to be left out.",
      "D-42: 0.3; the code keeps 0.3"
    ).of(["gan"]),
    .choice(
      "generator_output", \.generatorOutput, "What a GAN's generator ends in.",
      "D-12: sigmoid; [C]: tanh"
    ).of(["gan"]),
    .real(
      "loss_epsilon", \.lossEpsilon, .fraction,
      "Added to probabilities inside the logarithms of a GAN's losses.", "D-12: 0; [C]: 0.01"
    ).of(gameModels),
  ]

  private static let recordKeys: [ConfigurationKey] = [
    .integer(
      "log_every", \.logEvery, 1...1_000_000, "Steps between two lines of metrics.jsonl.", "own"),
    .real(
      "checkpoint_minutes", \.checkpointMinutes, .notNegative,
      "Minutes between two checkpoints; 0: not by time.",
      "own"),
    .integer(
      "checkpoint_epochs", \.checkpointEpochs, 0...1_000_000,
      "Epochs between two checkpoints; 0: not by epochs.", "own"),
    .integer(
      "keep_last", \.keepLast, 1...1_000_000, "How many of the newest checkpoints stay.", "own"),
    .flag(
      "keep_best", \.keepBest,
      "The best checkpoint stays as well: by the validation bound, the error to clean images or the loss.",
      "own"),
    .integer(
      "grid_every", \.gridEvery, 0...1_000_000,
      "Outer iterations (or epochs) between two sets of PNG grids; 0: none.", "own"),
    .real(
      "collapse_kl", \.collapseKL, .notNegative,
      "A KL below this many nats is reported as collapse.", "own"),
    .real(
      "collapse_spread", \.collapseSpread, .notNegative,
      "Outputs whose pixels have a lower mean standard deviation over a batch are reported as collapse.",
      "own"),
  ]

  /// The names `model` may take.
  public static let models =
    ["vae", "ae", "dae"] + robustModels + adversarialModels + gameModels + recyclingModels
    + [affineEM] + denoisingModels

  /// All but the one that is fitted by sweeps.
  private static let gradientModels = models.filter { $0 != affineEM }
  /// Those with layers of the user's choice.
  private static let layeredModels = gradientModels.filter { !["dcgan", "ic-affine"].contains($0) }
  /// Those that may be made of convolutions.
  private static let convolutionalModels =
    ["vae", "ae", "dae"] + robustModels + adversarialModels
    + ["l2-vae", "r-l2-vae", "ic-vae", "ric-vae"]
  /// X = L + S, by alternation.
  private static let robustModels = ["rvae", "rda"]
  private static let adversarialModels = ["aae", "daae", "idaae"]
  private static let gameModels = ["gan", "dcgan"]

  /// The setting of a name.
  ///
  /// - Throws: `ConfigurationError` that names the nearest key where there is none of this name.
  public static func key(_ name: String) throws(ConfigurationError) -> ConfigurationKey {
    guard let key = keys.first(where: { $0.name == name }) else {
      throw ConfigurationError(
        "unknown key \(name)" + Spelling.hint(for: name, in: keys.map(\.name)))
    }
    return key
  }
}

extension Configuration {
  /// Every setting under its name, in the order of the table.
  public var json: JSONValue {
    .object(Self.keys.map { JSONValue.Member($0.name, $0.value(self)) })
  }

  /// A configuration from a JSON object; keys that are absent keep their defaults.
  ///
  /// - Throws: `ConfigurationError` for text that is no JSON object, an unknown key, or a value of the wrong
  ///   type or out of range.
  public static func load(json text: String) throws(ConfigurationError) -> Configuration {
    let document: JSONValue
    do {
      document = try JSONValue(parsing: text)
    } catch {
      throw ConfigurationError("not a JSON document" + JSONValue.place(of: error))
    }
    return try Configuration(document)
  }

  /// A configuration from a JSON object; keys that are absent keep their defaults.
  ///
  /// - Throws: `ConfigurationError` as `load(json:)`.
  public init(_ document: JSONValue) throws(ConfigurationError) {
    guard case .object(let members) = document else {
      throw ConfigurationError("found JSON that is no object, expected {\"key\": value, ...}")
    }
    for member in members {
      if member.name == "standard_deviation" {
        // The name of D-05's option in runs that earlier versions began.
        try set(Self.key("std_mode"), to: member.value == "variance" ? "var_bug" : member.value)
      } else {
        try set(Self.key(member.name), to: member.value)
      }
    }
  }

  /// Assigns one setting from a text `key=value`, as `--set` gives it.
  ///
  /// - Throws: `ConfigurationError` for a text without `=`, an unknown key, or a value of the wrong type or
  ///   out of range.
  public mutating func set(_ assignment: String) throws(ConfigurationError) {
    guard let equals = assignment.firstIndex(of: "=") else {
      throw ConfigurationError("found \(assignment), expected key=value")
    }
    let key = try Self.key(String(assignment[..<equals]))
    let text = String(assignment[assignment.index(after: equals)...])
    guard let value = key.parse(text), key.assign(&self, value) else {
      throw Self.mismatch(key, found: text.isEmpty ? "nothing" : text)
    }
  }

  private mutating func set(
    _ key: ConfigurationKey, to value: JSONValue
  ) throws(ConfigurationError) {
    if !key.assign(&self, value) { throw Self.mismatch(key, found: value.line) }
  }

  /// Names the nearest word too, where the values are words.
  private static func mismatch(_ key: ConfigurationKey, found: String) -> ConfigurationError {
    ConfigurationError(key: key.name, found: found, expected: key.expected)
  }
}

extension Configuration {
  /// What to say of assignments `key=value` that the model does not read.
  public func unread(_ assignments: [String]) -> [String] {
    assignments.compactMap { assignment in
      let name = assignment.prefix { $0 != "=" }
      guard let models = Self.keys.first(where: { $0.name == name })?.models,
        !models.contains(model)
      else { return nil }
      return "\(assignment): \(model) does not read \(name), which is for "
        + models.joined(separator: ", ")
    }
  }
}

extension Configuration: Codable {
  /// Reads a JSON object as `load(json:)` does.
  public init(from decoder: any Decoder) throws {
    try self.init(JSONValue(from: decoder))
  }

  /// Writes the members of `json`.
  public func encode(to encoder: any Encoder) throws {
    try json.encode(to: encoder)
  }
}

import Checkpoints
import Datasets
import Layers
import MPI
import Tensors

/// Everything that fixes a training run, but for its data and the number of ranks.
///
/// In JSON and for `--set` every property goes by its snake_case name (`learning_rate`); the table in
/// `Configuration.keys` holds each key's type, range, default and source. The defaults here are the
/// settings of the RVAE paper's MNIST networks. Batch and step counts are global, over all ranks.
public struct Configuration: Equatable, Sendable {
  /// The system to train, by its name in the model catalogue.
  public var model = "vae"
  /// Key of every random draw of the run.
  public var seed: UInt64 = 595
  /// Images in a step, over all ranks.
  public var batch = 200
  /// Number of lanes V; nil stands for the largest power of two that divides `batch`, up to 8.
  public var lanes: Int?
  /// Whether each lane is a pass of its own, so that the result is bitwise the same on any number of ranks.
  public var exact = false
  /// The file of the training set; a run remembers it.
  public var data = ""
  /// The images' dataset in a file from elsewhere; empty for the usual one.
  public var images = ""
  /// The order of that dataset's dimensions.
  public var layout = ImageSetOptions.Layout.nhwc
  /// The shape of an image, where the dataset is [N, D].
  public var shape: [Int]?
  /// Use at most the first `rows` rows of the training set; nil for all of them.
  public var rows: Int?
  /// Whether a lane's rows come in a new order every epoch.
  public var shuffle = false
  /// Corruption drawn anew at every step, in the notation of `cleave corrupt --noise`.
  public var noise = "none"
  /// Corruption of the training set itself, drawn once: a function of (seed, row), never stored.
  public var staticNoise = "none"

  /// Passes over the training set, for models without an outer loop.
  public var epochs = 600
  /// The rule that turns gradients into updates.
  public var optimizer = OptimizerKind.adam
  /// Step length of the optimizer.
  public var learningRate = 1e-3
  /// Decay of Adam's first moment.
  public var adamBeta1 = 0.9
  /// Decay of Adam's second moment.
  public var adamBeta2 = 0.999
  /// Added to the root of Adam's and RMSprop's second moment.
  public var adamEpsilon = 1e-8
  /// Decay of RMSprop's mean square.
  public var rmspropAlpha = 0.99
  /// Momentum of RMSprop.
  public var rmspropMomentum = 0.0
  /// What the step length is multiplied by after every epoch.
  public var learningRateDecay = 1.0

  /// Units of the encoder's hidden layers, from the image inwards.
  public var hidden = [512, 256]
  /// Units of the decoder's hidden layers, from the code outwards; nil for `hidden` reversed.
  public var decoderHidden: [Int]?
  /// Units of the discriminator's hidden layers.
  public var discriminatorHidden = [1000, 1000]
  /// What encoder and decoder are made of.
  public var network = NetworkKind.mlp
  /// Channels of the encoder's convolutions, each halving height and width; the decoder mirrors them.
  public var channels = [64, 128, 256, 512]
  /// Whether batch normalisation stands before the output's sigmoid too, in networks that have any.
  public var outputNormalization = true
  /// Dimensions of the code.
  public var latent = 49
  /// The function behind every hidden layer.
  public var activation = Activation.sigmoid

  /// Weight of the KL term of models that have one, but for those that average importance weights.
  public var beta = 1.0
  /// What the noise of the code is multiplied by.
  public var standardDeviation = StandardDeviation.sigma
  /// How a reconstruction is compared with its target.
  public var reconstructionTerm = ReconstructionTerm.bce

  /// Alternations of training and projection of the robust models.
  public var outerIterations = 30
  /// Epochs of training in one outer iteration.
  public var innerEpochs = 20
  /// Weight of the sparse part's l1 norm; infinity leaves the sparse part empty.
  public var lambda = 70.0
  /// How the shrinkage threshold comes from `lambda`.
  public var threshold = ThresholdRule.induced
  /// Whether both of c1 and c2 must be small to stop, or either.
  public var stopRule = StopRule.both
  /// What c1 and c2 are compared with.
  public var tolerance = 1e-7
  /// The factor in front of c2.
  public var c2Weight = C2Weight.code
  /// Whether an outer iteration begins with fresh optimizer state.
  public var resetOptimizer = false
  /// The code that the projection decodes.
  public var projectWith = ProjectionCode.sample
  /// How the sparse part is kept in memory and in checkpoints; nil for compact above a size.
  public var splitStorage: SplitStorage?

  /// The distribution that adversarial models match their codes to.
  public var prior = Prior.gaussian
  /// Distance of the ten components of `gmm10` from the origin.
  public var gmmRadius = 4.0
  /// What the encoder, or a GAN's generator, minimises against the discriminator.
  public var generatorLoss = GeneratorLoss.nonSaturating
  /// M of iDAAE: corrupted copies of each image, whose codes (or which themselves) are averaged.
  public var averagedCopies = 5
  /// What iDAAE averages.
  public var idaae = Averaging.codes
  /// Whether the first of iDAAE's copies is the corrupted image that is reconstructed.
  public var shareNoise = false
  /// The order of the phases of adversarial autoencoders.
  public var updateOrder = UpdateOrder.reconstructionFirst
  /// Whether reconstruction and match to the prior are one loss, of the same step as the discriminator's.
  public var joint = false
  /// Weight of the match to the prior in the joint loss.
  public var alpha = 1.0
  /// RMSprop's momentum for discriminators, in place of `rmspropMomentum`; nil for that.
  public var discriminatorMomentum: Double?
  /// Whether the weights of encoder and decoder are penalised as in the DAAE authors' Sprites code.
  public var spriteRegularization = false
  /// The function behind a discriminator's hidden layers; nil for `activation`.
  public var discriminatorActivation: Activation?
  /// Chance of each hidden unit of a GAN's discriminator to be left out of a pass.
  public var dropout = 0.3
  /// What a GAN's generator ends in.
  public var generatorOutput = GeneratorOutput.sigmoid
  /// Added to a GAN's probabilities inside the logarithms of its losses.
  public var lossEpsilon = 0.0

  /// N of the recycling models: passes of a training step, each but the first on what the one before drew.
  public var passes = 1
  /// Epochs of one pass a step before `passes` counts.
  public var passesFromEpoch = 0
  /// M of the recycling models: passes of a trained model when it reconstructs or generates.
  public var testPasses = 1
  /// Where gradients flow from a pass back into the one before it.
  public var recyclingPath = Recycling.GradientPath.detach
  /// What a trained model hands from pass to pass.
  public var recyclingTest = Recycling.Test.mean
  /// Standard deviation of the noise on what an R-l2-VAE recycles.
  public var recycleDeviation = 0.0
  /// Whether recycled samples are clipped to [0, 1] in training.
  public var recycleClip = false
  /// Added to squared residuals before the logarithm: one grey level squared.
  public var residualEpsilon = 1.54e-5
  /// Where `residualEpsilon` comes down from; 0 for nowhere.
  public var residualEpsilonStart = 0.0
  /// Epochs in which it comes down.
  public var residualEpsilonEpochs = 0
  /// What residuals are multiplied by in the recycling models' losses.
  public var residualScale = 1.0
  /// Epochs of squared error before an iC-VAE's own loss.
  public var leastSquaresEpochs = 0
  /// Least variance of an entry in the affine EM, as a fraction of that of the data.
  public var floor = 1e-6
  /// What that fraction, 1 at first, is multiplied by from sweep to sweep.
  public var floorDecay = 0.9
  /// Whether the affine EM fits an offset; not for centred data.
  public var affineBias = true
  /// How the first values of fully connected layers are drawn.
  public var initialization = Initialization.glorot
  /// K: samples of z for each input of a denoising model.
  public var samples = 1
  /// M: corrupted inputs of each image in a step of a denoising model.
  public var corruptions = 1
  /// Where a DIWAE averages over its M inputs.
  public var outer = InputAverage.inside
  /// How the KL of a denoising model is found; nil for what the model calls for.
  public var kl: KLEstimator?
  /// What the decoder of a denoising model gives the parameters of.
  public var likelihood = Likelihood.bernoulli
  /// What the inference network of a denoising model is made of.
  public var inference = Inference.feedforward
  /// Steps of a GRU.
  public var gruSteps = 5
  /// What a GRU reads in its steps.
  public var gruInput = GRUInput.repeat
  /// How often a GRU's input is corrupted.
  public var gruCorrupt = GRUCorruption.once
  /// What becomes of grey images of binary models.
  public var binarize = Binarization.none
  /// Where the decoder's last bias begins.
  public var outputBias = OutputBias.zero
  /// How the step length changes in the course of the run.
  public var learningRateSchedule = LearningRateSchedule.constant
  /// The largest norm of a phase's gradient, to which longer ones are scaled down; 0 for no limit.
  public var clipNorm = 0.0
  /// What becomes of a step with a loss or a gradient that is not finite.
  public var onNonFinite = NonFiniteRule.stop
  /// The form of Adam.
  public var adam = AdamKind.standard
  /// Where Adam's second moments begin.
  public var adamSecondMoment = 0.0
  /// Epochs between two measurements of the bound on the validation images; 0 for none.
  public var validateEvery = 0
  /// The share of the run's epochs after which these begin.
  public var validateAfter = 0.4

  /// Steps between two lines of `metrics.jsonl`.
  public var logEvery = 50
  /// Minutes between two checkpoints; 0 for none by time.
  public var checkpointMinutes = 10.0
  /// Epochs between two checkpoints; 0 for none by epochs.
  public var checkpointEpochs = 0
  /// How many of the newest checkpoints stay.
  public var keepLast = 3
  /// Whether the checkpoint with the lowest loss stays as well.
  public var keepBest = true
  /// Outer iterations (or epochs) between two sets of PNG grids; 0 for none.
  public var gridEvery = 1
  /// A KL below this, in nats, is reported as collapse.
  public var collapseKL = 0.5
  /// Outputs that vary by less than this over a batch (mean standard deviation of a pixel) are reported as collapse.
  public var collapseSpread = 1e-3

  /// The defaults.
  public init() {}
}

extension Configuration {
  /// A rule that turns gradients into updates.
  public enum OptimizerKind: String, CaseIterable, Sendable {
    case adam, rmsprop
  }

  /// What a loss or a gradient that is not finite does.
  public enum NonFiniteRule: String, CaseIterable, Sendable {
    /// It ends the run, and the last checkpoint stays.
    case stop
    /// Its step is left out on all ranks, and counted.
    case skip
  }

  /// D-41: the form of Adam.
  public enum AdamKind: String, CaseIterable, Sendable {
    /// Kingma & Ba's.
    case standard
    /// With the first moment's decay itself decaying by 1e-8 a step, as a slip in Im et al.'s code has it: from the second
    /// step on the first moment is the gradient at hand, corrected for bias all the same.
    case legacyDVAE = "legacy_dvae"
  }

  /// What encoder and decoder are made of.
  public enum NetworkKind: String, CaseIterable, Sendable {
    /// Fully connected layers: `hidden`, `decoder_hidden`.
    case mlp
    /// Convolutions 4x4 of stride 2 with batch normalisation and leaky ReLU; transposed ones back.
    case convolutionalNormalized = "conv_bn"
    /// Convolutions 5x5 of stride 2 with ReLU; transposed 3x3 back.
    case convolutional = "conv"
  }

  /// D-05: what the noise of the code is multiplied by.
  public enum StandardDeviation: String, CaseIterable, Sendable {
    /// exp(logvar / 2), which is what the KL term takes it for.
    case sigma
    /// exp(logvar), as several released scripts have it.
    case variance = "var_bug"
  }

  /// D-03: how a reconstruction is compared with its target; each summed over pixels, then averaged over the batch.
  public enum ReconstructionTerm: String, CaseIterable, Sendable {
    /// Bernoulli negative log-likelihood.
    case bce
    /// Squared error.
    case mse
    /// Euclidean norm of the difference, not squared.
    case l2norm
  }

  /// D-01: how the shrinkage threshold t comes from lambda.
  public enum ThresholdRule: String, CaseIterable, Sendable {
    /// t = lambda / mu with mu = size / (4 * largest column sum of |X|).
    case induced
    /// t = lambda.
    case none
    /// t = lambda / mu with mu = size / (4 * sum of |X|).
    case entrywise
  }

  /// D-02: when the outer loop ends before its last iteration.
  public enum StopRule: String, CaseIterable, Sendable {
    /// When c1 and c2 are both below the tolerance.
    case both
    /// When either is.
    case either
  }

  /// D-02: the factor in front of c2.
  public enum C2Weight: String, CaseIterable, Sendable {
    /// min(mu, sqrt(mu)).
    case code
    /// 1.
    case paper
  }

  /// D-07: the code that the projection decodes.
  public enum ProjectionCode: String, CaseIterable, Sendable {
    /// One draw from q(z|L).
    case sample
    /// The mean of q(z|L).
    case mean
  }

  /// How the sparse part is kept.
  public typealias SplitStorage = Checkpoints.SplitStorage

  /// A distribution over codes.
  public enum Prior: String, CaseIterable, Sendable {
    /// N(0, I).
    case gaussian
    /// Ten components of standard deviation 0.5 on a circle, in two dimensions.
    case gmm10
  }

  /// D-27: what the encoder minimises against the discriminator's logit s.
  public enum GeneratorLoss: String, CaseIterable, Sendable {
    /// softplus(-s).
    case nonSaturating = "non_saturating"
    /// -softplus(s).
    case saturating
  }

  /// D-29: what iDAAE averages over its M copies.
  public enum Averaging: String, CaseIterable, Sendable {
    /// Their codes, as the paper has it.
    case codes
    /// The corrupted images themselves, as the authors' CelebA release does.
    case images
  }

  /// D-28: the order of the phases of adversarial autoencoders.
  public enum UpdateOrder: String, CaseIterable, Sendable {
    /// Reconstruction, discriminator, encoder: the paper's.
    case reconstructionFirst = "reconstruction_first"
    /// Discriminator, encoder, reconstruction, each with noise of its own: the authors' MNIST and Omniglot code.
    case discriminatorFirst = "discriminator_first"
  }

  /// D-12: what a GAN's generator ends in.
  public enum GeneratorOutput: String, CaseIterable, Sendable {
    case sigmoid
    /// As the RVAE authors' code, on data in [0, 1] all the same; samples are clipped.
    case tanh
  }
}

extension Configuration {
  /// The number of lanes: as set, or the largest power of two that divides the batch, up to 8.
  public var laneCount: Int { lanes ?? min(8, batch & -batch) }

  /// The decoder's hidden layers: as set, or the encoder's reversed.
  public var decoderLayers: [Int] { decoderHidden ?? hidden.reversed() }

  /// The bytes of S in 32-bit floats above which the split is kept compact, unless set otherwise.
  static let compactSplitBytes = 1 << 30

  /// How the split of images of this shape is kept.
  ///
  /// As set, or compact where S in floats would have more than 1 GiB. It needs `rows`.
  public func splitStorage(of shape: ImageShape) -> SplitStorage {
    splitStorage ?? ((rows ?? 0) * shape.count * 4 > Self.compactSplitBytes ? .compact : .float32)
  }

  /// Checks what single values cannot tell and fills in what was left to be derived: `lanes`, `rows` and
  /// `decoder_hidden` of the result are never nil, nor is `split_storage` where the shape is given.
  ///
  /// - Parameters:
  ///   - count: Rows of the training set.
  ///   - shape: The shape of its images, where it is known.
  /// - Throws: `ConfigurationError` for lanes that are no power of two or do not divide the batch, a batch
  ///   larger than the training set, or settings that do not go together.
  public func validated(
    rows count: Int, of shape: ImageShape? = nil
  ) throws(ConfigurationError) -> Configuration {
    var resolved = self
    resolved.lanes = laneCount
    resolved.decoderHidden = decoderLayers
    resolved.rows = min(rows ?? count, count)
    if let shape { resolved.splitStorage = resolved.splitStorage(of: shape) }
    try resolved.checkLanes()
    let used = min(rows ?? count, count)
    if batch > used {
      throw ConfigurationError(
        key: "batch", found: "\(batch)",
        expected: "no more than the \(used) rows of the training set")
    }
    if prior == .gmm10 && latent != 2 {
      throw ConfigurationError(
        key: "latent", found: "\(latent)",
        expected: "2, which prior=gmm10 is made for; set latent=2 or prior=gaussian")
    }
    if joint && updateOrder != .reconstructionFirst {
      throw ConfigurationError(
        key: "update_order", found: updateOrder.rawValue,
        expected: "\(UpdateOrder.reconstructionFirst.rawValue) with joint=true, which has one order"
      )
    }
    try resolved.checkPasses()
    try resolved.checkAnnealing()
    try resolved.checkSweeps()
    try resolved.checkDenoising()
    return resolved
  }

  /// Checks that a number of ranks can share the lanes.
  ///
  /// - Throws: `ConfigurationError` that says what to set, when there are more ranks than lanes.
  public func check(ranks: Int) throws(ConfigurationError) {
    guard ranks > laneCount else { return }
    var wanted = 1
    while wanted < ranks { wanted *= 2 }
    let cure =
      batch % wanted == 0
      ? "set lanes=\(wanted)"
      : "set lanes=\(wanted) and a batch that \(wanted) divides (\((batch / wanted + 1) * wanted))"
    throw ConfigurationError(
      "\(ranks) ranks for \(laneCount) lanes: start at most \(laneCount) ranks, or \(cure) in a new run"
    )
  }

  private func checkLanes() throws(ConfigurationError) {
    let lanes = laneCount
    if lanes & (lanes - 1) != 0 {
      throw ConfigurationError(key: "lanes", found: "\(lanes)", expected: "a power of two")
    }
    if batch % lanes != 0 {
      let fitting = batch & -batch
      throw ConfigurationError(
        "batch: \(batch) cannot be divided by \(lanes) lanes; set lanes to \(fitting) or less, "
          + "or batch to \((batch / lanes + 1) * lanes)")
    }
  }
}

extension Configuration {
  /// How the images of the training set lie in their file.
  public var imageSetOptions: ImageSetOptions {
    ImageSetOptions(images: images.isEmpty ? nil : images, layout: layout, shape: shape)
  }
}

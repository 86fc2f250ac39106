import Autodiff
import Tensors

/// A part of a training step that has its own optimizer.
public struct Phase: Sendable {
  /// Name of the optimizer's state in checkpoints.
  public let name: String
  /// Names of the model's children that the phase updates.
  public let updates: [String]
  /// RMSprop's momentum in this phase; nil for the run's momentum.
  public let momentum: Double?

  /// A phase from its parts.
  public init(_ name: String, updates: [String], momentum: Double? = nil) {
    self.name = name
    self.updates = updates
    self.momentum = momentum
  }
}

/// A model that learns by gradients of batches.
///
/// It knows nothing of ranks, lanes, optimizers, files or the command line.
public protocol Trainable: Module {
  /// The parts of a training step, in order.
  ///
  /// The parameters of a phase are updated before the next phase begins.
  var phases: [Phase] { get }
  /// The loss of one phase, one value an example, [B]; training minimises its mean over the batch.
  ///
  /// A phase may use values that earlier phases kept in `step`, and reports the parts of its loss
  /// there.
  func loss(phase: Int, _ step: Step) -> Variable
  /// The parameters, [D] each, that start at a function of the mean training image, pixel by pixel.
  var meanImageParameters: [(Parameter, @Sendable (Float) -> Float)] { get }
  /// Whether the reconstruction part of the loss is -log p(x|z), in nats.
  var reportsLogLikelihood: Bool { get }
  /// Whether that p(x|z) is a density over all values, not the probability of zeros and ones.
  var reportsDensity: Bool { get }
  /// The first epochs, in which the KL term counts less than later.
  var warmUpEpochs: Int { get }
}

extension Trainable {
  /// The default: true.
  public var reportsLogLikelihood: Bool { true }
  /// The default: none.
  public var meanImageParameters: [(Parameter, @Sendable (Float) -> Float)] { [] }
  /// The default: false.
  public var reportsDensity: Bool { false }
  /// The default: none.
  public var warmUpEpochs: Int { 0 }
}

/// A model that decodes codes to images.
public protocol Decoding: Module {
  /// Dimensions of a code, J.
  var latent: Int { get }
  /// Pixels in [0, 1], [B, D], of codes [B, J]: the decoder's mean.
  func decode(_ z: Variable) -> Variable
  /// The same as an expression of Python, of networks by their names and a code `z`; nil where it
  /// takes more than PyTorch has.
  var torchImages: String? { get }
}

extension Decoding {
  /// The default: nil.
  public var torchImages: String? { nil }
}

/// A model with a prior of codes, which generates new images.
public protocol Generative: Decoding {
  /// Codes drawn from the prior for each row of the step, [B, J].
  func prior(_ step: Step) -> Variable
  /// New images for each row of the step, [B, D].
  func generate(_ step: Step) -> Variable
  /// Steps of the chain x -> D(E(C(x))) that turn a decoded code of the prior into a sample, by
  /// default.
  var chainSteps: Int { get }
}

extension Generative {
  /// Decodes codes drawn from the prior.
  public func generate(_ step: Step) -> Variable { decode(prior(step)) }
  /// The default: 0, because decoded codes of the prior are samples.
  public var chainSteps: Int { 0 }
}

/// An encoder's output for a batch: codes, or the mean and log-variance of their distribution, each
/// [B, J].
public struct Code {
  /// The codes, or the mean of their distribution.
  public let mean: Variable
  /// log of sigma squared; nil where the encoder is deterministic.
  public let logVariance: Variable?

  /// A code from its parts.
  public init(mean: Variable, logVariance: Variable? = nil) {
    self.mean = mean
    self.logVariance = logVariance
  }
}

/// A model that encodes images to codes and reconstructs images from codes.
public protocol Encoding: Module {
  /// Codes of a batch [B, D].
  func encode(_ x: Variable) -> Code
  /// The decoder's mean for a batch [B, D].
  ///
  /// - Parameter sampling: whether codes are drawn, where the encoder gives a distribution.
  func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable
  /// The mean code of a batch `x` as an expression of Python, of networks by their names; nil where
  /// it takes more than PyTorch has.
  var torchCode: String? { get }
  /// Whether codes say something of images; a filter has none.
  var hasCodes: Bool { get }
}

extension Encoding {
  /// The default: they do.
  public var hasCodes: Bool { true }
  /// The default: nil.
  public var torchCode: String? { nil }
}

/// A model that knows what noise makes of a clean image, so that a noisy one tells of the clean one
/// beside its code.
public protocol Restoring: Autoencoder {
  /// Whether this model does: it may be a setting.
  var restores: Bool { get }
  /// The mean of the clean image given a noisy one, [B, D], and a code, [B, J].
  func restored(_ x: Variable, _ z: Variable) -> Variable
}

/// A model that encodes and decodes.
public protocol Autoencoder: Encoding, Decoding {}

extension Autoencoder {
  /// Decodes a draw of q(z|x) where the encoder gives a distribution, otherwise the code.
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let code = encode(x)
    guard sampling, let logVariance = code.logVariance else { return decode(code.mean) }
    let q = DiagonalGaussian(mean: code.mean, logVariance: logVariance)
    return decode(q.sample(step.latentNoise(code.mean.shape.columns)))
  }
}

/// A model with a likelihood p(x|z) and codes from q(z|x), so that log p(x) has bounds.
public protocol LatentVariableModel: Autoencoder {
  /// The negative bound for each row of the batch, [B] in nats, with as many samples as in
  /// training.
  ///
  /// - Parameter isCorrupted: whether q sees the noise of training; the likelihood is always of the
  ///   clean images.
  func negativeBound(_ step: Step, isCorrupted: Bool) -> Variable
  /// log p(x|z) p(z) / q(z|x) for `count` codes of each row, drawn from q(z|x): [B, count] in nats.
  ///
  /// - Parameter repetition: the number of the draw.
  func logWeights(_ step: Step, count: Int, repetition: Int) -> Variable
  /// Whether p(x|z) is a density; then bounds are printed as log-densities and higher is better
  /// (D-26).
  var isDensity: Bool { get }
}

/// A model that tells the class of an image, and has features of images on the way.
public protocol Classifying: Module {
  /// The number of classes, K.
  var classes: Int { get }
  /// The number of features, J.
  var featureCount: Int { get }
  /// The features of a batch [B, D], [B, J]: what the last layer reads.
  func features(_ x: Variable) -> Variable
  /// The logits of the classes, [B, K], of features [B, J].
  func logits(ofFeatures features: Variable) -> Variable
}

/// A part of a loss that a model reports, or a measurement.
public enum LossPart: Hashable, Sendable, CustomStringConvertible {
  /// The distance of reconstructions from their targets.
  case reconstruction
  /// KL(q(z|x) || p(z)).
  case kl
  /// The loss of a discriminator.
  case discriminator
  /// A part that only this model has.
  case other(String)

  /// The part with a name.
  public init(_ name: String) {
    self = [Self.reconstruction, .kl, .discriminator].first { "\($0)" == name } ?? .other(name)
  }

  /// The part's name in logs and checkpoints.
  public var description: String {
    switch self {
    case .reconstruction: "reconstruction"
    case .kl: "kl"
    case .discriminator: "discriminator"
    case .other(let name): name
    }
  }
}

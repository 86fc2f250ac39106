import Autodiff
import Tensors

/// What an encoder says of a batch: codes, or the mean and the log-variance of their distribution, each [B, J].
public struct Code {
  /// The codes, or the mean of their distribution.
  public let mean: Variable
  /// log of sigma squared; nil where the encoder is deterministic.
  public let logVariance: Variable?

  /// From its parts.
  public init(mean: Variable, logVariance: Variable? = nil) {
    self.mean = mean
    self.logVariance = logVariance
  }
}

/// A part of a training step with an optimizer of its own.
public struct Phase: Sendable {
  /// Name of the optimizer's state in checkpoints.
  public let name: String
  /// Names of the model's children that it updates.
  public let updates: [String]
  /// Whether it trains an adversary of the others, which may have a momentum of its own.
  public let isDiscriminator: Bool

  /// A phase from its parts.
  public init(_ name: String, updates: [String], isDiscriminator: Bool = false) {
    self.name = name
    self.updates = updates
    self.isDiscriminator = isDiscriminator
  }
}

/// A trainable model that makes images from codes.
///
/// It knows nothing of ranks, lanes, optimizers, files or the command line.
public protocol GenerativeModel: Module {
  /// What a training step consists of, in order. The parameters of a phase are updated before the next one begins.
  var phases: [Phase] { get }
  /// The loss of one phase, one value an example, [B]; training minimises its mean over the batch. A phase may use
  /// what earlier ones kept in `step`, and reports its terms there.
  func loss(phase: Int, _ step: Step) -> Variable
  /// Pixels in [0, 1], [B, D], of codes [B, J]: the decoder's mean.
  func decode(_ z: Variable) -> Variable
  /// Codes drawn from the prior for each row of the step, [B, J].
  func prior(_ step: Step) -> Variable
  /// New images for each row of the step, [B, D]: where nothing else is said, the decoder's mean of codes from the prior.
  func generate(_ step: Step) -> Variable
  /// Steps of the chain x -> D(E(C(x))) that turn a decoded code of the prior into a sample, where nobody asks for
  /// others; nil where no prior was enforced, so that decoding its codes means nothing.
  var chainSteps: Int? { get }
  /// Images of which to see whether the model tells one batch's rows apart, [B, D].
  func outputs(_ step: Step) -> Variable
}

extension GenerativeModel {
  /// Decodes codes drawn from the prior.
  public func generate(_ step: Step) -> Variable { decode(prior(step)) }
  /// None: codes of the prior decode to samples.
  public var chainSteps: Int? { 0 }
  /// New images.
  public func outputs(_ step: Step) -> Variable { generate(step) }
}

/// A generative model that finds codes for images, too.
public protocol Autoencoder: GenerativeModel {
  /// Codes of a batch [B, D].
  func encode(_ x: Variable) -> Code
  /// The decoder's mean for a batch [B, D], from codes sampled (where there is a distribution) or from their mean.
  func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable
}

extension Autoencoder {
  /// What the batch is taken for, with its noise where it has some.
  public func outputs(_ step: Step) -> Variable {
    reconstruct(step.corrupted(), step, sampling: false)
  }

  /// Decodes a draw of q(z|x) where the encoder gives a distribution, else the code.
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let code = encode(x)
    guard sampling, let logVariance = code.logVariance else { return decode(code.mean) }
    let q = DiagonalGaussian(mean: code.mean, logVariance: logVariance)
    return decode(q.sample(step.latentNoise(code.mean.shape.columns)))
  }
}

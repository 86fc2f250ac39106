import Autodiff
import Layers
import Tensors
import Training

/// The number of passes of a recycling autoencoder, and the data it passes on.
///
/// Wang, Dai, Hua, Aston & Wipf, "Green Generative Modeling: Recycling Dirty Data using Recurrent
/// Variational Autoencoders" (UAI 2017).
/// x_1 = x. Pass p encodes x_p, decodes to a mean m_p with a variance v_p, and draws x_{p+1} ~
/// N(m_p, v_p), which is data for the next pass. The paper's (N, M): N passes in training, M passes
/// of the trained model.
public struct Recycling: Sendable, Equatable {
  /// D-16: the path of gradients from a pass back into the previous pass.
  ///
  /// The paper's figure marks some arrows; its text does not say which.
  public enum GradientPath: String, CaseIterable, Sendable {
    /// No gradients: x_{p+1} is a virtual sample.
    case detach
    /// Through m_p, not through v_p.
    case mean
    /// Through m_p and v_p.
    case full
    /// Through m_p and v_p into x_{p+1} as the encoder's input; as a target (of loss and residual)
    /// x_{p+1} is data.
    case inputOnly = "input_only"
  }

  /// D-17: the data that a trained model passes on.
  public enum Test: String, CaseIterable, Sendable {
    /// x_{p+1} = m_p, with z the mean of q(z|x_p).
    case mean
    /// x_{p+1} ~ N(m_p, v_p), with z drawn from q(z|x_p).
    case sample
  }

  /// N, the passes in training.
  public var passes = 1
  /// Epochs of one pass before N counts, because a run that starts with N > 1 tends to a constant
  /// output.
  public var firstEpoch = 0
  /// The path of gradients.
  public var path = GradientPath.detach
  /// Whether recycled samples of training are clipped to [0, 1].
  public var isClipped = false
  /// M, the passes of a trained model.
  public var testPasses = 1
  /// The data passed on between them.
  public var test = Test.mean

  /// One pass in training and in tests.
  public init() {}

  /// Passes of this step; 1 outside of training.
  func passes(of step: Step) -> Int {
    step.isTraining && step.epoch >= firstEpoch ? passes : 1
  }
}

/// A decoder's output for a batch: a mean and, where it is learned, the log of a variance for each
/// pixel, [B, D] each.
public struct DecodedGaussian {
  /// m.
  public let mean: Variable
  /// log v.
  public let logVariance: Variable?

  /// An output from its parts.
  public init(mean: Variable, logVariance: Variable? = nil) {
    self.mean = mean
    self.logVariance = logVariance
  }
}

/// A variational autoencoder with a Gaussian decoder that can train on, and reconstruct, its own
/// samples.
///
/// A model defines its decoder's output, the misfit to the data and the draw of a sample. The
/// passes are the same for all models.
public protocol RecyclingAutoencoder: Autoencoder, Generative, Trainable {
  /// N, M and their options.
  var recycling: Recycling { get }
  /// Weight of the KL term.
  var kl: KLWeight { get }
  /// q(z|x).
  var encoder: GaussianEncoder { get }
  /// p(x|z) for codes [B, J].
  func output(_ z: Variable) -> DecodedGaussian
  /// Half the paper's sum of D_j, [B], in nats without constants.
  ///
  /// - Parameter residual: x - m, [B, D].
  func misfit(_ residual: Variable, of output: DecodedGaussian, _ step: Step) -> Variable
  /// A sample around the output, [B, D]; `noise` draws standard normal numbers when it is called.
  func recycled(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> Variable
}

extension RecyclingAutoencoder {
  /// As set.
  public var warmUpEpochs: Int { kl.warmUpEpochs }

  /// One phase updates all networks.
  public var phases: [Phase] { [Phase("all", updates: children.map(\.0))] }

  /// The SUM over the passes of beta KL + misfit, each pass with its own x_p as target.
  ///
  /// Terms are in nats per example: `misfit` and `kl` of the first pass, `recycled` for all other
  /// passes. `clamped` counts the log-variances that the clamp holds.
  public func loss(phase: Int, _ step: Step) -> Variable {
    var (input, target) = (step.corrupted(), step.target)
    let passes = recycling.passes(of: step)
    var total: Variable?
    var recycledLoss = 0.0
    for pass in 0..<passes {
      let q = encoder(input)
      let output = output(q.sample(step.latentNoise(encoder.latent, repetition: pass)))
      let residual = target - output.mean
      let (misfit, divergence) = (misfit(residual, of: output, step), q.klToStandardNormal())
      let loss = kl.sum(misfit, divergence, step)
      if pass == 0 {
        step.report(.other("misfit"), misfit)
        step.report(.kl, divergence)
        step.report(.other("clamped"), sum: Double(GaussianEncoder.clampedCount(q)))
      } else {
        recycledLoss += loss.sum
      }
      total = total.map { $0 + loss } ?? loss
      if pass + 1 < passes {
        (input, target) = next(output, residual) {
          step.recyclingNoise(target.shape.columns, pass: pass)
        }
      }
    }
    if recycling.passes > 1 { step.report(.other("recycled"), sum: recycledLoss) }
    guard let total else { preconditionFailure("no pass") }
    return total
  }

  /// x_{p+1} as the encoder's input and as the target, with the gradients of D-16.
  private func next(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> (input: Variable, target: Variable) {
    let fixed = (residual.detached(), output.logVariance?.detached())
    let x: Variable
    switch recycling.path {
    case .detach:
      x = recycled(
        DecodedGaussian(mean: output.mean.detached(), logVariance: fixed.1), fixed.0, noise: noise)
    case .mean:
      x = recycled(
        DecodedGaussian(mean: output.mean, logVariance: fixed.1), fixed.0, noise: noise)
    case .full, .inputOnly: x = recycled(output, residual, noise: noise)
    }
    let sample = recycling.isClipped ? x.clamped(to: 0...1) : x
    return (sample, recycling.path == .inputOnly ? sample.detached() : sample)
  }

  /// The latent dimensions, J.
  public var latent: Int { encoder.latent }

  /// Mean and log-variance of q(z|x), [B, J] each.
  public func encode(_ x: Variable) -> Code {
    let q = encoder(x)
    return Code(mean: q.mean, logVariance: q.logVariance)
  }

  /// The decoder's mean, [B, D].
  public func decode(_ z: Variable) -> Variable { output(z).mean }

  /// As PyTorch computes the mean code.
  public var torchCode: String? {
    children.contains { $0.0 == "encoder" } ? "mean(encoder(x))" : "mean(x)"
  }

  /// Codes from N(0, I), [B, J].
  public func prior(_ step: Step) -> Variable { step.normal(encoder.latent, step.purpose) }

  /// The last mean of M passes, [B, D].
  public func reconstruct(_ x: Variable, _ step: Step, sampling: Bool) -> Variable {
    let draws = sampling || recycling.test == .sample
    var (x, mean) = (x, x)
    for pass in 0..<recycling.testPasses {
      let q = encoder(x)
      let output = output(
        draws ? q.sample(step.latentNoise(encoder.latent, repetition: pass)) : q.mean)
      mean = output.mean
      guard pass + 1 < recycling.testPasses else { break }
      x =
        recycling.test == .mean
        ? mean
        : recycled(output, x - mean) { step.recyclingNoise(mean.shape.columns, pass: pass) }
    }
    return mean
  }

  /// The decoder's mean of a code from the prior, after M - 1 further passes, [B, D].
  ///
  /// M counts decodings. Before the first decoding there is no image for a residual, so the means
  /// are passed on.
  public func generate(_ step: Step) -> Variable {
    var mean = output(prior(step)).mean
    for _ in 1..<Swift.max(1, recycling.testPasses) { mean = output(encoder(mean).mean).mean }
    return mean
  }
}

import Autodiff
import Datasets
import Layers
import MPI
import Models
import Runs
import Tensors
import Training

/// Draws new images from a trained model.
public final class Sampler {
  /// The source of the codes of first images.
  public enum Start: String, CaseIterable, Sendable {
    /// N(0, I), for any prior: the DAAE paper's choice for chains.
    case normal
    /// The model's prior.
    case prior
  }

  /// The codes of a step of a chain.
  public enum Codes: String, CaseIterable, Sendable {
    /// A draw of q(z|x), where the encoder gives a distribution.
    case sample
    /// The mean of q(z|x).
    case mean
  }

  private let model: any Decoding
  private let start: Start
  private let step: Step
  private let chain: MarkovChain?
  private let chainSteps: Int

  /// A sampler whose images depend only on `seed` and their number.
  ///
  /// - Parameters:
  ///   - steps: the steps of a chain from the decoded codes; nil for the model's default.
  ///   - start: the source of the codes.
  ///   - codes: the codes of a chain's steps.
  /// - Throws: `ConfigurationError` for a chain of a model without encoder, or no chain of a model
  ///   without prior.
  public init(
    _ trained: TrainedModel, seed: UInt64, chain steps: Int? = nil, start: Start = .prior,
    codes: Codes = .sample
  ) throws {
    self.start = start
    step = Step(seed: seed)
    let name = trained.configuration.model
    guard let model = trained.model as? any Decoding else {
      throw ConfigurationError(
        "\(trained.directory.path): found model=\(name), which makes no images of codes, expected "
          + "one that does")
    }
    self.model = model
    let prior = model as? any Generative
    guard let count = steps ?? prior?.chainSteps else {
      throw ConfigurationError(
        "\(trained.directory.path): found model=\(name), whose codes were matched to no "
          + "prior, expected --chain T to sample from it")
    }
    chainSteps = count
    guard count > 0 else {
      chain = nil
      return
    }
    chain = MarkovChain(
      try trained.encoder(), noise: try trained.trainingNoise(), images: trained.imageShape,
      seed: seed, sampling: codes == .sample)
  }

  /// Images number `rows` of the seed's sequence, [rows, D].
  ///
  /// An image is the model's new image, or the decoder's mean of a normal code. A chain continues
  /// from that image.
  public func samples(_ rows: Range<Int>) -> Variable {
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: 1, purpose: .generation, time: 0) { _ in }
    }
    let prior = start == .prior ? model as? any Generative : nil
    let x = prior?.generate(step) ?? model.decode(step.normal(model.latent, .generation))
    return chain?.run(chainSteps, from: x, rows: rows) ?? x
  }
}

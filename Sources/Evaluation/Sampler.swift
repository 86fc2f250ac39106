import Autodiff
import Datasets
import Layers
import Models
import Tensors
import Training

/// Draws new images from a trained model.
public final class Sampler {
  /// Where codes of the first images come from.
  public enum Start: String, CaseIterable, Sendable {
    /// N(0, I), whatever the prior: the DAAE paper's choice for chains.
    case normal
    /// The model's prior.
    case prior
  }

  private let model: any GenerativeModel
  private let latent: Int
  private let start: Start
  private let step: Step
  private let chain: MarkovChain?
  private let chainSteps: Int

  /// A sampler whose images are a function of `seed` and their number alone.
  ///
  /// - Parameters:
  ///   - steps: how far a chain goes from the decoded codes; nil for as far as the model calls for.
  ///   - start: where the codes come from.
  /// - Throws: `ConfigurationError` for a chain of a model without encoder, or none of a model without prior.
  public init(
    _ trained: TrainedModel, seed: UInt64, chain steps: Int? = nil, start: Start = .prior
  ) throws {
    model = trained.model
    latent = trained.configuration.latent
    self.start = start
    step = Step(seed: seed)
    guard let count = steps ?? model.chainSteps else {
      throw ConfigurationError(
        "\(trained.directory.path): found model=\(trained.configuration.model), whose codes were matched to no "
          + "prior, expected --chain T to sample from it")
    }
    chainSteps = count
    guard count > 0 else {
      chain = nil
      return
    }
    chain = MarkovChain(
      try trained.autoencoder(), noise: try trained.trainingNoise(), images: trained.imageShape,
      seed: seed)
  }

  /// Images number `rows` of the sequence that the seed stands for, [rows, D]: what the model generates, or the decoder's mean
  /// of the codes, and what the chain makes of it.
  public func samples(_ rows: Range<Int>) -> Variable {
    rows.map(Int32.init).withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: 1, purpose: .generation, time: 0) { _ in }
    }
    let x =
      start == .prior
      ? model.generate(step) : model.decode(step.normal(latent, .generation))
    return chain?.run(chainSteps, from: x, rows: rows) ?? x
  }
}

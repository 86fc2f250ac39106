import Autodiff
import CKernels
import Datasets
import Foundation
import Layers
import MPI
import Models
import Tensors
import Training

/// A measurement that `cleave evaluate --metrics` knows.
public enum Metric: String, CaseIterable, Sendable {
  /// Mean squared error per pixel to the clean images.
  case mse
  /// Peak signal-to-noise ratio in dB of that error: 10 log10(1 / MSE), pixels in [0, 1].
  case psnr
  /// Evidence lower bound in nats per image, one sample of z; higher is better. Variational models.
  case elbo
  /// KL of q(z|x) to the prior in nats, mean over the images. Variational models.
  case kl
  /// Mean over the pixels of the standard deviation of 10,000 samples.
  case spread
  /// The bound of log p(x) as the model is trained, in nats per image: negative for binary images, lower is better; as
  /// it is for a Gaussian decoder, higher is better (D-26).
  case bound
  /// -log p(x) in nats per image, by many samples of z; lower is better.
  case nll
  /// -log p(x) by as many samples in bits per pixel.
  case bits
}

/// What an evaluation found, as `cleave evaluate --json` prints it.
public struct EvaluationResult: Sendable {
  /// The run directory.
  public let run: String
  /// The data file.
  public let data: String
  /// The part of it that was measured.
  public let split: String
  /// Images measured.
  public let rows: Int
  /// What errors are taken against: "clean" or, without clean images, "images".
  public let reference: String
  /// By metric, without those that the model does not have; errors by what was compared ("X", "reconstruction", "L"), other metrics under "".
  public let metrics: [(metric: Metric, values: [(name: String, value: Double)])]
}

/// Measures a trained model on a data set.
public struct Evaluation {
  let trained: TrainedModel
  let world: Communicator
  let source: Source
  let options: Options
  private static let spreadSamples = 10_000

  /// What is measured, and how.
  public struct Options: Sendable {
    /// Samples of z for each image in nll and bits.
    public var samples = 5000
    /// Measure the first images only; nil for all.
    public var rows: Int?
    /// Whether the encoder sees the noise of training when the bound is measured (D-25).
    public var isCorrupted = false
    /// Whether the bound of a Gaussian decoder is negated as well (D-26).
    public var isNegated = false

    /// The protocol of section 8.5.
    public init() {}
  }

  /// - Throws: `RunError` when the images have another shape than those of the run.
  public init(
    _ trained: TrainedModel, on data: ImageSet, options: Options = Options(), world: Communicator
  ) throws {
    self.trained = trained
    self.world = world
    self.options = options
    source = try Source(trained, data, limit: options.rows)
  }

  /// **Collective.**
  public func run(_ metrics: [Metric]) throws -> EvaluationResult {
    var found: [(metric: Metric, values: [(name: String, value: Double)])] = []
    let errors =
      metrics.contains(.mse) || metrics.contains(.psnr) ? try meanSquaredErrors() : []
    let bound =
      metrics.contains(.elbo) || metrics.contains(.kl)
      ? try evidenceBound() : (elbo: nil, kl: nil)
    for metric in metrics {
      switch metric {
      case .mse: found.append((.mse, errors))
      case .psnr:
        found.append((.psnr, errors.map { ($0.name, -10 * log10($0.value)) }))
      case .elbo: if let elbo = bound.elbo { found.append((.elbo, [("", elbo)])) }
      case .kl: if let kl = bound.kl { found.append((.kl, [("", kl)])) }
      case .spread:
        // A model without a prior has no samples of its own.
        if trained.model.chainSteps != nil { found.append((.spread, [("", try sampleSpread())])) }
      case .bound, .nll, .bits:
        if let value = try likelihood(metric) { found.append((metric, [("", value)])) }
      }
    }
    return EvaluationResult(
      run: trained.directory.path, data: source.images.path,
      split: source.images.split.rawValue, rows: source.rows,
      reference: source.hasClean ? "clean" : "images", metrics: found)
  }

  /// The errors of X, of D(E(X)) from mean codes and, with a split, of L.
  ///
  /// L = D(E(X - S)) is known for the run's own rows. A model that is trained with noise drawn at each step
  /// gets its input with such noise, unless the images are corrupted already.
  private func meanSquaredErrors() throws -> [(name: String, value: Double)] {
    let d = source.images.shape.count
    let explainer = try world.agree {
      try Explainer(trained, images: source.images, usesSplit: source.hasSplit)
    }
    let clean = Storage(count: source.images.shape.blockRows * d)
    let sums = try RowPass(rows: source.rows, of: source.images.shape, on: world).sum(3) { rows in
      source.reference.gather(rows, into: clean.pointer)
      func error(_ x: UnsafeMutablePointer<Float>) -> Double {
        ck_axpy(x, clean.pointer, -1, rows.count * d)
        return ck_sum_squares(x, rows.count * d)
      }
      var errors = [0.0, 0, 0]
      let input = explainer.input(rows)
      errors[1] = error(explainer.reconstruction(of: input).pointer)
      if source.hasSplit { errors[2] = error(try explainer.clean(rows).pointer) }
      errors[0] = error(explainer.input(rows).pointer)
      return errors
    }
    let elements = Double(source.rows * d)
    return [("X", sums[0] / elements), ("reconstruction", sums[1] / elements)]
      + (source.hasSplit ? [("L", sums[2] / elements)] : [])
  }

  /// One sample of z for each image; nil for models without a likelihood, or without a KL.
  ///
  /// With a split the images are X - S, as in training.
  private func evidenceBound() throws -> (elbo: Double?, kl: Double?) {
    let step = Step(seed: trained.configuration.seed)
    let explainer = try world.agree {
      try Explainer(trained, images: source.images, usesSplit: source.hasSplit)
    }
    let d = source.images.shape.count
    var isVariational = false
    var hasLikelihood = false
    let sums = try RowPass(rows: source.rows, of: source.images.shape, on: world).sum(2) { rows in
      rows.map(Int32.init).withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: d, purpose: .evaluation, time: 0) {
          source.images.gather(batch, into: $0)
        }
      }
      if source.hasSplit {
        ck_axpy(step.target.pointer, try explainer.sparse(rows), -1, rows.count * d)
      }
      _ = trained.model.loss(phase: 0, step)
      func term(_ name: String) -> Double? { step.terms.first { "\($0.name)" == name }?.sum }
      guard let kl = term("kl") else { return [0, 0] }
      isVariational = true
      // Without constants, with a variance for each pixel or as a squared error, it is no likelihood.
      guard trained.configuration.reconstructionTerm == .bce,
        let reconstruction = term("reconstruction")
      else { return [0, kl] }
      hasLikelihood = true
      return [-reconstruction - kl, kl]
    }
    var flags = [isVariational ? 1.0 : 0, hasLikelihood ? 1 : 0]
    try world.allReduce(&flags, .max)
    let count = Double(source.rows)
    return (flags[1] > 0 ? sums[0] / count : nil, flags[0] > 0 ? sums[1] / count : nil)
  }

  /// How much samples from the prior differ: the mean over pixels of their standard deviation.
  private func sampleSpread() throws -> Double {
    let d = source.images.shape.count
    let sampler = try world.agree { try Sampler(trained, seed: trained.configuration.seed) }
    let sums = try RowPass(rows: Self.spreadSamples, of: trained.imageShape, on: world).sum(2 * d) {
      rows in
      let samples = sampler.samples(rows).pointer
      var sums = Array(repeating: 0.0, count: 2 * d)
      for i in 0..<rows.count {
        for j in 0..<d {
          let value = Double(samples[i * d + j])
          sums[j] += value
          sums[d + j] += value * value
        }
      }
      return sums
    }
    let n = Double(Self.spreadSamples)
    return (0..<d).reduce(0) { spread, j in
      let mean = sums[j] / n
      return spread + max(0, sums[d + j] / n - mean * mean).squareRoot()
    } / Double(d)
  }
}

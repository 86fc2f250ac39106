import Autodiff
import Datasets
import Foundation
import Layers
import Models
import Tensors
import TestSupport
import Testing
import Training

@Suite("Properties of models")
struct ModelPropertyTests {
  /// A small model with drawn weights, and a step with a batch of 6 rows of 16 pixels.
  private func make(_ settings: String...) throws -> (any Trainable, Leaves, Step) {
    var c = Configuration()
    for setting in ["hidden=8", "discriminator_hidden=8", "latent=2", "batch=6"] + settings {
      try c.set(setting)
    }
    let shape = ImageShape(height: 4, width: 4, channels: 1)
    let model = try #require(try c.makeModel(of: shape) as? any Trainable)
    let leaves = Leaves(model.collectParameters())
    leaves.set.initialize(seed: c.common.lanes.seed)
    return (model, leaves, step(rows: 6))
  }

  private func step(rows: Int) -> Step { begin(Step(seed: 595), rows: rows) }

  @discardableResult private func begin(
    _ step: Step, rows: Int = 6, epoch: Int = .max
  ) -> Step {
    Array(0..<Int32(rows)).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 16, purpose: .latent, time: 3, epoch: epoch) { pixels in
        for i in 0..<rows * 16 { pixels[i] = Float(i * 7 % 11) / 10 }
      }
    }
    return step
  }

  private func term(_ name: String, of step: Step) -> Double? {
    step.sum(of: LossPart(name))
  }

  /// X16: the loss is the reconstruction term plus beta times KL.
  ///
  /// With beta 0 the model is an autoencoder with noise, so the log-variance gets gradients only
  /// from the reconstruction.
  @Test(arguments: [0, 0.3, 1, 4.0]) func betaWeightsTheDivergence(beta: Double) throws {
    let (model, leaves, step) = try make("model=vae", "beta=\(beta)")
    let loss = model.loss(phase: 0, step)
    let reconstruction = try #require(term("reconstruction", of: step))
    let kl = try #require(term("kl", of: step))
    #expect(kl > 0)
    #expect(abs(loss.sum - reconstruction - beta * kl) < 1e-5 * abs(reconstruction))
    leaves.differentiate(loss)
    let gradient = leaves.gradient("log_variance.bias")
    // Over four epochs it grows from 0: the step is of the last of all, then of the second.
    let (warm, held, later) = try make("model=vae", "beta=\(beta)", "kl_warmup_epochs=4")
    #expect(abs(warm.loss(phase: 0, later).sum - loss.sum) < 1e-5 * abs(reconstruction))
    let (half, kept, second) = try make("model=vae", "beta=\(beta)", "kl_warmup_epochs=4")
    let early = half.loss(phase: 0, begin(second, epoch: 1)).sum
    #expect(abs(early - reconstruction - beta / 4 * kl) < 1e-5 * abs(reconstruction))
    withExtendedLifetime((held, kept)) {}

    let (plain, others, again) = try make("model=vae", "beta=0")
    others.differentiate(plain.loss(phase: 0, again))
    let withoutKL = others.gradient("log_variance.bias")
    let code = try #require(plain as? any Autoencoder).encode(again.target)
    let logVariance = try #require(code.logVariance).values
    for j in 0..<2 {
      // d KL / d log-variance = (sigma^2 - 1) / 2, summed over the batch.
      let slope = stride(from: j, to: 12, by: 2).map { (exp(Double(logVariance[$0])) - 1) / 2 }
      let expected = Double(withoutKL[j]) + beta * slope.reduce(0, +)
      #expect(abs(Double(gradient[j]) - expected) < 1e-4)
    }
  }

  /// X37, and X3 for the encoder: with all-zero weights the discriminator's logit is 0 for every
  /// code.
  @Test(arguments: [("non_saturating", log(2.0)), ("saturating", -log(2.0))])
  func discriminatorThatCannotTell(generatorLoss: String, expected: Double) throws {
    let (model, leaves, step) = try make("model=daae", "generator_loss=\(generatorLoss)")
    for entry in leaves.set.entries where entry.name.hasPrefix("discriminator.") {
      leaves.load(entry.name, Array(repeating: 0, count: entry.parameter.shape.count))
    }
    for phase in 0..<3 { _ = model.loss(phase: phase, step) }
    let discriminator = try #require(term("discriminator", of: step))
    let encoder = try #require(term("encoder_prior", of: step))
    #expect(abs(discriminator / 6 - 2 * log(2)) < 1e-6)
    #expect(abs(encoder / 6 - expected) < 1e-6)
  }

  /// X34: the discriminator's loss has no gradient for the encoder, the encoder's none for the
  /// discriminator.
  @Test func adversarialPhasesReachTheirOwnParametersOnly() throws {
    let (model, leaves, step) = try make("model=daae")
    for phase in 0..<3 {
      let loss = model.loss(phase: phase, step)
      leaves.differentiate(loss, groups: model.groups(model.phases[phase].updates))
      for entry in leaves.set.entries {
        let part = String(entry.name.prefix { $0 != "." })
        let isUpdated = model.phases[phase].updates.contains(part)
        let gradient = leaves.gradient(entry.name)
        #expect(gradient.allSatisfy { $0.isNaN != isUpdated }, "phase \(phase): \(entry.name)")
      }
    }
    leaves.differentiate(model.loss(phase: 1, step))
    for name in ["encoder.0.weight", "encoder.2.bias", "decoder.0.weight"] {
      #expect(leaves.gradient(name).allSatisfy { $0 == 0 }, "discriminator's loss: \(name)")
    }
  }

  /// X35: moments of the priors, and equal shares of the mixture's components.
  @Test func priors() throws {
    let rows = 10_000
    let gaussian = try #require(make("model=daae").0 as? any Generative)
    let mixture = try #require(make("model=daae", "prior=gmm10").0 as? any Generative)
    let wide = step(rows: rows)
    let cases: [(any Generative, Double, Double)] = [(gaussian, 1, 0.05), (mixture, 8.25, 0.3)]
    for (model, variance, tolerance) in cases {
      let z = model.prior(wide).values
      for axis in 0..<2 {
        let values = stride(from: axis, to: 2 * rows, by: 2).map { Double(z[$0]) }
        let mean = values.reduce(0, +) / Double(rows)
        let spread = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(rows)
        #expect(abs(mean) < 0.1)
        #expect(abs(spread - variance) < tolerance)
      }
    }
    var shares = [Int](repeating: 0, count: 10)
    let z = mixture.prior(wide).values
    for i in 0..<rows {
      let angle = atan2(Double(z[2 * i + 1]), Double(z[2 * i]))
      shares[(Int((angle / (2 * .pi) * 10).rounded()) + 10) % 10] += 1
    }
    let expected = Double(rows) / 10
    let chiSquare = shares.map { pow(Double($0) - expected, 2) / expected }.reduce(0, +)
    #expect(chiSquare < 27.9, "nine degrees of freedom, p > 0.001: \(shares)")
  }
}

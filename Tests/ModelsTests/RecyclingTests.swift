import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models
@testable import Training

/// X17 to X23 of docs/checks.md, except the EM bound.
@Suite("Recycling models") struct RecyclingTests {
  private let image = ImageShape(height: 4, width: 4, channels: 1)

  /// Keeps the memory of all models of a test.
  private final class Memory { var leaves: [Leaves] = [] }
  private let memory = Memory()

  /// A small model with drawn weights.
  private func make(_ settings: [String]) throws -> (model: any RecyclingAutoencoder, Leaves) {
    var c = Configuration()
    let small = ["hidden=8", "latent=2", "batch=6", "activation=tanh", "initialization=pytorch"]
    for setting in small + settings { try c.set(setting) }
    let model = try c.makeModel(of: image)
    let leaves = Leaves(model.collectParameters())
    leaves.set.initialize(seed: c.common.lanes.seed)
    memory.leaves.append(leaves)
    return (try #require(model as? any RecyclingAutoencoder), leaves)
  }

  /// A step with a batch of six rows; `noise` scales the noise of recycled samples.
  private func step(
    epoch: Int = 0, purpose: Purpose = .latent, recycling: Float = 1, pixels: [Float]? = nil
  ) -> Step {
    let step = Step(
      seed: 595,
      normal: { [image] values, count, row, draws in
        draws.normal(row: row, into: values, count: count)
        if count == image.count { for i in 0..<count { values[i] *= recycling } }
      })
    Array(0..<Int32(6)).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 16, purpose: purpose, time: 3, epoch: epoch) { x in
        for i in 0..<96 { x[i] = pixels?[i] ?? Float(i * 7 % 11) / 10 }
      }
    }
    return step
  }

  private func gradients(_ leaves: Leaves, _ loss: Variable) -> [String: [Float]] {
    leaves.differentiate(loss)
    return Dictionary(
      uniqueKeysWithValues: leaves.set.entries.map { ($0.name, leaves.gradient($0.name)) })
  }

  /// X17: with v = r², 0.5 (r² / v + log v) = 0.5 + log |r|; this v is the best.
  @Test func logarithmicForm() {
    let tape = Tape()
    let r = tape.constant(Shape(1, 5))
    for (i, value) in ([-0.75, 0.01, 0.2, -3, 1] as [Float]).enumerated() { r.pointer[i] = value }
    func scaled(_ factor: Float) -> Float {
      let logVariance = tape.constant(Shape(1, 5))
      for i in 0..<5 { logVariance.pointer[i] = log(factor * r.pointer[i] * r.pointer[i]) }
      return r.halfScaledSquares(logVariance: logVariance).values[0]
    }
    let form = r.values.reduce(0) { $0 + 0.5 + log(abs($1)) }
    #expect(abs(scaled(1) - form) < 1e-5)
    // docs/systems.md, 5.3 up to d / 2 (X23 too): the loss at the best variance is the iC loss plus
    // d / 2.
    #expect(abs(r.halfLogSquares(epsilon: 1e-20).values[0] + 2.5 - form) < 1e-5)
    #expect(scaled(1.01) > scaled(1) && scaled(0.99) > scaled(1))
  }

  /// X18: scaling residuals adds log a to each pixel's loss and leaves the gradients unchanged, but
  /// not for l2.
  @Test func scaleInvariance() throws {
    for (model, isInvariant) in [("ic-vae", true), ("l2-vae", false)] {
      let settings = ["model=\(model)", "residual_epsilon=1e-3"]
      let (plain, leaves) = try make(settings)
      let loss = plain.loss(phase: 0, step())
      let (scaled, others) = try make(settings + ["residual_scale=8"])
      let other = scaled.loss(phase: 0, step())
      let (a, b) = (gradients(leaves, loss), gradients(others, other))
      let expected = loss.values.map { $0 + 16 * log(8) }
      #expect(
        zip(other.values, expected).allSatisfy { abs($0 - $1) < 1e-3 } == isInvariant, "\(model)")
      let distances = a.map { name, gradient in
        deviation(b[name, default: []], from: gradient.map(Double.init))
      }
      #expect(distances.allSatisfy { $0 < 64 } == isInvariant, "\(model): \(distances)")
    }
  }

  /// beta weights the KL and nothing else.
  @Test(arguments: ["ic-vae", "l2-vae", "lc-vae", "ric-vae passes=2"])
  func weightOfTheKL(model: String) throws {
    let settings = ("model=" + model).split(separator: " ").map(String.init)
    let losses = try ["0", "1", "3"].map { beta in
      let (model, _) = try make(settings + ["beta=\(beta)"])
      return model.loss(phase: 0, step()).values
    }
    for row in 0..<6 {
      let kl = losses[1][row] - losses[0][row]
      #expect(kl > 1e-4 && abs(losses[2][row] - losses[0][row] - 3 * kl) < 1e-3)
    }
  }

  /// X19: RiC(1,1) is the iC-VAE, to the bit; generation with M = 1 is decoding.
  @Test func oneRoundIsNone() throws {
    let (ic, leaves) = try make(["model=ic-vae"])
    let (ric, others) = try make(["model=ric-vae", "passes=1", "recycle_grad=full"])
    let (a, b) = (ic.loss(phase: 0, step()), ric.loss(phase: 0, step()))
    #expect(bits(a.values) == bits(b.values))
    #expect(gradients(leaves, a) == gradients(others, b))
    let (one, two) = (step(), step())
    #expect(
      ic.reconstruct(one.target, one, sampling: false).values
        == ric.reconstruct(two.target, two, sampling: false).values)
    #expect(ric.generate(one).values == ric.decode(ric.prior(one)).values)
    // Before `passes_from_epoch` a step has one pass; afterwards it has more.
    let (late, _) = try make(["model=ric-vae", "passes=3", "passes_from_epoch=5"])
    #expect(bits(late.loss(phase: 0, step(epoch: 4)).values) == bits(a.values))
    #expect(late.loss(phase: 0, step(epoch: 5)).values != a.values)
    // A pass over the data has one pass too.
    let measured = step(purpose: .evaluation)
    _ = late.loss(phase: 0, measured)
    #expect(measured.terms.last?.sum == 0)
  }

  /// X19: with e = 0 and detached samples the loss is the sum of iC losses on x_p = m_{p-1}.
  @Test func roundsAddUp() throws {
    let (ric, leaves) = try make(["model=ric-vae", "passes=3"])
    let step = step(recycling: 0)
    let loss = ric.loss(phase: 0, step)
    var x = step.target
    var expected = [Float](repeating: 0, count: 6)
    for pass in 0..<3 {
      let q = ric.encoder(x)
      let m = ric.output(q.sample(step.latentNoise(2, repetition: pass)))
      let terms = ric.misfit(x - m.mean, of: m, step) + q.klToStandardNormal()
      expected = zip(expected, terms.values).map { $0 + $1 }
      x = m.mean.detached()
    }
    #expect(zip(loss.values, expected).allSatisfy { abs($0 - $1) < 1e-4 * abs($1) })
    leaves.differentiate(loss)
    #expect(leaves.gradient("decoder.2.bias").allSatisfy { $0.isFinite })
  }

  /// X20: with "detach" the loss of the second pass has no gradient for m_1; the other paths give
  /// one.
  ///
  /// Here m_1 is a separate leaf: the output of a decoder that the second pass does not use.
  @Test(arguments: Recycling.GradientPath.allCases)
  func gradientsOfTheSecondPass(path: Recycling.GradientPath) throws {
    let (once, leaves) = try make(["model=ric-vae"])
    let (twice, others) = try make(["model=ric-vae", "passes=2", "recycle_grad=\(path.rawValue)"])
    let (first, both) = (step(), step())
    let alone = gradients(leaves, once.loss(phase: 0, first))
    let together = gradients(others, twice.loss(phase: 0, both))
    // The second pass alone, on the same x_2 as data.
    let again = step()
    let q = once.encoder(again.target)
    let m = once.output(q.sample(again.latentNoise(2, repetition: 0)))
    let x = once.recycled(m, again.target - m.mean) { again.recyclingNoise(16, pass: 0) }.detached()
    let q2 = once.encoder(x)
    let m2 = once.output(q2.sample(again.latentNoise(2, repetition: 1)))
    let second = gradients(
      leaves, once.misfit(x - m2.mean, of: m2, again) + q2.klToStandardNormal())
    let carried = together.map { name, gradient -> Float in
      zip(gradient, zip(alone[name, default: []], second[name, default: []])).map {
        abs($0 - $1.0 - $1.1)
      }.max() ?? .infinity
    }
    let scale = together.values.joined().map(abs).max() ?? 0
    #expect(carried.allSatisfy { $0 < 1e-4 * scale } == (path == .detach), "\(carried)")
  }

  /// X23: an LC-VAE with log v forced to 0 has the loss of the l2-VAE, and all its gradients.
  @Test func unitVariances() throws {
    let (l2, leaves) = try make(["model=l2-vae"])
    let (lc, others) = try make(["model=lc-vae"])
    for entry in others.set.entries {
      let name = entry.name.replacing("output_mean", with: "decoder.2")
      let values =
        name.hasPrefix("output_log_variance")
        ? Array(repeating: 0, count: entry.parameter.shape.count) : leaves.value(name)
      others.load(entry.name, values)
    }
    let (a, b) = (l2.loss(phase: 0, step()), lc.loss(phase: 0, step()))
    #expect(bits(a.values) == bits(b.values))
    let (x, y) = (gradients(leaves, a), gradients(others, b))
    for (name, gradient) in y where !name.hasPrefix("output_log_variance") {
      #expect(gradient == x[name.replacing("output_mean", with: "decoder.2")], "\(name)")
    }
  }

  /// X21: E log u² = -gamma - ln 2 for u ~ N(0, 1), by a million draws.
  @Test func meanLogarithmOfASquare() {
    let tape = Tape()
    let u = tape.constant(Shape(1000, 1000))
    let draws = Draws(seed: 4, purpose: .evaluation, time: 0)
    for row in 0..<1000 { draws.normal(row: row, into: u.pointer + row * 1000, count: 1000) }
    let mean = 2 * u.halfLogSquares(epsilon: 1e-20).sum / 1e6
    #expect(abs(mean + 1.2703628) < 0.01)
  }

  /// Squared errors come first, then epsilon from its start to its end; work outside of training
  /// changes nothing.
  @Test func schedules() throws {
    let schedule = Annealing(from: 1, to: 0.01, epochs: 4)
    let values = [0, 1, 2, 3, 4, 9, Int.max].map { schedule.value(epoch: $0) }
    for (value, expected) in zip(
      values, [1, 0.3162278, 0.1, 0.0316228, 0.01, 0.01, 0.01] as [Float])
    {
      #expect(abs(value - expected) < 1e-6)
    }
    let (warm, _) = try make(["model=ic-vae", "l2_epochs=2"])
    let (l2, _) = try make(["model=l2-vae"])
    let (ic, _) = try make(["model=ic-vae"])
    #expect(
      warm.loss(phase: 0, step(epoch: 1)).values == l2.loss(phase: 0, step(epoch: 1)).values)
    #expect(
      warm.loss(phase: 0, step(epoch: 2)).values == ic.loss(phase: 0, step(epoch: 2)).values)
  }

  /// D-17: M passes by the means, or by samples, which differ from draw to draw and from the means.
  @Test func passesOfATrainedModel() throws {
    let (mean, _) = try make(["model=ric-vae", "test_passes=3"])
    let step = step(purpose: .evaluation)
    var x = step.target
    for _ in 0..<3 { x = mean.decode(mean.encode(x).mean) }
    #expect(mean.reconstruct(step.target, step, sampling: false).values == x.values)
    let (sampled, _) = try make(["model=ric-vae", "test_passes=3", "recycle_test=sample"])
    let drawn = sampled.reconstruct(step.target, step, sampling: false).values
    #expect(drawn != x.values)
    #expect(drawn == sampled.reconstruct(step.target, step, sampling: false).values)
    // The first generated image is a decoded code; each further image is a pass over the previous
    // image.
    var y = mean.decode(mean.prior(step))
    for _ in 0..<2 { y = mean.decode(mean.encode(y).mean) }
    #expect(mean.generate(step).values == y.values)
  }

  /// The loss reports the clamp of the log-variances where it takes effect.
  @Test func clampedVariances() throws {
    let (model, leaves) = try make(["model=ic-vae"])
    func clamped() -> Double? {
      let step = step()
      _ = model.loss(phase: 0, step)
      return step.sum(of: .other("clamped"))
    }
    #expect(clamped() == 0)
    leaves.load("log_variance.bias", [-100, 0])
    #expect(clamped() == 6)
  }

  /// Convolutional networks serve l2 and iC; learned variances need a fully connected decoder.
  @Test func convolutionalNetworks() throws {
    let settings = ["network=conv", "channels=4,8"]
    let (model, leaves) = try make(["model=ic-vae"] + settings)
    let loss = model.loss(phase: 0, step())
    leaves.differentiate(loss)
    #expect(leaves.set.entries.allSatisfy { !leaves.gradient($0.name).contains { !$0.isFinite } })
    let step = step()
    let pictures = model.reconstruct(step.target, step, sampling: false).values
    #expect(pictures.allSatisfy { (0...1).contains($0) })
    #expect(throws: ConfigurationError.self) { try make(["model=lc-vae"] + settings) }
  }

  /// The recipe of docs/expected-recycling.md: one pass, then several, over the epochs of a run;
  /// the affine model too.
  @Test(arguments: [
    ["model=ric-vae", "passes=2", "passes_from_epoch=4", "residual_epsilon=0.01"],
    ["model=ic-affine", "residual_epsilon=0.01"], ["model=rlc-vae", "passes=2"],
    ["model=r-l2-vae", "passes=2", "residual_scale=10"],
  ])
  func trainingLowersTheLoss(settings: [String]) throws {
    let small = try SmallTraining(settings + ["epochs=8", "initialization=pytorch"])
    var losses: [Double] = []
    for _ in 0..<8 {
      _ = try small.session.train(epochs: losses.count + 1)
      losses.append(try #require(small.session.history.latest("epoch/misfit")))
    }
    #expect(losses[7] < losses[0])
    let recycled = small.session.history.metrics["epoch/recycled"]?.map(\.value)
    if settings.contains("passes_from_epoch=4") {
      #expect(recycled?.prefix(4).allSatisfy { $0 == 0 } == true)
      #expect(recycled?.suffix(4).allSatisfy { $0 != 0 } == true)
    }
  }

  /// A baseline of the paper makes M passes, too.
  @Test func anAutoencoderGoesRoundWhenItIsAsked() throws {
    let c = try SmallTraining.configuration(["model=ae", "test_passes=2"])
    try c.refuseUnread()
    let ae = try AE(c.read(), image: ImageShape(height: 2, width: 3, channels: 1))
    let leaves = Leaves(ae.collectParameters())
    for entry in leaves.set.entries { leaves.draw(entry.name) }
    let step = Step(seed: 3)
    Array(0..<Int32(5)).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 6, purpose: .evaluation, time: 0) { pixels in
        for i in 0..<30 { pixels[i] = Float(i * 7 % 11) / 11 }
      }
    }
    let once = ae.decode(ae.encode(step.target).mean)
    let twice = ae.decode(ae.encode(once).mean)
    #expect(ae.reconstruct(step.target, step, sampling: false).values == twice.values)
    #expect(once.values != twice.values)
    #expect(throws: ConfigurationError.self) {
      try SmallTraining.configuration(["model=ae", "passes=2"]).refuseUnread()
    }
  }

  @Test func modelsThatDoNotRecycleSaySo() throws {
    for key in ["passes", "test_passes"] {
      let c = try SmallTraining.configuration(["model=vae", "\(key)=2"])
      #expect(throws: ConfigurationError.self) { try c.validated(rows: 60) }
    }
  }
}

import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import Testing

@testable import Models
@testable import Training

@Suite("Training of adversarial autoencoders")
struct AdversarialTrainingTests {
  /// X34: the reconstruction changes encoder and decoder, the second phase the discriminator, the
  /// third the encoder.
  @Test(arguments: [0, 1, 2], [false, true]) func aPhaseChangesItsOwnParts(
    phase: Int, exact: Bool
  ) throws {
    let run = try SmallTraining(["model=daae", "noise=gaussian:0.3", "exact=\(exact)"])
    for other in 0..<3 where other != phase { run.trainer.optimizers[other].learningRate = 0 }
    let parts = ["encoder", "decoder", "discriminator"]
    let before = parts.map { run.weights(of: $0) }
    for _ in 0..<2 { try run.trainer.trainStep() }
    let changed = zip(parts, before).filter { part, old in
      bits(run.weights(of: part)) != bits(old)
    }.map(\.0)
    #expect(changed == [["encoder", "decoder"], ["discriminator"], ["encoder"]][phase])
  }

  /// The encoder has moments in two optimizers, each from its own gradients.
  @Test func everyPhaseHasItsOwnMoments() throws {
    let run = try SmallTraining(["model=daae", "noise=gaussian:0.3"])
    for _ in 0..<3 { try run.trainer.trainStep() }
    let state = try run.trainer.optimizers.map { try $0.gathered(0) }
    func moments(_ optimizer: Int, of child: String) -> [Float] {
      run.trainer.parameters.entries.filter { $0.name.hasPrefix("\(child).") }.flatMap {
        let first = $0.parameter.offset
        return state[optimizer][first..<first + $0.parameter.shape.count]
      }
    }
    #expect(run.trainer.optimizers.map(\.step) == [3, 3, 3])
    for (optimizer, parts) in [["encoder", "decoder"], ["discriminator"], ["encoder"]].enumerated()
    {
      for part in ["encoder", "decoder", "discriminator"] {
        #expect(moments(optimizer, of: part).contains { $0 != 0 } == parts.contains(part))
      }
    }
    #expect(moments(0, of: "encoder") != moments(2, of: "encoder"))
  }

  /// The encoder's phase continues with codes of the previous phase, and with their statistics.
  @Test(arguments: ["aae", "daae", "idaae"], ["reconstruction_first", "discriminator_first"])
  func batchNormalisation(model: String, order: String) throws {
    let draws = Draws(seed: 3, purpose: .synthesis, time: 0)
    var pixels = [Float](repeating: 0, count: 40 * 64)
    draws.uniform(row: 0, into: &pixels, count: pixels.count)
    let run = try SmallTraining(
      [
        "model=\(model)", "network=conv_bn", "channels=4,6", "update_order=\(order)",
        "noise=\(model == "aae" ? "none" : "gaussian:0.3")",
      ],
      images: ImageSet(floats: pixels, shape: ImageShape(height: 8, width: 8, channels: 1)))
    func averages() -> [[Float]] {
      run.trainer.parameters.entries.filter { $0.name.hasSuffix("running_mean") }.map {
        Array(UnsafeBufferPointer(start: $0.parameter.value, count: $0.parameter.shape.count))
      }
    }
    let before = averages()
    try run.trainer.trainStep()
    let once = averages()
    #expect(before.count >= 3 && zip(before, once).allSatisfy { bits($0) != bits($1) })
    try run.trainer.trainStep()
    #expect(run.weights.allSatisfy { $0.isFinite })
  }

  /// X31: without noise a DAAE is an AAE, bit for bit.
  @Test(arguments: ["none", "gaussian:0"]) func withoutNoiseItIsAnAAE(noise: String) throws {
    let kinds = [["model=aae"], ["noise=\(noise)"], ["noise=gaussian:0.3"]]
    let runs = try kinds.map {
      let run = try SmallTraining(["model=daae", "epochs=3"] + $0)
      #expect(try run.fit() == .finished)
      return run
    }
    #expect(bits(runs[0].weights) == bits(runs[1].weights))
    #expect(bits(runs[0].weights) != bits(runs[2].weights))
  }

  /// Terms are means over pixels and batch.
  ///
  /// An untrained network reconstructs with ln 2 a pixel, and its discriminator's loss is 2 ln 2.
  @Test func lossesStartAtTheirKnownValues() throws {
    let run = try SmallTraining(["model=daae", "learning_rate=1e-30"])
    for entry in run.trainer.parameters.entries {
      entry.parameter.value.update(repeating: 0, count: entry.parameter.shape.count)
    }
    try run.trainer.trainStep()
    let means = try run.trainer.sums.stepMeans(batch: 20, on: run.trainer.world).named
    #expect(means.map(\.name) == ["loss", "reconstruction", "discriminator", "encoder_prior"])
    let ln2 = log(2.0)
    for (mean, multiple) in zip(means, [4.0, 1, 2, 1]) {
      #expect(abs(mean.value - multiple * ln2) < 1e-6, "\(mean.name)")
    }
  }

  /// The encoder's codes get the prior's moments; without the match to the prior they are far from
  /// them.
  @Test func codesMoveToThePrior() throws {
    let run = try SmallTraining(["model=aae", "latent=2", "activation=relu", "epochs=150"])
    #expect(try run.fit() == .finished)
    let step = Step(seed: 1)
    Array(0..<Int32(60)).withUnsafeBufferPointer { rows in
      step.begin(rows: rows, dimensions: 36, purpose: .evaluation, time: 0) {
        run.trainer.images.gather(rows, into: $0)
      }
    }
    let model = try #require(run.trainer.model as? any Autoencoder)
    let codes = model.encode(step.target).mean.values.map(Double.init)
    let square = codes.map { $0 * $0 }.reduce(0, +) / Double(codes.count)
    #expect(square > 0.4 && square < 2.5, "mean square of a code: \(square)")
  }
}

@Suite("Priors")
struct PriorTests {
  private let rows = 10_000

  private func step(time: Int) -> Step {
    let step = Step(seed: 595)
    Array(0..<Int32(rows)).withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: 1, purpose: .latent, time: time) { _ in }
    }
    return step
  }

  /// X35, D-30: on a circle of the given radius, every component has standard deviation 0.5 around
  /// its centre.
  @Test(arguments: [Float(4), 4 * Float(2).squareRoot()]) func mixtureOnACircle(radius: Float) {
    let z = LatentPrior.mixtureOnCircle(radius: radius).sample(2, step(time: 1)).values
    var sums = [(count: Int, x: Double, y: Double, squares: Double)](
      repeating: (0, 0, 0, 0), count: 10)
    var square = 0.0
    for i in 0..<rows {
      let (x, y) = (Double(z[2 * i]), Double(z[2 * i + 1]))
      let component = (Int((atan2(y, x) / (2 * .pi) * 10).rounded()) + 10) % 10
      let angle = 2 * .pi * Double(component) / 10
      let (dx, dy) = (x - Double(radius) * cos(angle), y - Double(radius) * sin(angle))
      sums[component].count += 1
      sums[component].x += dx
      sums[component].y += dy
      sums[component].squares += dx * dx + dy * dy
      square += x * x + y * y
    }
    // 8.25 at radius 4, 16.25 at 4 sqrt(2): radius^2 / 2 + 0.25.
    let variance = square / Double(2 * rows)
    #expect(abs(variance - Double(radius * radius) / 2 - 0.25) < 0.3)
    for sum in sums {
      let n = Double(sum.count)
      #expect(abs(sum.x / n) < 0.08 && abs(sum.y / n) < 0.08)
      #expect(abs(sum.squares / (2 * n) - 0.25) < 0.05)
    }
  }

  /// A draw depends on step and row and changes at every step; the component and the place within
  /// it are independent.
  @Test(arguments: [LatentPrior.gaussian, .mixtureOnCircle(radius: 4)])
  func drawsAreNewAtEveryStep(prior: LatentPrior) {
    let (first, again, next) = (
      prior.sample(2, step(time: 1)).values, prior.sample(2, step(time: 1)).values,
      prior.sample(2, step(time: 2)).values
    )
    #expect(bits(first) == bits(again))
    let count = Double(first.count)
    let mean = zip(first, next).map { Double($0 * $1) }.reduce(0, +) / count
    let scale = first.map { Double($0 * $0) }.reduce(0, +) / count
    #expect(abs(mean / scale) < 0.04)
  }
}

import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models
@testable import Training

@Suite("Plain autoencoders and GANs")
struct RelativesTests {
  /// docs/systems.md, 4.10: a DAE without noise is an AE, bit for bit.
  @Test func withoutNoiseADAEIsAnAE() throws {
    let runs = try [
      ["model=ae"], ["model=dae", "noise=gaussian:0"], ["model=dae", "noise=gaussian:0.3"],
    ]
    .map {
      let run = try SmallTraining(["epochs=2"] + $0)
      #expect(try run.fit() == .finished)
      return run
    }
    #expect(bits(runs[0].weights) == bits(runs[1].weights))
    #expect(bits(runs[0].weights) != bits(runs[2].weights))
  }

  /// Each mask is 0 or 1 / (1 - rate); the fraction of zeros is the rate.
  ///
  /// A mask is a function of seed, step, row and element.
  @Test func dropoutIsKeyed() {
    func step(rows: Range<Int32>, time: Int) -> Step {
      let step = Step(seed: 3)
      Array(rows).withUnsafeBufferPointer {
        step.begin(rows: $0, dimensions: 1, purpose: .latent, time: time) { _ in }
      }
      return step
    }
    let all = step(rows: 0..<200, time: 4)
    let mask = all.dropout(50, rate: 0.3, repetition: 2).values
    #expect(Set(mask) == [0, 1 / (1 - 0.3)])
    let left = Double(mask.filter { $0 == 0 }.count) / Double(mask.count)
    #expect(abs(left - 0.3) < 0.02)
    let part = step(rows: 120..<140, time: 4).dropout(50, rate: 0.3, repetition: 2).values
    #expect(bits(part) == bits(Array(mask[120 * 50..<140 * 50])))
    #expect(all.dropout(50, rate: 0.3, repetition: 3).values != mask)
    #expect(step(rows: 0..<200, time: 5).dropout(50, rate: 0.3, repetition: 2).values != mask)
  }

  /// Every gradient of both phases with units left out, against five-point differences.
  @Test func gradientsWithDropout() throws {
    let c = try SmallTraining.configuration(
      ["model=gan", "dropout=0.4", "activation=tanh", "hidden=5,4"])
    let gan = GAN(c.read(), image: ImageShape(height: 2, width: 3, channels: 1))
    let leaves = Leaves(gan.collectParameters())
    for entry in leaves.set.entries { leaves.draw(entry.name) }
    let step = Step(seed: 3)
    func loss(_ phase: Int) -> Variable {
      Array(0..<Int32(5)).withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: 6, purpose: .latent, time: 1) { pixels in
          for i in 0..<30 { pixels[i] = Float(i * 7 % 11) / 11 }
        }
      }
      return gan.loss(phase: phase, step)
    }
    for phase in 0..<2 {
      leaves.differentiate(loss(phase), groups: gan.groups(gan.phases[phase].updates))
      for entry in leaves.set.entries {
        let isUpdated = gan.phases[phase].updates.contains(String(entry.name.prefix { $0 != "." }))
        guard isUpdated else {
          #expect(leaves.gradient(entry.name).allSatisfy { $0.isNaN })
          continue
        }
        #expect(leaves.gradientError(of: entry.name) { loss(phase).sum } < 2e-3, "\(entry.name)")
      }
    }
  }

  /// D-12: samples of a tanh generator lie in [0, 1]; the discriminator's inputs may lie outside.
  @Test func samplesAreClipped() throws {
    let run = try SmallTraining(["model=gan", "generator_output=tanh", "loss_epsilon=0.01"])
    try run.trainer.trainStep()
    let model = try #require(run.trainer.model as? any Generative)
    let samples = model.generate(step(36)).values
    #expect(samples.allSatisfy { (0...1).contains($0) } && samples.contains(0))
  }

  /// X37: a discriminator without knowledge has the loss 2 ln 2, for any dropout.
  @Test(arguments: ["gan", "dcgan"]) func blindDiscriminator(name: String) throws {
    let run = try SmallTraining(["model=\(name)", "channels=4", "learning_rate=1e-30"])
    for entry in run.trainer.parameters.entries where entry.name.hasPrefix("discriminator.") {
      entry.parameter.value.update(repeating: 0, count: entry.parameter.shape.count)
    }
    try run.trainer.trainStep()
    let means = try run.trainer.sums.stepMeans(batch: 20, on: run.trainer.world)
    #expect(means.named.map(\.name) == ["loss", "discriminator", "generator"])
    #expect(abs(try #require(means[.discriminator]) - 2 * log(2)) < 1e-6)
    #expect(abs(try #require(means[.other("generator")]) - log(2)) < 1e-6)
  }

  /// docs/systems.md, 4.4, 4.5: deviations of the initial weights.
  @Test func initialWeights() throws {
    let gan = try SmallTraining(["model=gan", "hidden=200"]).weights(of: "generator")
    #expect(gan.allSatisfy { abs($0) <= 0.04 })
    let dcgan = try SmallTraining(["model=dcgan", "channels=64,64"], images: images(8))
    for entry in dcgan.trainer.parameters.entries where entry.name.hasSuffix("weight") {
      let values = UnsafeBufferPointer(
        start: entry.parameter.value, count: entry.parameter.shape.count)
      guard values.count > 2000 else { continue }
      let square = values.map { Double($0 * $0) }.reduce(0, +) / Double(values.count)
      #expect(abs(square.squareRoot() / 0.02 - 1) < 0.05, "\(entry.name)")
    }
    let gains = dcgan.trainer.parameters.entries.filter { $0.name == "generator.1.weight" }
    #expect(
      gains.allSatisfy { abs($0.parameter.value[0] - 1) < 0.12 && $0.parameter.value[0] != 1 })
  }

  @Test func settingsThatDoNotFitAreNamed() throws {
    let gan = try SmallTraining.configuration(["model=gan", "network=conv"])
    #expect(
      throws: ConfigurationError(
        key: "network", found: "conv",
        expected: "mlp with model=gan, or model=dcgan")
    ) { try gan.validated(rows: 60) }
    let dcgan = try SmallTraining.configuration(["model=dcgan", "channels=8,8"])
    #expect(throws: ConfigurationError.self) {
      try DCGAN(dcgan.read(), image: ImageShape(height: 6, width: 6, channels: 1))
    }
    #expect(throws: ConfigurationError.self) {
      try DCGAN(dcgan.read(), image: ImageShape(height: 8, width: 6, channels: 1))
    }
  }

  private func step(_ dimensions: Int) -> Step {
    let step = Step(seed: 1)
    Array(0..<Int32(20)).withUnsafeBufferPointer {
      step.begin(rows: $0, dimensions: dimensions, purpose: .evaluation, time: 0) { _ in }
    }
    return step
  }

  private func images(_ side: Int) -> ImageSet {
    ImageSet(
      floats: (0..<40 * side * side).map { Float($0 % 17) / 17 },
      shape: ImageShape(height: side, width: side, channels: 1))
  }
}

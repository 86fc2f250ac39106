import Autodiff
import Datasets
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models
@testable import Training

@Suite("GANs that know the noise of their images")
struct AmbientTests {
  /// A step on some rows of 6 pixels.
  private func begin(_ step: Step, rows: Range<Int32>, time: Int) {
    Array(rows).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 6, purpose: .latent, time: time) { pixels in
        for i in 0..<rows.count * 6 { pixels[i] = Float(i * 7 % 11) / 11 }
      }
    }
  }

  /// Every gradient of both phases, through the noise, against five-point differences.
  ///
  /// Clipped noise has kinks; none of these draws is near one.
  @Test(arguments: [
    "zero-mask:0.4", "salt-pepper:0.5", "salt-pepper-replace:1", "gaussian:0.3",
    "gaussian-clip:0.4", "uniform:0.5", "rectangle:1",
  ])
  func gradients(noise: String) throws {
    let c = try SmallTraining.configuration(
      ["model=gan", "dropout=0", "activation=tanh", "hidden=5,4", "known_noise=\(noise)"])
    let gan = GAN(c.read(), image: ImageShape(height: 2, width: 3, channels: 1))
    let leaves = Leaves(gan.collectParameters())
    for entry in leaves.set.entries { leaves.draw(entry.name) }
    let step = Step(seed: 3)
    func loss(_ phase: Int) -> Variable {
      begin(step, rows: 0..<5, time: 1)
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

  /// A draw is a function of seed, step, phase and row; it is not the noise of training.
  @Test func noiseIsKeyed() throws {
    let noise = AmbientNoise(
      try KnownNoise(parsing: "zero-mask:0.5"), on: ImageShape(height: 2, width: 3, channels: 1))
    func masks(rows: Range<Int32>, time: Int, phase: Int, seed: UInt64 = 3) -> [Float] {
      let step = Step(seed: seed)
      begin(step, rows: rows, time: time)
      let made = step.tape.constant(step.target.shape)
      for i in 0..<made.shape.count { made.pointer[i] = 1 }
      return noise(made, step, phase: phase).values
    }
    let all = masks(rows: 0..<200, time: 4, phase: 1)
    #expect(Set(all) == [0, 1] && abs(all.reduce(0, +) / 1200 - 0.5) < 0.07)
    #expect(bits(masks(rows: 120..<140, time: 4, phase: 1)) == bits(Array(all[720..<840])))
    for other in [
      masks(rows: 0..<200, time: 4, phase: 0), masks(rows: 0..<200, time: 5, phase: 1),
      masks(rows: 0..<200, time: 4, phase: 1, seed: 4),
    ] {
      #expect(other != all)
    }
    let shape = ImageShape(height: 2, width: 3, channels: 1)
    let real = Step(seed: 3, corrupt: Corruption.zeroMask(0.5).corrupter(of: shape))
    begin(real, rows: 0..<200, time: 4)
    let masked = zip(real.target.values, real.corrupted().values).map { $0 == $1 }
    #expect(masked != all.map { $0 == 1 })
    #expect(masked != masks(rows: 0..<200, time: 4, phase: 0).map { $0 == 1 })
  }

  /// Images whose pixels are all bright, seen with half of them masked.
  ///
  /// A GAN makes what it has seen, dark pixels; a GAN that knows the mask makes bright ones.
  @Test(arguments: ["gan", "dcgan"]) func generatedImagesAreUnmasked(model: String) throws {
    let side = 8
    let draws = Draws(seed: 5, purpose: .synthesis, time: 0)
    var pixels = [Float](repeating: 0, count: 320 * side * side)
    draws.uniform(row: 0, into: &pixels, count: pixels.count)
    let bright = ImageSet(
      floats: pixels.map { 0.75 + 0.2 * $0 },
      shape: ImageShape(height: side, width: side, channels: 1))
    func darkShare(_ known: String) throws -> Double {
      let run = try SmallTraining(
        [
          "model=\(model)", "static_noise=zero-mask:0.5", "known_noise=\(known)", "hidden=64",
          "channels=8,16", "activation=relu", "discriminator_activation=leaky_relu", "dropout=0",
          "learning_rate=0.001", "adam_beta1=0.5", "batch=40", "epochs=60", "shuffle=true",
        ], images: bright)
      try run.fit()
      let generator = try #require(run.trainer.model as? any Generative)
      let step = Step(seed: 1)
      Array(0..<Int32(200)).withUnsafeBufferPointer {
        step.begin(rows: $0, dimensions: side * side, purpose: .evaluation, time: 0) { _ in }
      }
      let samples = generator.generate(step).values
      return Double(samples.count { $0 < 0.5 }) / Double(samples.count)
    }
    let (blind, knowing) = (try darkShare("none"), try darkShare("zero-mask:0.5"))
    #expect(blind > 0.4, "\(blind)")
    #expect(knowing < 0.15, "\(knowing)")
  }

  @Test func noiseWithoutSlopesIsRefused() throws {
    for (model, noise) in [("gan", "binarize"), ("dcgan", "mean-image")] {
      let c = try SmallTraining.configuration(["model=\(model)", "known_noise=\(noise)"])
      #expect(
        throws: ConfigurationError(
          key: "known_noise", found: noise,
          expected: "noise that passes a gradient on to model=\(model): none, salt-pepper:P, "
            + "salt-pepper-replace:P, salt-pepper-random:P, salt-pepper-random-pixel:P, "
            + "gaussian:S, gaussian-clip:S, uniform:P, uniform-exact:P, circle:P, "
            + "circle-large:P, rectangle:P, blotch:P, bernoulli:P, bernoulli-balanced:P, "
            + "zero-mask:P")
      ) { try c.validated(rows: 60) }
    }
    let tanh = try SmallTraining.configuration(
      ["model=gan", "generator_output=tanh", "known_noise=zero-mask:0.5"])
    #expect(
      throws: ConfigurationError(
        key: "generator_output", found: "tanh",
        expected: "sigmoid with known_noise, which is for values in 0...1")
    ) { try tanh.validated(rows: 60) }
    let vae = try SmallTraining.configuration(["model=aae", "known_noise=binarize"])
    #expect(vae.unread(["known_noise=binarize"]).count == 1)
  }

  /// Without known noise, or with noise that changes nothing, a run is that of a plain GAN.
  @Test func withoutNoiseItIsAGAN() throws {
    let runs = try ["none", "zero-mask:0", "zero-mask:0.3"].map {
      let run = try SmallTraining(["model=gan", "epochs=2", "known_noise=\($0)"])
      try run.fit()
      return bits(run.weights)
    }
    #expect(runs[0] == runs[1] && runs[0] != runs[2])
  }
}

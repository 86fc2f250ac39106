import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models
@testable import Training

/// Cross-checks X31 to X33 and the options of the adversarial step.
@Suite("Integrating denoising adversarial autoencoders")
struct IntegratingTests {
  private static let noisy = ["noise=gaussian:0.3", "epochs=2"]

  private func trained(_ settings: [String]) throws -> SmallTraining {
    let run = try SmallTraining(Self.noisy + settings)
    #expect(try run.fit() == .finished)
    return run
  }

  /// X31: iDAAE(1) with shared noise is the DAAE, bit for bit, in each order of the phases.
  @Test(arguments: [
    "update_order=reconstruction_first", "update_order=discriminator_first", "joint=true",
  ])
  func oneSharedCopyIsTheDAAE(order: String) throws {
    let daae = try trained(["model=daae", order])
    let shared = try trained(["model=idaae", "averaged_copies=1", "share_noise=true", order])
    #expect(bits(shared.weights) == bits(daae.weights))
    let apart = try trained(["model=idaae", "averaged_copies=1", order])
    #expect(bits(apart.weights) != bits(daae.weights))
  }

  /// X31: without noise iDAAE(M) is the AAE, except for the rounding of the mean.
  @Test(arguments: ["codes", "images"]) func withoutNoiseItIsTheAAE(average: String) throws {
    let smooth = ["activation=tanh", "noise=none"]
    let aae = try trained(["model=aae"] + smooth)
    for noise in ["none", "gaussian:0"] {
      let idaae = try trained(
        ["model=idaae", "averaged_copies=3", "idaae=\(average)"] + smooth + ["noise=\(noise)"])
      let difference = zip(idaae.weights, aae.weights).map { $0 - $1 }
      #expect(norm(difference) < 1e-4 * norm(aae.weights))
    }
  }

  /// X32: with an affine encoder the mean of the codes is the code of the mean.
  @Test func averagesAgreeForAnAffineEncoder() throws {
    let codes = try affine("idaae=codes", "averaged_copies=7", "share_noise=true")
    let images = try affine("idaae=images", "averaged_copies=7")
    let found = [codes, images].map { model, _ in
      model.matchedCode(step(rows: 8), round: 0).values
    }
    for (a, b) in zip(found[0], found[1]) { #expect(abs(a - b) < 1e-5) }
  }

  /// X33: averaging M codes of an affine encoder keeps the mean and divides the variance of the
  /// noise by M.
  @Test func averagingDividesTheVariance() throws {
    let rows = 10_000
    func moments(_ copies: Int) throws -> (mean: Double, variance: Double) {
      let (model, leaves) = try affine("averaged_copies=\(copies)", "latent=1")
      let step = step(rows: rows)
      let noise = withExtendedLifetime(leaves) {
        zip(model.matchedCode(step, round: 0).values, model.encode(step.target).mean.values)
          .map { Double($0) - Double($1) }
      }
      let mean = noise.reduce(0, +) / Double(rows)
      return (mean, noise.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(rows))
    }
    let (one, five) = (try moments(1), try moments(5))
    #expect(abs(one.mean) < 0.02 && abs(five.mean) < 0.02)
    #expect(abs(five.variance * 5 / one.variance - 1) < 0.05)
  }

  /// The M copies are M different draws, none of them the reconstructed copy, except with shared
  /// noise.
  @Test func copiesAreDrawnApart() {
    let step = step(rows: 4, noise: .gaussian(0.3))
    let reconstructed = step.corrupted(repetition: 0).values
    let copies = step.corruptedCopies([0, 3, 6]).values
    let parts = (0..<3).map {
      Array(copies[$0 * reconstructed.count..<($0 + 1) * reconstructed.count])
    }
    #expect(bits(parts[0]) == bits(reconstructed))
    #expect(parts[1] != parts[0] && parts[2] != parts[1] && parts[2] != parts[0])
    #expect(bits(step.corrupted(repetition: 6).values) == bits(parts[2]))
  }

  /// X34 for every order: a phase has gradients only for the parts that it updates.
  @Test(arguments: ["update_order=discriminator_first", "joint=true"], ["daae", "idaae"])
  func phasesReachTheirOwnPartsOnly(order: String, name: String) throws {
    let run = try SmallTraining(["model=\(name)", "noise=gaussian:0.3", order])
    let phases = try #require(run.trainer.trainable).phases
    #expect(phases.map(\.name).contains("joint") == (order == "joint=true"))
    for (phase, description) in phases.enumerated() {
      let fresh = try SmallTraining(["model=\(name)", "noise=gaussian:0.3", order])
      for other in phases.indices where other != phase {
        fresh.trainer.optimizers[other].learningRate = 0
      }
      let before = ["encoder", "decoder", "discriminator"].map { fresh.weights(of: $0) }
      try fresh.trainer.trainStep()
      for (part, old) in zip(["encoder", "decoder", "discriminator"], before) {
        let changed = bits(fresh.weights(of: part)) != bits(old)
        #expect(changed == description.updates.contains(part), "\(description.name): \(part)")
      }
    }
  }

  /// D-32: the learning rate falls by the factor after each epoch, and a resume keeps its value.
  @Test func learningRateFallsByEpoch() throws {
    let run = try SmallTraining(["model=daae", "learning_rate=0.1", "learning_rate_decay=0.5"])
    for expected: Float in [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025] {
      try run.trainer.trainStep()
      #expect(run.trainer.optimizers.allSatisfy { $0.learningRate == expected })
    }
  }

  /// D-31: the momentum is only the discriminator's.
  @Test func discriminatorHasItsOwnMomentum() throws {
    let run = try SmallTraining(
      ["model=idaae", "optimizer=rmsprop", "discriminator_momentum=0.1"])
    #expect(run.trainer.optimizers.map { $0.rule.stateNames.count } == [1, 2, 1])
  }

  /// D-28: a joint loss has one order; the error says so.
  @Test func jointHasOneOrder() throws {
    let c = try SmallTraining.configuration(
      ["model=daae", "joint=true", "update_order=discriminator_first"])
    #expect(throws: ConfigurationError.self) { try c.validated(rows: 60) }
  }

  /// An iDAAE without nonlinearities, and the memory of its weights.
  private func affine(_ settings: String...) throws -> (IDAAE, Leaves) {
    var c: IDAAE.Settings = try SmallTraining.configuration(["model=idaae"] + settings).read()
    c.game.network.connected.layers.activation = .identity
    let model = try IDAAE(c, image: ImageShape(height: 6, width: 6, channels: 1))
    let leaves = Leaves(model.collectParameters())
    leaves.set.initialize(seed: 5)
    return (model, leaves)
  }

  private func step(rows: Int, noise: Corruption = .gaussian(0.3)) -> Step {
    let images = SmallTraining.images(rows)
    let step = Step(
      seed: 9, corrupt: { noise.apply(to: $0, shape: images.shape, row: $2, draws: $3) })
    Array(0..<Int32(rows)).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 36, purpose: .latent, time: 2) {
        images.gather(batch, into: $0)
      }
    }
    return step
  }
}

import Autodiff
import Datasets
import Foundation
import Layers
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

@Suite("Denoising models")
struct DenoisingTests {
  /// A small model with drawn weights, and the loss of a batch of 6 images of 16 pixels.
  private struct Case {
    let model: DVAE
    let leaves: Leaves
    let step: Step

    init(_ settings: [String], rows: Int = 6, time: Int = 3) throws {
      var c = Configuration()
      for setting in ["hidden=8", "latent=2", "batch=6", "activation=tanh"] + settings {
        try c.set(setting)
      }
      let shape = ImageShape(height: 4, width: 4, channels: 1)
      model = try #require(try c.makeModel(of: shape) as? DVAE)
      leaves = Leaves(model.collectParameters())
      leaves.set.initialize(seed: c.common.lanes.seed)
      let noise = c.common.data.noise
      step = Step(
        seed: c.common.lanes.seed,
        corrupt: noise.isNone ? nil : { noise.apply(to: $0, shape: shape, row: $2, draws: $3) })
      begin(rows: rows, time: time)
    }

    func begin(rows: Int, time: Int) {
      Array(0..<Int32(rows)).withUnsafeBufferPointer { batch in
        step.begin(rows: batch, dimensions: 16, purpose: .latent, time: time) { pixels in
          for i in 0..<rows * 16 { pixels[i] = i * 7 % 11 > 5 ? 1 : 0 }
        }
      }
    }

    /// The loss of each row, and the gradients by name.
    func result() -> (loss: [Float], gradients: [[Float]]) {
      let loss = model.loss(phase: 0, step)
      leaves.differentiate(loss)
      return (loss.values, leaves.set.entries.map { leaves.gradient($0.name) })
    }
  }

  private func same(_ a: [String], _ b: [String]) throws -> Bool {
    let (a, b) = (try Case(a).result(), try Case(b).result())
    return bits(a.loss) == bits(b.loss)
      && zip(a.gradients, b.gradients).allSatisfy { bits($0) == bits($1) }
  }

  @Test(
    "X24: without corruption a DVAE is the VAE and a DIWAE the IWAE, bit for bit",
    arguments: ["bernoulli:0.0", "bernoulli-balanced:0.0", "gaussian:0.0", "zero-mask:0.0"])
  func noNoise(noise: String) throws {
    #expect(try same(["model=dvae", "samples=3", "noise=\(noise)"], ["model=dvae", "samples=3"]))
    #expect(try same(["model=diwae", "samples=3", "noise=\(noise)"], ["model=iwae", "samples=3"]))
    // Two inputs of three samples equal one input of six, except for the order of the gradients'
    // sums.
    let six = try Case(["model=iwae", "samples=6"]).result().loss
    let twoByThree = try Case(["model=diwae", "samples=3", "corruptions=2", "noise=\(noise)"])
    #expect(deviation(twoByThree.result().loss, from: six.map(Double.init)) < 8)
  }

  @Test("X24: the same loss as the VAE whose log-variance head has twice the weights")
  func theVAEByAnotherHead() throws {
    let dvae = try Case(["model=dvae"])
    var c = Configuration()
    for setting in ["hidden=8", "latent=2", "activation=tanh"] { try c.set(setting) }
    let shape = ImageShape(height: 4, width: 4, channels: 1)
    let vae = try #require(try c.makeModel(of: shape) as? any Trainable)
    let leaves = Leaves(vae.collectParameters())
    for entry in leaves.set.entries {
      let isScale = entry.name.hasPrefix("log_variance")
      let name = isScale ? entry.name.replacing("log_variance", with: "log_deviation") : entry.name
      leaves.load(entry.name, dvae.leaves.value(name).map { isScale ? 2 * $0 : $0 })
    }
    let expected = vae.loss(phase: 0, dvae.step).values
    dvae.step.tape.newPhase()  // the parameters of another model
    let found = dvae.model.loss(phase: 0, dvae.step).values
    #expect(deviation(found, from: expected.map(Double.init)) < 8)
  }

  @Test("X25: by one sample, DVAE with the KL by samples, DIWAE and IWAE are one, bit for bit")
  func oneSample() throws {
    let noise = "noise=bernoulli:0.3"
    #expect(try same(["model=dvae", "kl=mc", noise], ["model=diwae", noise]))
    #expect(try same(["model=dvae", "kl=mc"], ["model=iwae"]))
    #expect(try same(["model=diwae", "outer=outside", noise], ["model=diwae", noise]))
  }

  @Test("X26: inside >= outside >= DVAE for the same samples, datum by datum")
  func jensen() throws {
    let common = ["samples=4", "corruptions=3", "noise=bernoulli:0.3", "kl=mc"]
    let inside = try Case(["model=diwae"] + common, rows: 40).result().loss
    let outside = try Case(["model=diwae", "outer=outside"] + common, rows: 40).result().loss
    let mean = try Case(["model=dvae"] + common, rows: 40).result().loss
    for i in inside.indices {
      #expect(inside[i] <= outside[i] + 1e-5 && outside[i] <= mean[i] + 1e-5)
    }
    #expect(inside != outside && outside != mean)
  }

  @Test("X26: L_K does not fall with K")
  func boundsRiseWithSamples() throws {
    var last = Float.infinity
    for k in [1, 2, 4, 16, 64] {
      let losses = try Case(["model=iwae", "samples=\(k)"], rows: 400).result().loss
      let mean = losses.reduce(0, +) / 400
      #expect(mean < last + 0.02, "K = \(k)")
      last = mean
    }
  }

  @Test("X29: analytic and sampled KL agree")
  func estimatorsOfTheKL() throws {
    func loss(_ kl: String, beta: Int) throws -> Double {
      let settings = ["model=dvae", "samples=10000", "latent=6", "kl=\(kl)", "beta=\(beta)"]
      let losses = try Case(settings, rows: 10).result().loss
      return losses.reduce(0.0) { $0 + Double($1) } / 10
    }
    let kl = try ["analytic", "mc"].map { try loss($0, beta: 1) - loss($0, beta: 0) }
    #expect(kl[0] > 0.1 && abs(kl[0] - kl[1]) < 0.01 * kl[0], "\(kl)")
  }

  @Test("beta weights the KL, analytic or by samples", arguments: ["analytic", "mc"])
  func weightOfTheKL(kl: String) throws {
    let losses = try ["0", "1", "3"].map {
      try Case(["model=dvae", "samples=2", "kl=\(kl)", "beta=\($0)"]).result().loss
    }
    for row in losses[0].indices {
      let kl = losses[1][row] - losses[0][row]
      #expect(abs(kl) > 1e-4 && abs(losses[2][row] - losses[0][row] - 3 * kl) < 1e-3)
    }
  }

  @Test("Fewer samples are the first of more")
  func samplesAreNested() throws {
    let one = try Case(["model=dvae", "samples=1"]).step.latentNoise(2).values
    let many = try Case(["model=dvae", "samples=5"]).step.latentNoise(10).values
    for row in 0..<6 { #expect(many[row * 10..<row * 10 + 2] == one[row * 2..<row * 2 + 2]) }
  }

  @Test("Each of the M inputs has a corruption of its own, input 0 that of M = 1")
  func corruptedCopies() throws {
    let step = try Case(["model=dvae", "noise=bernoulli:0.5"]).step
    let (copies, one) = (step.corruptedRows(copies: 3).values, step.corrupted().values)
    for row in 0..<6 {
      let rows = (0..<3).map { Array(copies[(row * 3 + $0) * 16..<(row * 3 + $0 + 1) * 16]) }
      #expect(rows[0] == Array(one[row * 16..<(row + 1) * 16]))
      #expect(rows[0] != rows[1] && rows[1] != rows[2])
    }
  }

  @Test("C11: images of each_step are drawn anew in every step, for input and target alike")
  func freshBinaryImages() throws {
    let settings = ["model=dvae", "batch=60", "lanes=1", "noise=gaussian:0.001"]
    let run = try SmallTraining(settings + ["binarize=each_step"])
    var drawn: [[Float]] = []
    for _ in 0..<200 {
      try run.trainer.trainStep()
      let step = run.trainer.steps[0]
      let differences = zip(step.corrupted().values, step.target.values).map { abs($0 - $1) }
      #expect(differences.allSatisfy { $0 < 0.05 } && differences.contains { $0 > 0 })
      drawn.append(step.target.values)
    }
    #expect(drawn.allSatisfy { $0.allSatisfy { $0 == 0 || $0 == 1 } } && drawn[0] != drawn[1])
    let grey = run.x
    let means = grey.indices.map { i in drawn.reduce(0) { $0 + $1[i] } / 200 }
    // Five standard deviations of 200 draws, for each of 2,160 pixels.
    #expect(zip(means, grey).allSatisfy { abs($0 - $1) < 5 * (0.25 / 200 as Float).squareRoot() })
    let once = try SmallTraining(settings + ["binarize=once"])
    let images = try (0..<2).map { _ in
      try once.trainer.trainStep()
      return once.trainer.steps[0].target.values
    }
    #expect(images[0] == images[1])
  }

  @Test("output_bias=mean_image: the decoder begins with the logit of the mean image, clipped")
  func firstOutputs() throws {
    let shades = SmallTraining.images(60)
    let pixels = shades.values(0..<60).enumerated().map { $0 % 36 < 2 ? Float($0 % 36) : $1 }
    let images = ImageSet(floats: pixels, shape: shades.shape)
    let run = try SmallTraining(["model=iwae", "output_bias=mean_image"], images: images)
    let x = run.x
    let expected = (0..<36).map { j -> Double in
      let sum = stride(from: j, to: x.count, by: 36).reduce(0.0) { $0 + Double(x[$1]) }
      let p = Double(min(max(Float(sum / Double(x.count / 36)), 0.001), 0.999))
      return log(p / (1 - p))
    }
    let biases = run.trainer.parameters.entries.filter { $0.parameter.shape.count == 36 }
    let bias = try #require(biases.last).parameter
    let found = (0..<36).map { bias.value[$0] }
    #expect(deviation(found, from: expected) < 4)
  }

  @Test("A step allocates nothing on its tape once two are done", arguments: ["dvae", "diwae"])
  func noGrowth(model: String) throws {
    let settings = ["model=\(model)", "samples=5", "corruptions=2", "noise=bernoulli:0.1"]
    let run = try SmallTraining(settings + ["clip_norm=5", "binarize=each_step"])
    for _ in 0..<3 { try run.trainer.trainStep() }
    let before = run.trainer.stepBytes
    for _ in 0..<5 { try run.trainer.trainStep() }
    #expect(run.trainer.stepBytes == before)
  }

  @Test(
    "Settings that do not go together are refused by name",
    arguments: [
      (["model=vae", "inference=gru"], "inference"),
      (["model=dvae", "network=conv_bn", "inference=gru", "hidden=8"], "network"),
      (["model=dvae", "inference=gru", "hidden=8,8"], "hidden"),
      (["model=dvae", "inference=gru", "gru_input=chunks", "gru_corrupt=per_step"], "gru_corrupt"),
      (["model=diwae", "kl=analytic"], "kl"),
      (["model=iwae", "noise=bernoulli:0.1"], "noise"), (["model=diwae", "beta=0.3"], "beta"),
    ])
  func refusals(settings: [String], key: String) throws {
    do {
      _ = try SmallTraining(settings)
      Issue.record("accepted \(settings)")
    } catch let error as ConfigurationError {
      #expect(error.description.hasPrefix("\(key): found "), "\(error.description)")
    }
  }

  @Test("K and M of 0 are refused", arguments: ["samples", "corruptions", "gru_steps"])
  func zero(key: String) {
    var c = Configuration()
    #expect(throws: ConfigurationError.self) { try c.set("\(key)=0") }
  }
}

import Autodiff
import Datasets
import Layers
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// The original robust deep autoencoder: tied weights, and S by rows and columns.
@Suite("Tied robust autoencoder")
struct TiedTests {
  private static let tied = [
    "model=rda", "rda_variant=tied", "tied_layers=12,6", "reconstruction_term=mse",
    "threshold=none",
  ]

  /// A weight is one parameter, and its gradient is the sum of those of its two uses.
  @Test func aWeightIsOneParameter() throws {
    let training = try SmallTraining(Self.tied)
    let names = training.trainer.parameters.entries.map(\.name)
    #expect(
      names == [
        "encoder.0.weight", "encoder.0.bias", "encoder.1.weight", "encoder.1.bias",
        "decoder.0.bias", "decoder.1.bias",
      ])
    let tape = Tape()
    let (w, apart) = (
      Leaves([("w", Shape(4, 3), .asInMemory)]),
      Leaves([
        ("there", Shape(4, 3), .asInMemory), ("back", Shape(4, 3), .asInMemory),
      ])
    )
    let values = (0..<12).map { 0.3 * Float($0 * 7 % 11) / 11 - 0.1 }
    w.load("w", values)
    apart.load("there", values)
    apart.load("back", values)
    func loss(_ there: Variable, _ back: Variable) -> Variable {
      let x = tape.constant(Shape(5, 4))
      let (bias, outwards) = (tape.constant(Shape(3)), tape.constant(Shape(4)))
      for i in 0..<20 { x.pointer[i] = Float(i * 3 % 7) / 7 }
      for i in 0..<3 { bias.pointer[i] = 0.1 }
      for i in 0..<4 { outwards.pointer[i] = -0.2 }
      return x.linear(there, bias, .sigmoid).linearTransposed(back, outwards, .sigmoid)
        .squaredError(to: x)
    }
    let one = tape.leaf(w.set.parameters[0])
    w.differentiate(loss(one, one))
    tape.reset()
    apart.differentiate(
      loss(tape.leaf(apart.set.parameters[0]), tape.leaf(apart.set.parameters[1])))
    let sum = zip(apart.gradient("there"), apart.gradient("back")).map { $0 + $1 }
    for (a, b) in zip(w.gradient("w"), sum) { #expect(abs(a - b) < 1e-6 && abs(b) > 1e-5) }
  }

  /// X16: with lambda = inf S stays 0, and outer iterations make no difference.
  @Test(arguments: ["row", "column", "soft"]) func withoutASparsePartItIsPlain(rule: String) throws
  {
    let loops = [
      ("outer_iterations=3", "inner_epochs=2"), ("outer_iterations=1", "inner_epochs=6"),
    ]
    let runs = try loops.map {
      let run = try SmallTraining(
        Self.tied + ["lambda=inf", "shrinkage=\(rule)", $0.0, $0.1, "shuffle=true"])
      _ = try run.fit()
      return run
    }
    #expect(runs.allSatisfy { $0.trainer.progress.step == 18 && $0.s.allSatisfy { $0 == 0 } })
    #expect(bits(runs[0].weights) == bits(runs[1].weights))
  }

  /// Images like each other but for some that are noise: S is not 0 there, and 0 in all others.
  @Test(arguments: ["rvae", "rda"]) func imagesOfNoiseAreFound(model: String) throws {
    let outliers: Set<Int> = [3, 17, 30, 44, 59]
    var pixels = SmallTraining.images(60).values(0..<60)
    let draws = Draws(seed: 8, purpose: .synthesis, time: 0)
    for row in outliers {
      var noise = [Float](repeating: 0, count: 36)
      draws.uniform(row: row, into: &noise, count: 36)
      for j in 0..<36 { pixels[row * 36 + j] = noise[j] < 0.5 ? 0 : 1 }
    }
    let images = ImageSet(floats: pixels, shape: ImageShape(height: 6, width: 6, channels: 1))
    let own = model == "rda" ? Self.tied : ["model=rvae", "threshold=none", "beta=0.1"]
    let run = try SmallTraining(
      own + [
        "shrinkage=row", "lambda=2.2", "outer_iterations=3", "inner_epochs=40", "project_with=mean",
      ], images: images)
    _ = try run.fit()
    let found = Set(
      (0..<60).filter { row in run.s[row * 36..<(row + 1) * 36].contains { $0 != 0 } })
    #expect(found == outliers)
    // S keeps all values of an image, and the rest has the norm of the threshold.
    for row in outliers {
      #expect(run.s[row * 36..<(row + 1) * 36].allSatisfy { $0 != 0 })
      #expect(abs(norm(Array(run.r[row * 36..<(row + 1) * 36])) - 2.2) < 1e-4)
    }
  }

  /// Three places are noise in all images: S is not 0 there alone.
  @Test func placesOfNoiseAreFound() throws {
    let places: Set<Int> = [4, 20, 33]
    var pixels = SmallTraining.images(60).values(0..<60)
    let draws = Draws(seed: 9, purpose: .synthesis, time: 0)
    for row in 0..<60 {
      var noise = [Float](repeating: 0, count: 36)
      draws.uniform(row: row, into: &noise, count: 36)
      for j in places { pixels[row * 36 + j] = noise[j] < 0.5 ? 0 : 1 }
    }
    let images = ImageSet(floats: pixels, shape: ImageShape(height: 6, width: 6, channels: 1))
    let run = try SmallTraining(
      Self.tied + [
        "tied_layers=6", "shrinkage=column", "lambda=2.5", "outer_iterations=3", "inner_epochs=30",
      ], images: images)
    _ = try run.fit()
    let found = Set((0..<36).filter { j in (0..<60).contains { run.s[$0 * 36 + j] != 0 } })
    #expect(found == places)
    for j in places {
      #expect(abs(norm((0..<60).map { run.r[$0 * 36 + j] }) - 2.5) < 1e-4)
    }
  }

  /// Settings that do not go with tied weights, or with whole images, name their key.
  @Test(arguments: [
    (["reconstruction_term=bce"], "reconstruction_term"), (["network=conv"], "network"),
    (["shrinkage=row", "patch=3"], "shrinkage"),
  ])
  func settingsThatDoNotFit(settings: [String], key: String) throws {
    let c = try SmallTraining.configuration(Self.tied + settings)
    let shape = ImageShape(height: 6, width: 6, channels: 1)
    let error = #expect(throws: ConfigurationError.self) { try c.validated(rows: 60, of: shape) }
    #expect(error?.description.hasPrefix("\(key): found ") == true)
  }
}

import Autodiff
import Foundation
import Tensors
import TestSupport
import Testing

/// Likelihoods of noisy pixels: stored values, and that they are densities.
@Suite("Likelihoods of noisy pixels") struct NoisyLikelihoodTests {
  static let bases = ["bernoulli", "clipped", "gaussian", "logistic"]
  static let kinds = ["flips", "impulses", "none", "uniform", "varied", "zeros"]

  /// What a clean pixel is, and the shapes of a case of noise.h5.
  private struct Case {
    let leaves: Leaves
    let tape = Tape()
    let x: Variable, chances: Variable
    let pixel: CleanPixel

    init(_ name: String, _ golden: Golden) throws {
      let shape = Shape(try golden.shape("\(name)/logits"))
      leaves = Leaves([("logits", shape, .asInMemory), ("level", Shape(1), .asInMemory)])
      leaves.load("logits", try golden.floats("\(name)/logits"))
      leaves.load("level", [Float(try #require(try golden.number("level", of: name)))])
      x = tape.constant(Tensor(shape, try golden.floats("\(name)/x")))
      chances = tape.constant(
        Tensor(Shape(4, shape.columns), try golden.floats("\(name)/chances")))
      pixel = NoisyLikelihoodTests.pixel(
        name, width: Float(try #require(try golden.number("width", of: name))))
    }

    func leaf(_ name: String) -> Variable { tape.leaf(leaves.set.parameters[leaves.index(name)]) }

    func loss() -> Variable {
      leaf("logits").noisyNegativeLogLikelihood(
        of: x, as: pixel, chances: chances, level: leaf("level"))
    }
  }

  static func pixel(_ name: String, width: Float) -> CleanPixel {
    switch name.prefix { $0 != "_" } {
    case "logistic": .logistic(h: width)
    case "bernoulli": .bernoulli
    case "clipped": .gaussian(deviation: width, isClipped: true)
    default: .gaussian(deviation: width, isClipped: false)
    }
  }

  @Test(arguments: bases, kinds) func goldenValues(base: String, kind: String) throws {
    let (golden, name) = (try Golden("noise.h5"), "\(base)_\(kind)")
    let one = try Case(name, golden)
    let loss = one.loss()
    #expect(deviation(loss.values, from: try golden.values("\(name)/loss")) < 8)
    one.leaves.differentiate(loss, scale: 1)
    #expect(
      deviation(one.leaves.gradient("logits"), from: try golden.values("\(name)/slope")) < 16)
    let byLevel = try golden.values("\(name)/by_level").reduce(0, +)
    #expect(abs(Double(one.leaves.gradient("level")[0]) - byLevel) < 1e-5 * max(1, abs(byLevel)))
  }

  /// The mean of the clean pixel, its slope, and its mean given the noisy one.
  @Test(arguments: kinds) func cleanPixels(kind: String) throws {
    let (golden, name) = (try Golden("noise.h5"), "logistic_\(kind)")
    let one = try Case(name, golden)
    let mean = one.leaf("logits").cleanMean(as: one.pixel)
    #expect(deviation(mean.values, from: try golden.values("\(name)/mean")) < 8)
    let restored = one.leaf("logits").restored(
      from: one.x, as: one.pixel, chances: one.chances, level: one.leaf("level"))
    #expect(deviation(restored.values, from: try golden.values("\(name)/restored")) < 16)
    // The slope, against a difference of the mean.
    one.leaves.differentiate(mean.columnMeans(), scale: 1)
    let (logits, slopes) = (one.leaf("logits").values, one.leaves.gradient("logits"))
    for (a, slope) in zip(logits, slopes).prefix(40) {
      guard case .logistic(let h) = one.pixel else { continue }
      func value(_ a: Double) -> Double {
        (log1p(exp(a + Double(h))) - log1p(exp(a - Double(h)))) / (2 * Double(h))
      }
      let expected = (value(Double(a) + 1e-4) - value(Double(a) - 1e-4)) / 2e-4
      #expect(abs(Double(slope) * Double(mean.shape.columns) - expected) < 1e-4)
    }
  }

  /// Gates: the bound, its slopes by logits and gates, what is found of the clean pixel.
  @Test(arguments: ["gated", "gated_wide"]) func gates(name: String) throws {
    let golden = try Golden("noise.h5")
    let shape = Shape(try golden.shape("\(name)/logits"))
    let leaves = Leaves([("logits", shape, .asInMemory), ("gates", shape, .asInMemory)])
    for part in ["logits", "gates"] {
      leaves.load(part, try golden.floats("\(name)/\(part)"))
    }
    func number(_ key: String) throws -> Double {
      try #require(try golden.number(key, of: name))
    }
    let outliers = PixelOutliers(
      share: try number("share"), deviation: Float(try number("deviation")))
    let tape = Tape()
    let (logits, gates) = (
      tape.leaf(leaves.set.parameters[leaves.index("logits")]),
      tape.leaf(leaves.set.parameters[leaves.index("gates")])
    )
    let x = tape.constant(Tensor(shape, try golden.floats("\(name)/x")))
    let (loss, found) = logits.gatedNegativeLogLikelihood(of: x, gates: gates, outliers)
    #expect(deviation(loss.values, from: try golden.values("\(name)/loss")) < 16)
    #expect(abs(found / (try number("outliers")) - 1) < 1e-5)
    leaves.differentiate(loss, scale: 1)
    for (part, slope) in [("logits", "slope"), ("gates", "gate_slope")] {
      let expected = try golden.values("\(name)/\(slope)")
      #expect(deviation(leaves.gradient(part), from: expected) < 16, "\(part)")
    }
    let restored = logits.withoutOutliers(x, outliers)
    #expect(deviation(restored.values, from: try golden.values("\(name)/restored")) < 16)
  }

  /// Chances of 0 and of 1 and the integral between add up to 1, for any logit.
  @Test(
    arguments: ["logistic_1", "logistic_0.3", "clipped_0.25", "gaussian_0.5"], [0, 1, 2, 3, 4])
  func isADensity(base: String, kind: Int) throws {
    let parts = base.split(separator: "_")
    let pixel = Self.pixel(base, width: try #require(Float(parts[1])))
    let chance: [Float] = (0..<4).map { $0 == kind ? 0.3 : kind == 4 ? 0.1 : 0 }
    let isBounded = !base.hasPrefix("gaussian")
    // Without bounds the values reach five deviations beyond 0 and 1.
    let (first, last) = isBounded ? (0.0, 1.0) : (-2.5, 3.5)
    let count = 24_000
    let width = (last - first) / Double(count)
    let tape = Tape()
    for logit: Float in [-6, -1, 0.3, 4] {
      let values = (0..<count).map { Float(first + width * (Double($0) + 0.5)) } + [0, 1]
      let a = tape.constant(
        Tensor(Shape(values.count, 1), Array(repeating: logit, count: values.count)))
      let x = tape.constant(Tensor(Shape(values.count, 1), values))
      let p = tape.constant(Tensor(Shape(4, 1), chance))
      let level = tape.constant(Tensor(Shape(1), [1]))
      let found = a.noisyNegativeLogLikelihood(of: x, as: pixel, chances: p, level: level).values
        .map { exp(-Double($0)) }
      // Without bounds 0 and 1 have chances only where something may become them.
      let zero = isBounded || chance[0] + chance[1] > 0 ? found[count] : 0
      let one = isBounded || chance[0] + chance[2] > 0 ? found[count + 1] : 0
      let total = found[..<count].reduce(0, +) * width + zero + one
      #expect(abs(total - 1) < 2e-3, "\(base), kind \(kind), logit \(logit)")
    }
  }

  /// Beyond 0...1 lies what no known noise makes; the clean pixel lies within.
  @Test func cleanPixelsLieWithin() {
    let tape = Tape()
    let a = tape.constant(Tensor(Shape(1, 4), [3, -3, 0.2, 5]))
    let x = tape.constant(Tensor(Shape(1, 4), [1.4, -0.3, 2, -1]))
    let level = tape.constant(Tensor(Shape(1), [1]))
    let flips: [Float] = (0..<16).map { $0 < 4 ? 0.25 : 0 }
    let chances = tape.constant(Tensor(Shape(4, 4), flips))
    for pixel in [CleanPixel.logistic(h: 1), .bernoulli] {
      let found = a.restored(from: x, as: pixel, chances: chances, level: level).values
      #expect(found.allSatisfy { (0...1).contains($0) }, "\(pixel): \(found)")
    }
  }

  /// Far logits lose neither value nor slope: without another way to a pixel nothing underflows.
  @Test func farLogits() {
    let tape = Tape()
    let leaves = Leaves([("logits", Shape(1, 4), .asInMemory)])
    leaves.load("logits", [300, -300, 300, -300])
    let a = tape.leaf(leaves.set.parameters[0])
    let x = tape.constant(Tensor(Shape(1, 4), [0, 1, 1, 0]))
    let none = tape.constant(Tensor(Shape(4, 4), Array(repeating: 0, count: 16)))
    let level = tape.constant(Tensor(Shape(1), [1]))
    let loss = a.noisyNegativeLogLikelihood(
      of: x, as: .logistic(h: 1), chances: none, level: level)
    #expect(abs(loss.sum - 602) < 1e-3)
    leaves.differentiate(loss, scale: 1)
    for (slope, expected) in zip(leaves.gradient("logits"), [Float(1), -1, 0, 0]) {
      #expect(abs(slope - expected) < 1e-30)
    }
  }
}

import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import TestSupport
import Testing

@testable import Models

/// Through the noise, the likelihood of dirty pixels is largest at the mean of the clean ones.
@Suite("Likelihoods through noise") struct NoiseLikelihoodTests {
  enum Clean: Sendable {
    /// 1 with the chance .3, otherwise 0.
    case binary
    /// Logistic around .4, of scale .5, cut off.
    case grey
    /// .35 everywhere.
    case constant

    func value(_ u: Float) -> Float {
      switch self {
      case .binary: u < 0.3 ? 1 : 0
      case .grey: min(max(0.4 + 0.5 * log(max(u, 1e-7) / max(1 - u, 1e-7)), 0), 1)
      case .constant: 0.35
      }
    }
  }

  static let cases: [(Clean, String)] =
    [
      "none", "salt-pepper:0.25", "salt-pepper:0.4", "salt-pepper-random:0.4", "uniform:0.4",
      "zero-mask:0.3", "bernoulli:0.3", "bernoulli-balanced:0.2", "zero-mask:0.1+salt-pepper:0.2",
    ].flatMap { [(Clean.binary, $0), (.grey, $0)] } + [
      (.constant, "gaussian:0.3"), (.constant, "gaussian-clip:0.3"),
      (.constant, "gaussian-clip:0.6"),
      (.constant, "gaussian-clip:0.2+salt-pepper:0.25"), (.constant, "gaussian:0.2+zero-mask:0.3"),
    ]

  private struct Holder: Module {
    let likelihood: NoiseLikelihood

    var children: [(String, any Module)] { [("noise", likelihood)] }
  }

  /// Pixels that are 0 in all training images say nothing of the clean ones: no loss, no slope.
  @Test func deadPixelsAreNotScored() throws {
    var settings = LikelihoodSettings()
    settings.kind = .noise
    settings.noise = try KnownNoise(parsing: "dead-pixels:0.1")
    let likelihood = try NoiseLikelihood(
      settings, image: ImageShape(height: 1, width: 3, channels: 1))
    let held = Leaves(Holder(likelihood: likelihood).collectParameters())
    let map = try #require(likelihood.meanImageParameters(nil).first)
    for (pixel, mean) in [Float(0.25), 0, 0.5].enumerated() {
      map.0.value[pixel] = map.1(mean)
    }
    let leaves = Leaves([("logits", Shape(1, 3), .asInMemory)])
    leaves.load("logits", [0.5, 3, -1])
    let tape = Tape()
    let x = tape.constant(Tensor(Shape(1, 3), [1, 0, 0.25]))
    let loss = likelihood.negativeLogLikelihood(
      of: x, logits: tape.leaf(leaves.set.parameters[0]))
    leaves.differentiate(loss, scale: 1)
    let slopes = leaves.gradient("logits")
    #expect(slopes[1] == 0 && slopes[0] != 0 && slopes[2] != 0, "\(slopes)")
    // Among others that are 0 it is a background.
    for (pixel, mean) in [Float(0.25), 0, 0].enumerated() { map.0.value[pixel] = mean }
    leaves.differentiate(
      likelihood.negativeLogLikelihood(
        of: x, logits: tape.leaf(leaves.set.parameters[0])), scale: 1)
    #expect(leaves.gradient("logits").allSatisfy { $0 != 0 })
    for (pixel, mean) in [Float(0.25), 0, 0.5].enumerated() { map.0.value[pixel] = mean }
    // What is found there is the decoder's mean.
    let a = tape.constant(Tensor(Shape(1, 3), [0.5, 3, -1]))
    #expect(
      likelihood.restored(x, logits: a).values[1] == likelihood.mean(logits: a).values[1])
    withExtendedLifetime(held) {}
  }

  @Test(arguments: cases) func hasNoBias(clean: Clean, spec: String) throws {
    let shape = ImageShape(height: 28, width: 28, channels: 1)
    let (rows, d) = (200, shape.count)
    var settings = LikelihoodSettings()
    settings.kind = .noise
    settings.noise = try KnownNoise(parsing: spec)
    if case .binary = clean { settings.scale = .infinity }
    let likelihood = try NoiseLikelihood(settings, image: shape)
    var (pixels, sum) = ([Float](repeating: 0, count: rows * d), 0.0)
    for row in 0..<rows {
      pixels.withUnsafeMutableBufferPointer { all in
        guard let start = all.baseAddress.map({ $0 + row * d }) else { return }
        Draws(seed: 5, purpose: .evaluation, time: 0).uniform(row: row, into: start, count: d)
        for i in 0..<d {
          start[i] = clean.value(start[i])
          sum += Double(start[i])
        }
        for (number, part) in spec.split(separator: "+").enumerated() {
          guard let noise = try? Corruption(parsing: String(part)) else { return }
          let draws = Draws(seed: 6, purpose: .staticCorruption, time: number)
          noise.apply(to: start, shape: shape, row: row, draws: draws)
        }
      }
    }
    // The best logit for all pixels alike, by thirds: the loss has one least value.
    let tape = Tape()
    func loss(_ logit: Float) -> Double {
      tape.reset()
      let x = tape.constant(Tensor(Shape(rows, d), pixels))
      let a = tape.constant(Tensor(Shape(rows, d), Array(repeating: logit, count: rows * d)))
      return likelihood.negativeLogLikelihood(of: x, logits: a).sum
    }
    var (low, high) = (Float(-6), Float(6))
    for _ in 0..<24 {
      let (a, b) = (low + (high - low) / 3, high - (high - low) / 3)
      if loss(a) < loss(b) { high = b } else { low = a }
    }
    tape.reset()
    let best = tape.constant(Tensor(Shape(1, 1), [(low + high) / 2]))
    let found = Double(likelihood.mean(logits: best).values[0])
    let expected = sum / Double(rows * d)
    #expect(abs(found - expected) < 0.012, "\(clean), \(spec): \(found), expected \(expected)")
  }
}

import Datasets
import Foundation
import Images
import Tensors
import Testing

@testable import Models
@testable import Training

/// Filters as models (docs/checks.md, X15).
struct FilterTests {
  private static let shape = ImageShape(height: 9, width: 12, channels: 2)
  private static let kernels = ["box", "box2_causal", "gaussian", "fft_ideal"]

  private func filter(_ kernel: String, _ more: (inout LowPassFilter.Settings) -> Void = { _ in })
    -> LowPassFilter
  {
    var settings = LowPassFilter.Settings()
    settings.kernel = LowPassFilter.Kernel(rawValue: kernel) ?? .box
    more(&settings)
    return LowPassFilter(settings, image: Self.shape)
  }

  private func filtered(_ filter: some ImageFilter, _ x: [Float]) -> [Float] {
    var result = [Float](repeating: .nan, count: x.count)
    filter.filter(x, x.count / Self.shape.count, to: &result)
    return result
  }

  private func noise(_ count: Int, row: Int) -> [Float] {
    var values = [Float](repeating: 0, count: count)
    Draws(seed: 3, purpose: .synthesis, time: 0).normal(row: row, into: &values, count: count)
    return values
  }

  @Test(arguments: kernels) func constantsStayAndSumsAddUp(_ kernel: String) {
    let filter = filter(kernel)
    let constant = [Float](repeating: 0.37, count: 2 * Self.shape.count)
    #expect(filtered(filter, constant).allSatisfy { abs($0 - 0.37) < 1e-6 })
    let (a, b) = (noise(2 * Self.shape.count, row: 0), noise(2 * Self.shape.count, row: 1))
    let together = filtered(filter, zip(a, b).map { 2 * $0 - $1 })
    let apart = zip(filtered(filter, a), filtered(filter, b)).map { 2 * $0 - $1 }
    #expect(zip(together, apart).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  /// An impulse becomes the kernel, in its channel alone.
  @Test func impulses() {
    func response(_ filter: LowPassFilter, row: Int, column: Int) -> [Float] {
      var x = [Float](repeating: 0, count: Self.shape.count)
      x[(row * 12 + column) * 2] = 1
      let y = filtered(filter, x)
      #expect(stride(from: 1, to: y.count, by: 2).allSatisfy { y[$0] == 0 })
      return stride(from: 0, to: y.count, by: 2).map { y[$0] }
    }
    let box = response(filter("box"), row: 4, column: 5)
    for (place, value) in box.enumerated() {
      let isNear = abs(place / 12 - 4) <= 1 && abs(place % 12 - 5) <= 1
      #expect(abs(value - (isNear ? 1 / 9 : 0)) < 1e-6)
    }
    // Beyond the edge lies the row below it: the corner counts once, its neighbours twice.
    let corner = response(filter("box"), row: 0, column: 0)
    #expect(abs(corner[0] - 1 / 9) < 1e-6 && abs(corner[1] - 1 / 9) < 1e-6)
    let second = response(filter("box"), row: 1, column: 0)
    #expect(abs(second[0] - 2 / 9) < 1e-6)
    let causal = response(filter("box2_causal"), row: 4, column: 5)
    for (place, value) in causal.enumerated() {
      let isNear = [4, 5].contains(place / 12) && [5, 6].contains(place % 12)
      #expect(abs(value - (isNear ? 0.25 : 0)) < 1e-6)
    }
    #expect(response(filter("box2_causal"), row: 0, column: 0)[0] == 1)
    let twice = response(filter("box") { $0.passes = 2 }, row: 4, column: 5)
    #expect(abs(twice[4 * 12 + 5] - 9 / 81) < 1e-6 && abs(twice[2 * 12 + 3] - 1 / 81) < 1e-6)
    let gaussian = response(filter("gaussian"), row: 4, column: 5)
    #expect(abs(gaussian[4 * 12 + 6] / gaussian[4 * 12 + 5] - exp(-0.5)) < 1e-5)
  }

  /// A wave below the limit stays, one above it goes.
  @Test func idealFilterKeepsFrequencies() {
    let filter = filter("fft_ideal")
    func wave(_ cycles: Int) -> [Float] {
      (0..<Self.shape.count).map { Float(cos(2 * .pi * Double(cycles * ($0 / 2 % 12)) / 12)) }
    }
    #expect(zip(filtered(filter, wave(3)), wave(3)).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(filtered(filter, wave(4)).allSatisfy { abs($0) < 1e-5 })
  }

  @Test func medianIsTheFilterOfEvaluate() {
    var settings = MedianModel.Settings()
    settings.side = 3
    let median = MedianModel(settings, image: Self.shape)
    let x = noise(3 * Self.shape.count, row: 2)
    var expected = x
    for i in 0..<3 {
      x.withUnsafeBufferPointer { x in
        expected.withUnsafeMutableBufferPointer { result in
          guard let x = x.baseAddress, let result = result.baseAddress else { return }
          MedianFilter.apply(
            x + i * Self.shape.count, to: result + i * Self.shape.count, height: 9, width: 12,
            channels: 2, side: 3)
        }
      }
    }
    #expect(filtered(median, x) == expected)
  }

  /// A run of a filter is one sweep; its L is the filtered image.
  @Test func runsOfFilters() throws {
    for model in ["model=lpf", "model=median"] {
      let training = try SmallTraining([model, "epochs=3"])
      #expect(try training.fit() == .converged)
      #expect(training.trainer.progress.step == 1)
      let l = training.reconstructions(time: 0, sampling: false)
      #expect(l.count == 60 * 36 && l != training.x)
    }
    let error = #expect(throws: ConfigurationError.self) {
      try SmallTraining(["model=lpf", "kernel_side=4"])
    }
    #expect(error?.description == "kernel_side: found 4, expected an odd number")
  }
}

import Foundation
import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Parzen windows") struct ParzenTests {
  /// The definition, written out: the largest term first.
  private func expected(_ x: Tensor, _ samples: Tensor, _ width: Double) -> [Double] {
    let n = samples.shape.rows
    return (0..<x.shape.rows).map { i in
      let terms = (0..<n).map { -squaredDistance(x, i, samples, $0) / (2 * width * width) }
      let most = terms.max() ?? 0
      let sum = terms.reduce(0.0) { $0 + exp($1 - most) }
      return most + log(sum / Double(n))
        - Double(x.shape.columns) * log(width * (2 * Double.pi).squareRoot())
    }
  }

  @Test func gridIsThatOfTheProtocol() {
    let published = [
      0.1, 0.129155, 0.166810, 0.215443, 0.278256, 0.359381, 0.464159, 0.599484, 0.774264, 1,
    ]
    for (found, expected) in zip(ParzenWindow.grid, published) {
      #expect(abs(found - expected) < 1e-6)
    }
  }

  @Test("X40: log-likelihoods are those of a library's kernel density; the best width is found")
  func kernelDensity() throws {
    let golden = try Golden("measures.h5")
    let window = try ParzenWindow(samples: golden.tensor("parzen/samples"))
    let rows = try golden.tensor("parzen/rows")
    let found = try window.logLikelihoods(of: rows, widths: ParzenWindow.grid)
    let expected = try golden.values("parzen/log_likelihoods")
    expectClose(found.flatMap { $0 }, expected, 1e-12)
    let means = (0..<10).map { expected[15 * $0..<15 * ($0 + 1)].reduce(0, +) }
    let best = try #require(means.indices.max { means[$0] < means[$1] })
    #expect(ParzenWindow.bestWidth(means: found.map { $0.reduce(0, +) }) == best)
    #expect(best > 0 && best < 9)
    // Widths do not depend on each other.
    #expect(try window.logLikelihoods(of: rows, widths: [ParzenWindow.grid[3]])[0] == found[3])
  }

  @Test("X40: one sample is a Gaussian, and two equal samples are as one") func oneSample() throws {
    let sample = uniforms(1, 784, seed: 1)
    let window = try ParzenWindow(samples: sample)
    let found = try window.logLikelihoods(of: sample, widths: [0.129155])[0][0]
    #expect(abs(found - 884.19795) < 1e-5)
    let twice = try ParzenWindow(samples: matrix(2, 784, sample.values + sample.values))
    let again = try twice.logLikelihoods(of: sample, widths: [0.129155])[0][0]
    #expect(abs(again - found) < 1e-11)
  }

  @Test("X40: the entropy of a standard normal") func standardNormal() throws {
    let window = try ParzenWindow(samples: normals(100_000, 1, seed: 2))
    let found = try window.logLikelihoods(of: normals(2000, 1, seed: 3), widths: [0.1])[0]
    #expect(abs(found.reduce(0, +) / 2000 + 1.42) < 0.03)
  }

  @Test func theFirstOfEqualWidthsWins() {
    #expect(ParzenWindow.bestWidth(means: [-3, 2, 2, 1]) == 1)
    #expect(ParzenWindow.bestWidth(means: [-.infinity, -5]) == 1)
  }

  /// Several tiles; the window far from 0, so that products without a centre would cancel.
  @Test(arguments: [0, 3000] as [Float]) func distancesDoNotCancel(offset: Float) throws {
    let samples = normals(2500, 40, seed: 4, scale: 0.3, offset: offset)
    let rows = normals(30, 40, seed: 5, scale: 0.3, offset: offset)
    let window = try ParzenWindow(samples: samples)
    for (width, found) in zip(
      [0.1, 1], try window.logLikelihoods(of: rows, widths: [0.1, 1]))
    {
      let direct = expected(rows, samples, width)
      for (found, direct) in zip(found, direct) { #expect(abs(found - direct) < 1e-9) }
    }
  }

  @Test func blocksAndOrderChangeRoundingOnly() throws {
    let (samples, rows) = (uniforms(1500, 20, seed: 6), uniforms(1100, 20, seed: 7))
    let widths = [0.1, 0.3]
    let window = try ParzenWindow(samples: samples)
    let whole = try window.logLikelihoods(of: rows, widths: widths)
    let parted = try blocks(rows, of: 90).map { try window.logLikelihoods(of: $0, widths: widths) }
    let mixed = try ParzenWindow(samples: permuted(samples, step: 77))
      .logLikelihoods(of: rows, widths: widths)
    for w in widths.indices {
      expectClose(parted.flatMap { $0[w] }, whole[w], 1e-12)
      expectClose(mixed[w], whole[w], 1e-12)
    }
  }

  @Test func farRowsAndBadNumbers() throws {
    let window = try ParzenWindow(samples: matrix(2, 1, [0, 1]))
    // Below the smallest double, its logarithm is still exact.
    let far = try window.logLikelihoods(of: matrix(1, 1, [1001]), widths: [0.1])[0][0]
    #expect(abs(far - (-5e7 - log(2) - log(0.1 * (2 * Double.pi).squareRoot()))) < 1e-6)
    #expect(throws: StatisticsError.rows(quantity: "samples", found: 0, needed: 1)) {
      try ParzenWindow(samples: Tensor(Shape(0, 3)))
    }
    #expect(throws: StatisticsError.notFinite(quantity: "samples", row: 0)) {
      try ParzenWindow(samples: matrix(1, 1, [.infinity]))
    }
    #expect(throws: StatisticsError.notFinite(quantity: "rows", row: 2)) {
      try window.logLikelihoods(of: matrix(3, 1, [0, 1, .nan]), widths: [1])
    }
    #expect(throws: StatisticsError.dimensions(quantity: "rows", found: 2, expected: 1)) {
      try window.logLikelihoods(of: matrix(1, 2, [0, 1]), widths: [1])
    }
  }
}

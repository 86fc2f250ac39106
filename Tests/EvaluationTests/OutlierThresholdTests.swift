import Foundation
import Testing

@testable import Evaluation

@Suite("The threshold of systems.md 8.9") struct OutlierThresholdTests {
  /// The definition, written out: all n - 1 cuts, each side's variance from its own mean.
  private func expected(_ scores: [Float]) -> (value: Float, ratio: Double, outliers: Int)? {
    let sorted = scores.sorted().map { Double($0) }
    func squares(_ x: ArraySlice<Double>) -> Double {
      let mean = x.reduce(0, +) / Double(x.count)
      return x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
    let total = squares(sorted[...])
    guard total > 0 else { return nil }
    var best: (value: Float, ratio: Double, outliers: Int)?
    for cut in 1..<sorted.count {
      let ratio = (squares(sorted[..<cut]) + squares(sorted[cut...])) / total
      if ratio < (best?.ratio ?? .infinity) - 1e-12 {
        best = (Float(sorted[cut]), ratio, sorted.count - cut)
      }
    }
    return best
  }

  @Test(arguments: 1...20) func isTheBestOfAllCuts(seed: Int) throws {
    var state = UInt64(seed)
    func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 24)
    }
    let count = 2 + seed * 7
    // Two groups; whole numbers make ties.
    let scores = (0..<count).map { index in
      let score = (index % 5 == 0 ? 300 : 40) + 30 * next()
      return seed % 2 == 0 ? score.rounded() : score
    }
    let found = try #require(OutlierThreshold(scores))
    let wanted = try #require(expected(scores))
    #expect(found.value == wanted.value)
    #expect(found.outliers == wanted.outliers)
    #expect(abs(found.ratio - wanted.ratio) < 1e-9)
  }

  @Test("X41: the cut of five scores lies in their gap") func fiveScores() throws {
    let found = try #require(OutlierThreshold([0.1, 0.2, 0.15, 2, 2.1]))
    #expect(found.value == 2 && found.outliers == 2)
  }

  @Test("X41: scores in other units have the same outliers") func affineRescaling() throws {
    // Multiples of 1/64, times and plus whole numbers, stay exact.
    let scores = (0..<200).map { index -> Float in
      let score = Float(index * index * 37 % 640) / 64
      return index % 7 == 0 ? score + 12 : score
    }
    let found = try #require(OutlierThreshold(scores))
    #expect(found.outliers > 0 && found.outliers < 200)
    for (scale, shift) in [(4, 0), (0.25, 0), (1, 100), (8, -30)] as [(Float, Float)] {
      let rescaled: [Float] = scores.map { $0 * scale + shift }
      let other = try #require(OutlierThreshold(rescaled))
      let isOutlier: [Bool] = scores.map { $0 >= found.value }
      #expect(rescaled.map { $0 >= other.value } as [Bool] == isOutlier)
      #expect(abs(other.ratio - found.ratio) < 1e-9)
    }
  }

  @Test func equalRatiosTakeTheLowestCut() {
    // 0 | 1 2 and 0 1 | 2 are as good as each other.
    #expect(OutlierThreshold([2, 0, 1])?.value == 1)
    #expect(OutlierThreshold([2, 0, 1])?.outliers == 2)
  }

  @Test func scoresWithoutTwoSidesHaveNone() {
    #expect(OutlierThreshold([]) == nil)
    #expect(OutlierThreshold([3]) == nil)
    #expect(OutlierThreshold([3, 3, 3]) == nil)
    #expect(OutlierThreshold([3, 4])?.ratio == 0)
  }

  /// Small differences of large scores count.
  @Test func largeScoresKeepTheirDigits() throws {
    let scores = (0..<10).map { 1e6 + Float($0 < 7 ? 0 : 1) }
    let found = try #require(OutlierThreshold(scores))
    #expect(found.outliers == 3 && found.ratio < 1e-9)
  }

  @Test func manyScoresTakeNoSquareOfTheirNumber() throws {
    let scores = (0..<400_000).map { Float($0 % 1000) + ($0 % 10 == 0 ? 5000 : 0) }
    #expect(try #require(OutlierThreshold(scores)).outliers == 40_000)
  }
}

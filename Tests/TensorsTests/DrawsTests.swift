import Foundation
import Tensors
import Testing

@Suite struct DrawsTests {
  private let draws = Draws(seed: 1, purpose: .trainingNoise, time: 2)

  /// The standard normal quantile of u < 1/2, by Newton's method on the distribution function.
  private func quantile(_ u: Double, from start: Double) -> Double {
    var x = start
    for _ in 0..<4 {
      let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
      x -= (0.5 * erfc(-x / 2.0.squareRoot()) - u) / density
    }
    return x
  }

  @Test(arguments: [1, 3, 4, 15, 16, 17, 31, 32, 33, 49, 100])
  func aDrawDoesNotDependOnHowManyAreDrawn(count: Int) {
    var (whole, part) = (zeros(200), zeros(count))
    draws.normal(row: 9, into: &whole, count: 200)
    draws.normal(row: 9, into: &part, count: count)
    #expect(bits(part) == bits(whole.prefix(count)))
    draws.uniform(row: 9, into: &whole, count: 200)
    draws.uniform(row: 9, into: &part, count: count)
    #expect(bits(part) == bits(whole.prefix(count)))
  }

  @Test func writesNothingPastTheCount() {
    for count in 0..<70 {
      var values = [Float](repeating: 42, count: count + 1)
      draws.normal(row: 0, into: &values, count: count)
      #expect(values[count] == 42)
      draws.uniform(row: 0, into: &values, count: count)
      #expect(values[count] == 42)
      var words = [UInt32](repeating: 42, count: count + 1)
      draws.words(row: 0, into: &words, count: count)
      #expect(words[count] == 42)
    }
  }

  @Test func uniformIsTheWordsUpperBits() {
    var (values, words) = (zeros(1000), [UInt32](repeating: 0, count: 1000))
    draws.uniform(row: 3, into: &values, count: 1000)
    draws.words(row: 3, into: &words, count: 1000)
    #expect(values == words.map { Float($0 >> 8) * 0x1p-24 })
  }

  @Test func normalIsTheQuantileOfTheWord() {
    let count = 400_000
    var (values, words) = (zeros(count), [UInt32](repeating: 0, count: count))
    draws.normal(row: 3, into: &values, count: count)
    draws.words(row: 3, into: &words, count: count)
    var worst = 0.0
    for (value, word) in zip(values, words) {
      let u = (Double(word >> 8) + 0.5) * 0x1p-24
      let lower = min(u, 1 - u)  // exact
      let expected = quantile(lower, from: -abs(Double(value))) * (u < 0.5 ? 1 : -1)
      worst = max(worst, abs(Double(value) - expected) / abs(expected))
    }
    #expect(worst < 5e-7)
  }

  @Test func normalHasTheMomentsOfANormal() {
    let count = 1 << 22
    var values = zeros(count)
    draws.normal(row: 0, into: &values, count: count)
    let moments = (1...4).map { power in
      values.reduce(0.0) { $0 + pow(Double($1), Double(power)) } / Double(count)
    }
    // Six standard errors; the moments have standard errors sqrt(1, 2, 15, 96) / 2048.
    let expected: [(value: Double, variance: Double)] = [(0, 1), (1, 2), (0, 15), (3, 96)]
    for (moment, expected) in zip(moments, expected) {
      #expect(abs(moment - expected.value) < 6 * expected.variance.squareRoot() / 2048)
    }
  }

  @Test func purposesTimesRepetitionsRowsAndSeedsDiffer() {
    let others = [
      draws, Draws(seed: 2, purpose: .trainingNoise, time: 2),
      Draws(seed: 1 << 32 | 1, purpose: .trainingNoise, time: 2),
      Draws(seed: 1, purpose: .latent, time: 2), Draws(seed: 1, purpose: .trainingNoise, time: 3),
      Draws(seed: 1, purpose: .trainingNoise, time: 2, repetition: 1),
    ]
    var words = others.map { $0.word(row: 0, element: 0) }
    words.append(draws.word(row: 1, element: 0))
    words.append(draws.word(row: 0, element: 1))
    #expect(Set(words).count == words.count)
    #expect(Set(Purpose.allCases.map(\.rawValue)) == Set(1...UInt32(Purpose.allCases.count)))
  }

  @Test func addedNoiseIsTheNormalDraw() {
    for count in [1, 16, 40, 784] {
      let x = uniforms(count)
      var (sum, noise) = (x, zeros(count))
      draws.addNormal(row: 5, sigma: 0.5, to: &sum, count: count)
      draws.normal(row: 5, into: &noise, count: count)
      expectClose(
        sum, zip(x, noise).map { Double($0) + 0.5 * Double($1) }, epsilons: 1, scale: 1)
    }
  }

  @Test func integersFillTheirRangeEvenly() {
    var counts = [Int](repeating: 0, count: 10)
    for element in 0..<20_000 { counts[draws.integer(below: 10, row: 0, element: element)] += 1 }
    let deviation = (2000 * 0.9).squareRoot()
    #expect(counts.allSatisfy { abs(Double($0) - 2000) < 5 * deviation })
    #expect(Draws.integer(below: 7, from: .max) == 6)
    #expect(Draws.integer(below: 7, from: 0) == 0)
    #expect(Draws.integer(below: 1 << 32, from: .max) == Int(UInt32.max))
  }
}

import Foundation
import Testing

@testable import Training

@Suite("Shrinkage")
struct ShrinkageTests {
  private let values: [Float] = [
    0.1, -0.2, 0.05, 0.5, -0.4, 0.1, 0, 0, 0, -0.3, 0.3, 0.3, 0.9, 0.01, -0.01, 0.2, 0.2, -0.2,
  ]

  /// Each rule by its definition, with the rest that a projection keeps.
  @Test(arguments: ShrinkageRule.allCases, [Float(0), 0.15, 0.3, .infinity])
  func rulesAreAsDefined(rule: ShrinkageRule, t: Float) {
    let shrinkage = Shrinkage(rule, threshold: t, channels: 3)
    var expected: [Float] = []
    for first in stride(from: 0, to: values.count, by: 3) {
      let pixel = values[first..<first + 3]
      switch rule {
      case .soft:
        expected += pixel.map { max(abs($0) - t, 0) * ($0 < 0 ? -1 : 1) }
      case .group:
        let norm = pixel.reduce(0) { $0 + $1 * $1 }.squareRoot()
        expected += pixel.map { norm > t ? $0 * (1 - t / norm) : 0 }
      case .firm:
        let largest = pixel.map(abs).max() ?? 0
        let share = largest <= t ? 0 : t == 0 ? 1 : min(1, (largest - t) / t)
        expected += pixel.map { $0 * share }
      }
    }
    var found = values
    shrinkage.apply(values, to: &found, count: values.count)
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6, "\(rule) \(t)") }

    let l = values.indices.map { Float($0 % 5) / 10 }
    let x = zip(values, l).map { $0 + $1 }
    var (s, r) = (values, values.map { $0 / 2 })
    var sums = [0.0, 0, 0]
    shrinkage.project(x, l, s: &s, r: &r, count: x.count, sums: &sums)
    var (rest, moved) = (0.0, 0.0)
    for i in x.indices {
      #expect(abs(s[i] - expected[i]) < 1e-6 && abs(x[i] - l[i] - s[i] - r[i]) < 1e-6)
      #expect(abs(r[i]) <= t + 1e-6)
      rest += Double(r[i] * r[i])
      moved += pow(Double(r[i] - values[i] / 2), 2)
    }
    #expect(abs(sums[0] - rest) < 1e-5 && abs(sums[1] - moved) < 1e-5)
    #expect(sums[2] == Double(s.count { $0 != 0 }))
  }
}

import Datasets
import Foundation
import Tensors
import Testing

@testable import Training

@Suite("Shrinkage")
struct ShrinkageTests {
  private let values: [Float] = [
    0.1, -0.2, 0.05, 0.5, -0.4, 0.1, 0, 0, 0, -0.3, 0.3, 0.3, 0.9, 0.01, -0.01, 0.2, 0.2, -0.2,
  ]
  /// Two images of three pixels.
  private let shape = ImageShape(height: 1, width: 3, channels: 3)

  /// Each rule by its definition, with the rest that a projection keeps.
  @Test(arguments: ShrinkageRule.allCases, [Float(0), 0.15, 0.3, 0.7, .infinity])
  func rulesAreAsDefined(rule: ShrinkageRule, t: Float) {
    var shrinkage = Shrinkage(rule, threshold: t, shape: shape)
    func norm(_ group: some Sequence<Float>) -> Float {
      group.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }
    func grouped(_ group: [Float]) -> [Float] {
      let norm = norm(group)
      return group.map { norm > t ? $0 * (1 - t / norm) : 0 }
    }
    let columns = (0..<9).map { j in norm([values[j], values[9 + j]]) }
    if rule == .column { shrinkage.shares = columns.map { shrinkage.share(ofNorm: Double($0)) } }
    var expected: [Float] = []
    for first in stride(from: 0, to: values.count, by: 3) {
      let pixel = Array(values[first..<first + 3])
      switch rule {
      case .soft:
        expected += pixel.map { max(abs($0) - t, 0) * ($0 < 0 ? -1 : 1) }
      case .group: expected += grouped(pixel)
      case .firm:
        let largest = pixel.map(abs).max() ?? 0
        let share = largest <= t ? 0 : t == 0 ? 1 : min(1, (largest - t) / t)
        expected += pixel.map { $0 * share }
      case .row where first % 9 == 0: expected += grouped(Array(values[first..<first + 9]))
      case .row: continue
      case .column:
        expected += (first..<first + 3).map {
          columns[$0 % 9] > t ? values[$0] * (1 - t / columns[$0 % 9]) : 0
        }
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

  /// The rules `row` and `column` are the least of t sum of norms + half of |s - v|², and bring
  /// points no farther apart (as X4 for single values).
  @Test(arguments: [ShrinkageRule.row, .column], [Float(0.2), 0.8, 1.6])
  func groupsAreTheProximalMinimum(rule: ShrinkageRule, t: Float) {
    let (rows, d) = (4, shape.count)
    let draws = Draws(seed: 5, purpose: .synthesis, time: 0)
    func drawn(_ row: Int, _ scale: Float) -> [Float] {
      var values = [Float](repeating: 0, count: rows * d)
      draws.normal(row: row, into: &values, count: values.count)
      return values.map { scale * $0 }
    }
    func groups(_ v: [Float]) -> [[Float]] {
      rule == .row
        ? (0..<rows).map { Array(v[$0 * d..<($0 + 1) * d]) }
        : (0..<d).map { j in (0..<rows).map { v[$0 * d + j] } }
    }
    func norm(_ v: [Float]) -> Double {
      v.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
    func shrunk(_ v: [Float]) -> [Float] {
      var shrinkage = Shrinkage(rule, threshold: t, shape: shape)
      if rule == .column {
        shrinkage.shares = groups(v).map { shrinkage.share(ofNorm: norm($0)) }
      }
      var s = v
      shrinkage.apply(v, to: &s, count: v.count)
      return s
    }
    func difference(_ a: [Float], _ b: [Float]) -> [Float] { zip(a, b).map { $0 - $1 } }
    let v = drawn(0, 0.4)
    func objective(_ s: [Float]) -> Double {
      let penalty = groups(s).reduce(0) { $0 + norm($1) }
      return Double(t) * penalty + 0.5 * pow(norm(difference(s, v)), 2)
    }
    let s = shrunk(v)
    let least = objective(s)
    for row in 1..<40 {
      let other = drawn(row, row % 2 == 0 ? 0.05 : 0.5)
      #expect(objective(zip(s, other).map { $0 + $1 }) >= least - 1e-6)
      let w = drawn(row, 0.4)
      #expect(norm(difference(shrunk(w), s)) <= norm(difference(w, v)) + 1e-6)
    }
    #expect(objective(v) > least)
  }

  /// Repaired images: an image as it is, L, and between; of images that are not those trained on,
  /// `column` knows nothing.
  @Test func repairsByRows() {
    let l = [Float](repeating: 0.5, count: 27)
    var x = l
    for i in 0..<9 { (x[i], x[9 + i], x[18 + i]) = (0.6, 0.65, 0.8) }
    let rows = Shrinkage(.row, threshold: 0.3, shape: shape)
    let repaired = rows.repair(x, l)
    for i in 0..<9 {
      #expect(repaired[i] == x[i])  // its norm is .3
      #expect(abs(repaired[9 + i] - 0.575) < 1e-6)  // .45: half of it goes
      #expect(repaired[18 + i] == l[18 + i])
    }
    let columns = Shrinkage(.column, threshold: 0.3, shape: shape)
    #expect(columns.repair(x, l) == l)
    var s = x
    columns.apply(x, to: &s, count: x.count)
    #expect(s.allSatisfy { $0 == 0 })
  }
}

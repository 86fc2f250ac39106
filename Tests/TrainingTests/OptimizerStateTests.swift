import Distributed
import Foundation
import MPI
import Tensors
import Testing

@testable import Training

@Suite("Optimizer state")
struct OptimizerStateTests {
  static let rules: [UpdateRule] = [
    .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8),
    .legacyAdam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8),
    .rmsprop(alpha: 0.99, epsilon: 1e-8, momentum: 0),
    .rmsprop(alpha: 0.9, epsilon: 1e-8, momentum: 0.5),
  ]

  /// Two slots of two groups, and an optimizer for the groups of a mask.
  private struct Trained {
    let buckets: GradientBuckets
    let optimizer: Optimizer

    init(_ rule: UpdateRule, groups: UInt64 = 3, secondMoment: Float = 0) throws {
      buckets = try GradientBuckets(
        slots: [
          ParameterSlot(name: "a", group: 0, count: 33),
          ParameterSlot(name: "b", group: 1, count: 70),
        ], laneCount: 1, exact: false, on: .alone())
      optimizer = Optimizer(
        rule, learningRate: 0.01, groups: groups, buckets: buckets,
        secondMoment: secondMoment)
      try buckets.publishValues((0..<buckets.count).map { Float($0 % 11) / 10 })
    }

    var values: [Float] {
      Array(UnsafeBufferPointer(start: buckets.values, count: buckets.count))
    }

    static func gradient(_ place: Int, _ step: Int) -> Float {
      Float((place * 7 + step * 5) % 13 - 6) / 10
    }

    /// Makes steps with gradients that follow from the step and the place.
    func train(_ steps: Range<Int>) throws {
      for step in steps {
        optimizer.beginStep()
        buckets.begin(groups: optimizer.groups) { [optimizer] in
          optimizer.update(bucket: $0, piece: $1, values: $2, gradient: $3)
        }
        let gradient = buckets.gradient(microbatch: 0)
        for i in 0..<buckets.count { gradient[i] = Self.gradient(i, step) }
        for slot in 0..<2 { buckets.ready(slot: slot, microbatch: 0) }
        try buckets.finish()
      }
    }
  }

  @Test(arguments: rules) func gatheredStateIsTakenUpWhole(_ rule: UpdateRule) throws {
    let (whole, first) = (try Trained(rule), try Trained(rule))
    try whole.train(0..<9)
    try first.train(0..<4)
    let second = try Trained(rule)
    try second.buckets.publishValues(first.values)
    for index in rule.stateNames.indices {
      let state = try first.optimizer.gathered(index)
      #expect(state.contains { $0 != 0 })
      try second.optimizer.scatter(index, state, step: first.optimizer.step)
      #expect(bits(try second.optimizer.gathered(index)) == bits(state))
    }
    #expect(second.optimizer.step == 4)
    try second.train(4..<9)
    #expect(bits(second.values) == bits(whole.values))
  }

  /// D-06: after `reset` an optimizer is like a new optimizer.
  @Test(arguments: rules) func resetForgetsEverything(_ rule: UpdateRule) throws {
    let (used, fresh) = (try Trained(rule), try Trained(rule))
    try used.train(0..<5)
    try fresh.buckets.publishValues(used.values)
    used.optimizer.reset()
    #expect(used.optimizer.step == 0)
    try used.train(5..<9)
    try fresh.train(5..<9)
    #expect(bits(used.values) == bits(fresh.values))
  }

  /// D-41 and the IWAE reference, from their formulas.
  ///
  /// With the mistake, the decay of step t is 0.9 * 1e-8^(t - 1), while its bias is corrected by 1
  /// - 0.9^t. Second moments may begin at 1.
  @Test(arguments: [false, true], [0, 1]) func formsOfAdam(legacy: Bool, secondMoment: Int) throws {
    let rule: UpdateRule =
      legacy
      ? .legacyAdam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
      : .adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
    let trained = try Trained(rule, secondMoment: Float(secondMoment))
    let before = trained.values
    try trained.train(0..<6)
    for place in 0..<33 {
      var (x, m, v) = (Double(before[place]), 0.0, Double(secondMoment))
      for step in 0..<6 {
        let (t, g) = (Double(step + 1), Double(Trained.gradient(place, step)))
        let decay = legacy ? 0.9 * pow(1e-8, t - 1) : 0.9
        m = decay * m + (1 - decay) * g
        v = 0.999 * v + 0.001 * g * g
        x -= 0.01 * m / (1 - pow(0.9, t)) / ((v / (1 - pow(0.999, t))).squareRoot() + 1e-8)
      }
      #expect(abs(Double(trained.values[place]) - x) < 1e-6)
    }
  }

  @Test(arguments: rules) func otherGroupsAreLeftAlone(_ rule: UpdateRule) throws {
    let trained = try Trained(rule, groups: 2)
    let before = trained.values
    try trained.train(0..<3)
    let boundary = trained.buckets.offset(of: 1)
    #expect(bits(Array(trained.values[..<boundary])) == bits(Array(before[..<boundary])))
    #expect((0..<70).allSatisfy { trained.values[boundary + $0] != before[boundary + $0] })
    let state = try trained.optimizer.gathered(0)
    #expect(
      state[..<boundary].allSatisfy { $0 == 0 }
        && state[boundary..<boundary + 70].contains { $0 != 0 })
  }
}

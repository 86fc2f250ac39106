import Autodiff
import Foundation
import Tensors
import Testing

/// Cross-checks of losses without stored values.
@Suite("Identities of losses")
struct LossIdentityTests {
  private let tape = Tape()

  private func row(_ values: [Float]) -> Variable {
    tape.constant(Tensor(Shape(1, values.count), values))
  }

  private func column(_ values: [Float]) -> Variable {
    tape.constant(Tensor(Shape(values.count, 1), values))
  }

  /// X1: KL in closed form equals KL by Monte Carlo.
  @Test func divergence() {
    #expect(row([0, 0]).klToStandardNormal(logVariance: row([0, 0])).sum == 0)
    let (mean, variance) = ([0.5, -1.0], [0.25, 2.0])
    let kl = row(mean.map { Float($0) })
      .klToStandardNormal(logVariance: row(variance.map { Float(log($0)) })).sum
    #expect(abs(kl - 1.096_573_6) < 1e-6)

    let count = 200_000
    var total = 0.0
    for j in 0..<2 {
      var noise = [Float](repeating: 0, count: count)
      Draws(seed: 1, purpose: .evaluation, time: j).normal(row: 0, into: &noise, count: count)
      for e in noise {
        let z = mean[j] + variance[j].squareRoot() * Double(e)
        total += (z * z - log(variance[j]) - Double(e * e)) / 2
      }
    }
    #expect(abs(total / Double(count) - kl) < 1e-2)
  }

  /// X2: the Bernoulli likelihood on logits equals the likelihood on probabilities.
  ///
  /// It is finite for probabilities 0 and 1.
  @Test func bernoulliOnLogits() {
    for logit in stride(from: -9.5, through: 9.5, by: 0.5) {
      for x in [0, 0.25, 1.0] {
        let p = 1 / (1 + exp(-logit))
        let expected = -x * log(p) - (1 - x) * log(1 - p)
        let found = row([Float(logit)]).bernoulliNegativeLogLikelihood(of: row([Float(x)])).sum
        #expect(abs(found - expected) < 1e-6 * max(1, expected), "logit \(logit), x \(x)")
      }
    }
    let far = row([1e4, -1e4, 1e4, -1e4]).bernoulliNegativeLogLikelihood(of: row([1, 0, 0, 1]))
    #expect(far.sum == 2e4)
  }

  /// X3, X37: the adversarial losses of a discriminator with logits of 0.
  @Test func adversarialLossesAtZero() {
    let zero = column([0])
    #expect(abs((zero.softplus(sign: -1) + zero.softplus(sign: 1)).sum - 2 * log(2)) < 1e-7)
    #expect(abs(zero.softplus(sign: -1).sum - log(2)) < 1e-7)
    #expect(abs((-1 * zero.softplus(sign: 1)).sum + log(2)) < 1e-7)
  }

  /// Without its guard, the guarded logarithm is the plain logarithm (D-12).
  ///
  /// With its guard, it is the formula of the authors' code.
  @Test func guardedLogarithms() {
    for logit: Float in [-3, 0, 0.5, 4] {
      for sign: Float in [-1, 1] {
        let plain = column([logit]).softplus(sign: -sign).sum
        #expect(abs(column([logit]).negativeLogSigmoid(sign: sign, epsilon: 0).sum - plain) < 1e-6)
        let p = 1 / (1 + exp(Double(-sign * logit)))
        let found = column([logit]).negativeLogSigmoid(sign: sign, epsilon: 0.01).sum
        #expect(abs(found + log(p + 0.01)) < 1e-6)
      }
    }
  }

  /// X5: log-mean-exp of equal values, shifted, and far from zero.
  @Test func logMeanExp() {
    #expect(row([3, 3, 3, 3]).logMeanExp().sum == 3)
    let values: [Float] = [0.5, -1, 2, 0.25]
    let plain = row(values).logMeanExp().sum
    let shifted = row(values.map { $0 + 8 }).logMeanExp().sum
    #expect(abs(shifted - 8 - plain) < 2e-6)
    #expect(row([1e4, 1e4]).logMeanExp().sum == 1e4)
    #expect(row([-1e4, -1e4]).logMeanExp().sum == -1e4)
  }
}

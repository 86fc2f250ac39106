import CKernels
import TestSupport
import Testing

@Suite("Optimizers and prox against PyTorch in double precision")
struct GoldenKernelTests {
  /// PyTorch's own single precision is within 2 units after ten steps.
  let tolerance = 16.0

  @Test(arguments: ["adam", "adam_half"]) func adamTakesTenSteps(_ name: String) throws {
    let golden = try Golden("optimizers.h5")
    func setting(_ key: String) throws -> Double { try #require(try golden.number(key, of: name)) }
    let (rate, epsilon) = (try setting("lr"), try setting("eps"))
    let (beta1, beta2) = (try setting("beta1"), try setting("beta2"))
    var values = try golden.floats("\(name)/initial")
    let count = values.count
    let gradients = try golden.floats("\(name)/gradients")
    let expected = try golden.values("\(name)/values")
    var first = [Float](repeating: 0, count: count)
    var second = first
    for step in 0..<10 {
      let (bias1, bias2) = (1 - pow(beta1, step + 1), 1 - pow(beta2, step + 1))
      let part = step * count..<(step + 1) * count
      ck_adam(
        &values, Array(gradients[part]), &first, &second, count, Float(rate / bias1), beta1, beta2,
        Float(epsilon), Float(1 / bias2.squareRoot()))
      #expect(deviation(values, from: Array(expected[part])) < tolerance, "step \(step + 1)")
    }
    #expect(deviation(first, from: try golden.values("\(name)/state/exp_avg")) < tolerance)
    #expect(deviation(second, from: try golden.values("\(name)/state/exp_avg_sq")) < tolerance)
  }

  @Test(arguments: ["rmsprop", "rmsprop_momentum"]) func rmspropTakesTenSteps(
    _ name: String
  ) throws {
    let golden = try Golden("optimizers.h5")
    func setting(_ key: String) throws -> Double { try #require(try golden.number(key, of: name)) }
    let (rate, alpha) = (Float(try setting("lr")), try setting("alpha"))
    let (epsilon, momentum) = (Float(try setting("eps")), Float(try setting("momentum")))
    var values = try golden.floats("\(name)/initial")
    let count = values.count
    let gradients = try golden.floats("\(name)/gradients")
    let expected = try golden.values("\(name)/values")
    var square = [Float](repeating: 0, count: count)
    var buffer = square
    for step in 0..<10 {
      let part = step * count..<(step + 1) * count
      let gradient = Array(gradients[part])
      if momentum == 0 {
        ck_rmsprop(&values, gradient, &square, nil, count, rate, alpha, epsilon, momentum)
      } else {
        ck_rmsprop(&values, gradient, &square, &buffer, count, rate, alpha, epsilon, momentum)
      }
      #expect(deviation(values, from: Array(expected[part])) < tolerance, "step \(step + 1)")
    }
    #expect(deviation(square, from: try golden.values("\(name)/state/square_avg")) < tolerance)
    if momentum != 0 {
      let expected = try golden.values("\(name)/state/momentum_buffer")
      #expect(deviation(buffer, from: expected) < tolerance)
    }
  }

  @Test func softThreshold() throws {
    let golden = try Golden("operators.h5")
    let values = try golden.floats("soft_threshold/inputs/v")
    let threshold = try #require(try golden.number("threshold", of: "soft_threshold"))
    var shrunk = [Float](repeating: .nan, count: values.count)
    ck_soft_threshold(values, &shrunk, Float(threshold), values.count)
    let expected = try golden.values("soft_threshold/output")
    #expect(deviation(shrunk, from: expected) < 1)
    #expect(zip(shrunk, expected).allSatisfy { ($0 == 0) == ($1 == 0) })
  }

  private func pow(_ base: Double, _ exponent: Int) -> Double {
    (0..<exponent).reduce(1) { product, _ in product * base }
  }
}

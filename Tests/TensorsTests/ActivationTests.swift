import CKernels
import Foundation
import Tensors
import Testing

@Suite struct ActivationTests {
  /// Inputs over the whole range of each function: both signs, tiny values too.
  private var inputs: [Float] {
    let exponents = stride(from: -30, through: 6.4, by: 0.01).map { Float(exp2($0)) }
    return exponents + exponents.map { -$0 } + normals(5000, scale: 5) + [0]
  }

  /// The relative error is at most 4 epsilons, even for tiny values.
  @Test(arguments: Activation.allCases)
  func valuesAreAccurate(activation: Activation) {
    let x = inputs
    var y = zeros(x.count)
    ck_activate(&y, x, x.count, activation.code)
    expectClose(y, x.map { reference(activation, Double($0)) }, epsilons: 4)
  }

  @Test(arguments: Activation.allCases)
  func extremesStayFinite(activation: Activation) {
    let x: [Float] = [1e4, -1e4, 100, -100, 88, -88, .greatestFiniteMagnitude, 0, -0.0]
    var y = zeros(x.count)
    ck_activate(&y, x, x.count, activation.code)
    #expect(y.allSatisfy { $0.isFinite })
    let expected = x.map { reference(activation, Double($0)) }
    expectClose(y, expected, epsilons: 4, scale: 1e-30)
  }

  @Test(arguments: Activation.allCases)
  func notANumberStays(activation: Activation) {
    var y: [Float] = [1, .nan, 2]
    ck_activate(&y, y, 3, activation.code)
    #expect(!y[0].isNaN && y[1].isNaN && !y[2].isNaN)
  }

  @Test(arguments: Activation.allCases, [(1, 1), (3, 5), (4, 16), (9, 49), (6, 100)])
  func biasGoesIn(activation: Activation, size: (rows: Int, columns: Int)) {
    let (x, bias) = (normals(size.rows * size.columns, scale: 2), normals(size.columns, row: 1))
    var y = x
    ck_bias_act(&y, bias, size.rows, size.columns, activation.code)
    let expected = x.indices.map { i in
      reference(activation, Double(x[i] + bias[i % size.columns]))
    }
    expectClose(y, expected, epsilons: 4)
    y = x
    var alone = x
    ck_bias_act(&y, nil, size.rows, size.columns, activation.code)
    ck_activate(&alone, x, x.count, activation.code)
    #expect(bits(y) == bits(alone))
  }

  @Test(arguments: Activation.allCases, [(1, 1), (3, 5), (4, 16), (9, 49), (6, 100)])
  func backwardIsTheDerivativeWithTheBiasGradient(
    activation: Activation, size: (rows: Int, columns: Int)
  ) {
    let n = size.rows * size.columns
    let dy = normals(n, row: 2)
    var y = zeros(n)
    ck_activate(&y, normals(n, scale: 2), n, activation.code)
    let expected = (0..<n).map { Double(dy[$0]) * derivative(activation, output: Double(y[$0])) }

    var (dx, dbias) = (dy, normals(size.columns, row: 3))
    let before = dbias
    ck_act_backward(&dx, y, &dbias, size.rows, size.columns, activation.code, 1)
    expectClose(dx, expected, epsilons: 4, scale: 1e-3)
    let sums = (0..<size.columns).map { j in
      stride(from: j, to: n, by: size.columns).reduce(0.0) { $0 + expected[$1] }
    }
    expectClose(
      dbias, zip(before, sums).map { Double($0) + $1 }, epsilons: 4, scale: Double(size.rows))

    var (again, fresh) = (dy, normals(size.columns, row: 4))
    ck_act_backward(&again, y, &fresh, size.rows, size.columns, activation.code, 0)
    #expect(bits(again) == bits(dx))
    expectClose(fresh, sums, epsilons: 4, scale: Double(size.rows))

    var alone = dy
    ck_act_backward(&alone, y, nil, size.rows, size.columns, activation.code, 0)
    #expect(bits(alone) == bits(dx))
  }
}

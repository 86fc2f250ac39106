import CKernels
import Foundation
import Testing

/// Ten steps of each optimizer, compared with PyTorch's formulas in double precision.
@Suite struct OptimizerTests {
  private let n = 37

  /// The gradient of a step.
  private func gradient(_ step: Int) -> [Float] { normals(n, row: 10 + step) }

  @Test(arguments: [1e-8, 1e-3]) func adam(epsilon: Double) {
    let (rate, b1, b2) = (1e-2, 0.9, 0.999)
    var (p, m, v) = (normals(n), zeros(n), zeros(n))
    var expected = p.map(Double.init)
    var (first, second) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n))
    for step in 1...10 {
      let g = gradient(step)
      let (bias1, bias2) = (1 - pow(b1, Double(step)), 1 - pow(b2, Double(step)))
      ck_adam(
        &p, g, &m, &v, n, Float(rate / bias1), b1, b2, Float(epsilon),
        Float(1 / bias2.squareRoot()))
      for i in 0..<n {
        first[i] = b1 * first[i] + (1 - b1) * Double(g[i])
        second[i] = b2 * second[i] + (1 - b2) * Double(g[i]) * Double(g[i])
        let denominator = second[i].squareRoot() / bias2.squareRoot() + epsilon
        expected[i] -= rate / bias1 * first[i] / denominator
      }
    }
    expectClose(p, expected, epsilons: 8, scale: 1)
    expectClose(m, first, epsilons: 16, scale: 0.1)
    expectClose(v, second, epsilons: 16)
  }

  @Test(arguments: [0, 0.9]) func rmsprop(momentum: Double) {
    let (rate, alpha, epsilon) = (1e-2, 0.99, 1e-8)
    var (p, square, buffer) = (normals(n), zeros(n), zeros(n))
    var (expected, velocity) = (p.map(Double.init), [Double](repeating: 0, count: n))
    var mean = velocity
    for step in 1...10 {
      let g = gradient(step)
      if momentum == 0 {
        ck_rmsprop(&p, g, &square, nil, n, Float(rate), alpha, Float(epsilon), 0)
      } else {
        ck_rmsprop(
          &p, g, &square, &buffer, n, Float(rate), alpha, Float(epsilon), Float(momentum))
      }
      for i in 0..<n {
        mean[i] = alpha * mean[i] + (1 - alpha) * Double(g[i]) * Double(g[i])
        velocity[i] = momentum * velocity[i] + Double(g[i]) / (mean[i].squareRoot() + epsilon)
        expected[i] -= rate * velocity[i]
      }
    }
    expectClose(p, expected, epsilons: 32, scale: 1)
    expectClose(square, mean, epsilons: 32)
    if momentum != 0 { expectClose(buffer, velocity, epsilons: 32, scale: 10) }
  }
}

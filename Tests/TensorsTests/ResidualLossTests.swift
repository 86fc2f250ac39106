import CKernels
import Foundation
import Tensors
import Testing

@Suite struct ResidualLossTests {
  /// Residuals of all magnitudes, including 0.
  private func residuals(_ n: Int) -> [Float] {
    zip(normals(n), uniforms(n)).enumerated().map { index, pair in
      index % 7 == 3 ? 0 : pair.0 * pow(10, -6 * pair.1)
    }
  }

  @Test(arguments: LossTests.sizes, [1.54e-5, 1e-3, 1.0] as [Float])
  func logSquares(size: (Int, Int), epsilon: Float) {
    let (rows, columns) = size
    let n = rows * columns
    let r = residuals(n)
    var (loss, grad) = (zeros(rows), zeros(n))
    ck_log_squares(r, &loss, &grad, rows, columns, epsilon)
    let squares = r.map { Double($0) * Double($0) + Double(epsilon) }
    for row in 0..<rows {
      let terms = squares[row * columns..<(row + 1) * columns].map { 0.5 * log($0) }
      let scale = max(1, terms.reduce(0) { $0 + abs($1) })
      expectClose([loss[row]], [terms.reduce(0, +)], epsilons: 8, scale: scale)
    }
    expectClose(grad, (0..<n).map { Double(r[$0]) / squares[$0] }, epsilons: 4)
    // docs/systems.md, 5.3: the gradient is at most 1 / (2 sqrt eps).
    #expect(grad.allSatisfy { abs($0) <= 0.5001 / epsilon.squareRoot() })
    var alone = zeros(rows)
    ck_log_squares(r, &alone, nil, rows, columns, epsilon)
    #expect(bits(alone) == bits(loss))
  }

  @Test(arguments: LossTests.sizes) func scaledSquares(rows: Int, columns: Int) {
    let n = rows * columns
    let (r, logvar) = (normals(n), normals(n, row: 1, scale: 3))
    var (loss, dr, dlogvar) = (zeros(rows), zeros(n), zeros(n))
    ck_scaled_squares(r, logvar, &loss, &dr, &dlogvar, rows, columns)
    let scaled = (0..<n).map { Double(r[$0]) * exp(-Double(logvar[$0])) }
    for row in 0..<rows {
      let terms = (row * columns..<(row + 1) * columns).map {
        0.5 * (scaled[$0] * Double(r[$0]) + Double(logvar[$0]))
      }
      let scale = terms.reduce(0) { $0 + abs($1) }
      expectClose([loss[row]], [terms.reduce(0, +)], epsilons: 16, scale: scale)
    }
    expectClose(dr, scaled, epsilons: 4)
    let slopes = (0..<n).map { 0.5 - 0.5 * scaled[$0] * Double(r[$0]) }
    expectClose(dlogvar, slopes, epsilons: 8, scale: slopes.map(abs).max() ?? 1)
  }

  /// X23: the loss without variances equals the loss with log v = 0, bit for bit.
  @Test(arguments: LossTests.sizes) func unitVariance(rows: Int, columns: Int) {
    let n = rows * columns
    let r = normals(n)
    var (with, without, dr, plain) = (zeros(rows), zeros(rows), zeros(n), zeros(n))
    ck_scaled_squares(r, zeros(n), &with, &dr, nil, rows, columns)
    ck_scaled_squares(r, nil, &without, &plain, nil, rows, columns)
    #expect(bits(with) == bits(without))
    #expect(bits(dr) == bits(r) && bits(plain) == bits(r))
  }

  @Test(arguments: [1, 16, 33]) func recycling(n: Int) {
    let (m, e) = (uniforms(n), normals(n, row: 2))
    let r = residuals(n)
    var y = zeros(n)
    ck_recycle(&y, m, r, e, n)
    expectClose(
      y, (0..<n).map { Double(m[$0]) + abs(Double(r[$0])) * Double(e[$0]) }, epsilons: 1, scale: 1)
    var slope = zeros(n)
    ck_recycle_backward(m, r, e, &slope, n, 0)
    let expected = (0..<n).map { i -> Float in
      r[i] == 0 ? 0 : r[i] < 0 ? -(m[i] * e[i]) : m[i] * e[i]
    }
    #expect(slope == expected)
  }

  @Test func clamping() {
    let x: [Float] = [-13, -12, -3, 0, 6, 7, .infinity]
    var y = zeros(7)
    ck_clamp(&y, x, 7, -12, 6)
    #expect(y == [-12, -12, -3, 0, 6, 6, 6])
    ck_clamp_backward(&y, [1, 2, 3, 4, 5, 6, 7], x, 7, -12, 6, 0)
    #expect(y == [0, 2, 3, 4, 5, 0, 0])
  }
}

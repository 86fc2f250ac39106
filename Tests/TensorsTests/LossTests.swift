import CKernels
import Foundation
import Tensors
import Testing

@Suite struct LossTests {
  /// Rows and columns, with full and partial vectors.
  static let sizes = [(1, 1), (3, 5), (2, 16), (7, 49), (3, 784)]

  /// Expects each row's loss to be the sum of its terms, within `epsilons` of the sum of their
  /// sizes.
  private func expectRows(
    _ loss: [Float], _ terms: [Double], columns: Int, epsilons: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for (row, value) in loss.enumerated() {
      let own = terms[row * columns..<(row + 1) * columns]
      expectClose(
        [value], [own.reduce(0, +)], epsilons: epsilons, scale: own.reduce(0) { $0 + abs($1) },
        sourceLocation: sourceLocation)
    }
  }

  @Test(arguments: sizes) func bernoulli(rows: Int, columns: Int) {
    let n = rows * columns
    let (a, x) = (normals(n, scale: 4), uniforms(n))
    var (loss, grad) = (zeros(rows), zeros(n))
    ck_bernoulli_nll(a, x, &loss, &grad, rows, columns)
    let terms = (0..<n).map { softplus(Double(a[$0])) - Double(x[$0]) * Double(a[$0]) }
    expectRows(loss, terms, columns: columns, epsilons: 16)
    let slopes = (0..<n).map { reference(.sigmoid, Double(a[$0])) - Double(x[$0]) }
    expectClose(grad, slopes, epsilons: 2, scale: 1)
    var alone = zeros(rows)
    ck_bernoulli_nll(a, x, &alone, nil, rows, columns)
    #expect(bits(alone) == bits(loss))
  }

  /// X2: the likelihood on logits.
  @Test func bernoulliEqualsTheFormOnProbabilities() {
    for a in stride(from: Float(-9.9), to: 10, by: 0.37) {
      for x: Float in [0, 0.25, 1] {
        var loss = zeros(1)
        ck_bernoulli_nll([a], [x], &loss, nil, 1, 1)
        let p = reference(.sigmoid, Double(a))
        let expected = -Double(x) * log(p) - (1 - Double(x)) * log(1 - p)
        #expect(abs(Double(loss[0]) - expected) < 1e-6 * max(1, expected))
      }
    }
    var (loss, grad) = (zeros(4), zeros(4))
    ck_bernoulli_nll([1e4, -1e4, 1e4, -1e4], [1, 0, 0, 1], &loss, &grad, 4, 1)
    expectClose(loss, [0, 0, 1e4, 1e4], epsilons: 1, scale: 1e-30)
    #expect(grad.map { $0.rounded() } == [0, 0, 1, -1])
  }

  @Test(arguments: sizes) func gaussian(rows: Int, columns: Int) {
    let n = rows * columns
    let (x, mean, logvar) = (uniforms(n), normals(n), normals(n, row: 1))
    var (loss, dmean, dlogvar) = (zeros(rows), zeros(n), zeros(n))
    ck_gaussian_nll(x, mean, logvar, &loss, &dmean, &dlogvar, rows, columns)
    let difference = (0..<n).map { Double(mean[$0]) - Double(x[$0]) }
    let precision = logvar.map { exp(-Double($0)) }
    let squares = (0..<n).map { difference[$0] * difference[$0] * precision[$0] }
    let terms = (0..<n).map { 0.5 * (log(2 * Double.pi) + Double(logvar[$0]) + squares[$0]) }
    expectRows(loss, terms, columns: columns, epsilons: 16)
    expectClose(dmean, (0..<n).map { difference[$0] * precision[$0] }, epsilons: 8, scale: 1)
    expectClose(dlogvar, squares.map { 0.5 - 0.5 * $0 }, epsilons: 8, scale: 1)
    var alone = zeros(rows)
    ck_gaussian_nll(x, mean, logvar, &alone, nil, nil, rows, columns)
    #expect(bits(alone) == bits(loss))
  }

  @Test(arguments: sizes) func squaredError(rows: Int, columns: Int) {
    let n = rows * columns
    let (y, x) = (normals(n), uniforms(n))
    var (loss, grad) = (zeros(rows), zeros(n))
    ck_squared_error(y, x, &loss, &grad, rows, columns)
    let difference = (0..<n).map { Double(y[$0]) - Double(x[$0]) }
    expectRows(loss, difference.map { $0 * $0 }, columns: columns, epsilons: 16)
    expectClose(grad, difference.map { 2 * $0 }, epsilons: 1, scale: 1)
  }

  @Test(arguments: sizes) func klToStandardNormal(rows: Int, columns: Int) {
    let n = rows * columns
    let (mu, logvar) = (normals(n), normals(n, row: 1, scale: 2))
    var (kl, dmu, dlogvar) = (zeros(rows), zeros(n), zeros(n))
    ck_kl_standard_normal(mu, logvar, &kl, &dmu, &dlogvar, rows, columns)
    let terms = (0..<n).map { i in
      0.5 * (expm1(Double(logvar[i])) - Double(logvar[i]) + Double(mu[i]) * Double(mu[i]))
    }
    expectRows(kl, terms, columns: columns, epsilons: 16)
    #expect(bits(dmu) == bits(mu))
    expectClose(dlogvar, logvar.map { 0.5 * expm1(Double($0)) }, epsilons: 6)
  }

  /// X1: KL in closed form.
  @Test func klInClosedForm() {
    var kl = zeros(2)
    ck_kl_standard_normal(
      [0, 0, 0.5, -1], [0, 0, log(0.25), log(2)], &kl, nil, nil, 2, 2)
    #expect(kl[0] == 0)
    #expect(abs(kl[1] - 1.0965736) < 1e-6)
  }

  @Test(arguments: [Float(0.5), 1], [1, 16, 49]) func reparameterization(k: Float, n: Int) {
    let (mu, logvar, eps) = (normals(n), normals(n, row: 1), normals(n, row: 2))
    let dz = normals(n, row: 3)
    var z = zeros(n)
    ck_reparameterize(&z, mu, logvar, eps, n, k)
    let deviation = logvar.map { exp(Double(k) * Double($0)) }
    let noise = (0..<n).map { deviation[$0] * Double(eps[$0]) }
    expectClose(z, (0..<n).map { Double(mu[$0]) + noise[$0] }, epsilons: 8, scale: 2)

    var (dmu, dlogvar) = (normals(n, row: 4), normals(n, row: 5))
    let (mu0, logvar0) = (dmu, dlogvar)
    let slope = (0..<n).map { Double(dz[$0]) * noise[$0] * Double(k) }
    ck_reparameterize_backward(dz, logvar, eps, &dmu, &dlogvar, n, k, 1)
    expectClose(dmu, (0..<n).map { Double(mu0[$0]) + Double(dz[$0]) }, epsilons: 1, scale: 1)
    expectClose(dlogvar, (0..<n).map { Double(logvar0[$0]) + slope[$0] }, epsilons: 8, scale: 4)
    ck_reparameterize_backward(dz, logvar, eps, &dmu, &dlogvar, n, k, 0)
    #expect(bits(dmu) == bits(dz))
    expectClose(dlogvar, slope, epsilons: 8)
  }

  @Test(arguments: sizes, [Float(1), -1]) func softplusRows(size: (Int, Int), sign: Float) {
    let (rows, columns) = size
    let s = normals(rows * columns, scale: 3)
    var (loss, grad) = (zeros(rows), zeros(s.count))
    ck_softplus_rows(s, &loss, &grad, rows, columns, sign)
    let signed = s.map { Double(sign * $0) }
    expectRows(loss, signed.map(softplus), columns: columns, epsilons: 16)
    expectClose(grad, signed.map { Double(sign) * reference(.sigmoid, $0) }, epsilons: 4)
  }

  /// X3: the losses of the discriminator and the generator at zero logits.
  @Test func adversarialLossesAtZero() {
    var (real, fake, slope) = (zeros(1), zeros(1), zeros(1))
    ck_softplus_rows([0], &real, &slope, 1, 1, -1)  // also the non-saturating generator
    #expect(slope == [-0.5])
    ck_softplus_rows([0], &fake, &slope, 1, 1, 1)  // minus the saturating generator
    #expect(slope == [0.5])
    #expect(abs(real[0] - log(2)) < 1e-7 && abs(fake[0] - log(2)) < 1e-7)
    ck_softplus_rows([-1e4, 1e4], &real, nil, 1, 2, 1)
    #expect(real == [1e4])
  }

  @Test(arguments: sizes) func logMeanExp(rows: Int, columns: Int) {
    let w = normals(rows * columns, scale: 10)
    var (out, weights) = (zeros(rows), zeros(w.count))
    ck_log_mean_exp(w, &out, &weights, rows, columns)
    for row in 0..<rows {
      let own = w[row * columns..<(row + 1) * columns].map(Double.init)
      let total = own.reduce(0) { $0 + exp($1) }
      expectClose([out[row]], [log(total / Double(columns))], epsilons: 4, scale: 10)
      expectClose(
        Array(weights[row * columns..<(row + 1) * columns]), own.map { exp($0) / total },
        epsilons: 64, scale: 1e-30)
    }
    var alone = zeros(rows)
    ck_log_mean_exp(w, &alone, nil, rows, columns)
    #expect(bits(alone) == bits(out))
  }

  /// X5: log-mean-exp.
  @Test func logMeanExpOfEqualValuesShiftsAndDoesNotOverflow() {
    for value: Float in [-1e4, -3, 0, 2.5, 1e4] {
      var out = zeros(1)
      ck_log_mean_exp([Float](repeating: value, count: 5), &out, nil, 1, 5)
      #expect(out == [value])
    }
    var (plain, shifted) = (zeros(1), zeros(1))
    ck_log_mean_exp([1, 2, 3.5], &plain, nil, 1, 3)
    ck_log_mean_exp([65, 66, 67.5], &shifted, nil, 1, 3)
    #expect(abs(shifted[0] - plain[0] - 64) < 1e-5)
  }
}

import Foundation
import Tensors

/// The upper bound of the iC-VAE with decoder mean m(z) = W z + b, and the EM updates that lower
/// it.
///
/// Wang et al., UAI 2017; docs/systems.md, 5.4. Over W and b it minimises sum_i h_i with h_i = inf
/// over Lambda_i > 0 of (x_i - b)' Psi_i⁻¹ (x_i - b) + log |Psi_i|, Psi_i = Lambda_i + W W',
/// Lambda_i diagonal. This is a Bayesian robust PCA: L = W mz + b, S = X - L.
///
/// All values are in double precision. D dimensions, k latent dimensions, n rows of a block. A
/// symmetric matrix [k, k] is stored as its lower triangle row by row, p = k (k + 1) / 2 elements.
struct AffineEM {
  let dimensions: Int, latent: Int
  /// W, [D, k].
  var weights: [Double]
  /// b, [D].
  var bias: [Double]

  /// p.
  private var packed: Int { latent * (latent + 1) / 2 }

  /// The distribution of codes for a block's data and variances, given W and b.
  struct Posterior {
    /// mz, [n, k].
    var means: [Double]
    /// mz mz' + Sz, [n, p].
    var seconds: [Double]
    /// x - W mz - b, [n, D].
    var residuals: [Double]
    /// w_j' Sz w_j, [n, D].
    var spreads: [Double]
    /// h_i at these variances, [n].
    var objectives: [Double]

    /// The sum of the objectives.
    var objective: Double { objectives.reduce(0, +) }
  }

  /// The E-step: Sz = (I + W' Lambda⁻¹ W)⁻¹, mz = Sz W' Lambda⁻¹ (x - b), and h by Woodbury's
  /// identity.
  ///
  /// - Parameters:
  ///   - x: data, [n, D].
  ///   - variances: lambda, [n, D].
  func posterior(_ x: [Double], variances: [Double]) -> Posterior {
    let (d, k, p) = (dimensions, latent, packed)
    let n = x.count / d
    let precisions = variances.map { 1 / $0 }
    var weighted = x  // Lambda⁻¹ (x - b)
    var objectives = [Double](repeating: 0, count: n)
    for row in 0..<n {
      for j in 0..<d {
        let (at, deviation) = (row * d + j, x[row * d + j] - bias[j])
        weighted[at] = deviation * precisions[at]
        objectives[row] += deviation * weighted[at] + log(variances[at])
      }
    }
    let products = weightProducts
    var precision = [Double](repeating: 0, count: n * p)  // W' Lambda⁻¹ W
    DoubleAlgebra.multiply(n, p, d, precisions, products, into: &precision)
    var projections = [Double](repeating: 0, count: n * k)
    DoubleAlgebra.multiply(n, k, d, weighted, weights, into: &projections)

    var means = [Double](repeating: 0, count: n * k)
    var seconds = [Double](repeating: 0, count: n * p)
    var doubled = seconds  // Sz with off-diagonal elements doubled
    var square = [Double](repeating: 0, count: k * k)
    for row in 0..<n {
      unpack(precision, row * p, into: &square)
      guard let logDeterminant = DoubleAlgebra.invert(&square, k) else {
        objectives[row] = .nan
        continue
      }
      objectives[row] += logDeterminant
      for a in 0..<k {
        var mean = 0.0
        for b in 0..<k { mean += square[a * k + b] * projections[row * k + b] }
        means[row * k + a] = mean
        objectives[row] -= mean * projections[row * k + a]
      }
      var at = row * p
      for a in 0..<k {
        for b in 0...a {
          doubled[at] = (a == b ? 1 : 2) * square[a * k + b]
          seconds[at] = square[a * k + b] + means[row * k + a] * means[row * k + b]
          at += 1
        }
      }
    }
    var spreads = [Double](repeating: 0, count: n * d)
    DoubleAlgebra.multiply(n, d, p, doubled, products, transposeB: true, into: &spreads)
    var residuals = x
    for row in 0..<n {
      for j in 0..<d { residuals[row * d + j] -= bias[j] }
    }
    DoubleAlgebra.multiply(
      n, d, k, means.map { -$0 }, weights, transposeB: true, into: &residuals, beta: 1)
    return Posterior(
      means: means, seconds: seconds, residuals: residuals, spreads: spreads,
      objectives: objectives)
  }

  /// w_j w_j', [D, p].
  private var weightProducts: [Double] {
    var products = [Double](repeating: 0, count: dimensions * packed)
    var at = 0
    for j in 0..<dimensions {
      for a in 0..<latent {
        for b in 0...a {
          products[at] = weights[j * latent + a] * weights[j * latent + b]
          at += 1
        }
      }
    }
    return products
  }

  /// I plus a packed symmetric matrix, as [k, k].
  private func unpack(_ values: [Double], _ first: Int, into square: inout [Double]) {
    var at = first
    for a in 0..<latent {
      for b in 0...a {
        let value = values[at] + (a == b ? 1 : 0)
        square[a * latent + b] = value
        square[b * latent + a] = value
        at += 1
      }
    }
  }

  // MARK: - M-step

  /// The number of sums of the M-step for a dimension.
  ///
  /// They are the sums of (mz mz' + Sz) / lambda, mz / lambda, 1 / lambda, x mz / lambda and x /
  /// lambda.
  private var sumWidth: Int { packed + 2 * latent + 2 }
  /// The number of sums that `accumulate` fills.
  var sumCount: Int { dimensions * sumWidth }

  /// Adds a block's part to the sums of the M-step, [D, packed + k + 1] followed by [D, k + 1].
  ///
  /// Sums of blocks, lanes and ranks may be added in any order.
  func accumulate(
    _ x: [Double], _ posterior: Posterior, variances: [Double],
    into sums: UnsafeMutablePointer<Double>
  ) {
    let (d, k, p) = (dimensions, latent, packed)
    let n = x.count / d
    let precisions = variances.map { 1 / $0 }
    let weighted = zip(x, precisions).map { $0 * $1 }
    var moments: [Double] = []
    moments.reserveCapacity(n * (p + k + 1))
    var firsts: [Double] = []
    firsts.reserveCapacity(n * (k + 1))
    for row in 0..<n {
      let means = posterior.means[row * k..<(row + 1) * k]
      moments += posterior.seconds[row * p..<(row + 1) * p]
      moments += means
      moments.append(1)
      firsts += means
      firsts.append(1)
    }
    DoubleAlgebra.multiply(
      d, p + k + 1, n, precisions, transposeA: true, moments, into: sums, beta: 1)
    DoubleAlgebra.multiply(
      d, k + 1, n, weighted, transposeA: true, firsts, into: sums + d * (p + k + 1), beta: 1)
  }

  /// The M-step: w_j = [sum (mz mz' + Sz) / lambda]⁻¹ sum (x_j - b_j) mz / lambda, then b_j.
  ///
  /// b_j is the mean of x_j - w_j' mz with weights 1 / lambda.
  ///
  /// - Parameter hasBias: whether b is fitted; otherwise b stays unchanged.
  mutating func maximize(_ sums: [Double], hasBias: Bool) {
    let (d, k, p) = (dimensions, latent, packed)
    precondition(sums.count == sumCount, "\(sums.count) sums of \(sumCount)")
    var square = [Double](repeating: 0, count: k * k)
    for j in 0..<d {
      let (moments, firsts) = (j * (p + k + 1), d * (p + k + 1) + j * (k + 1))
      var at = moments
      for a in 0..<k {
        for b in 0...a {
          square[a * k + b] = sums[at]
          square[b * k + a] = sums[at]
          at += 1
        }
      }
      // The matrix is never singular, because Sz is positive definite.
      guard DoubleAlgebra.invert(&square, k) != nil else { continue }
      let meanSums = sums[moments + p..<moments + p + k]
      for a in 0..<k {
        var w = 0.0
        for (b, meanSum) in meanSums.enumerated() {
          w += square[a * k + b] * (sums[firsts + b] - bias[j] * meanSum)
        }
        weights[j * k + a] = w
      }
      guard hasBias else { continue }
      var explained = 0.0
      for (a, meanSum) in meanSums.enumerated() { explained += weights[j * k + a] * meanSum }
      bias[j] = (sums[firsts + k] - explained) / sums[moments + p + k]
    }
  }
}

/// The least variance of an entry, as a fraction of the data's variance.
///
/// It falls from sweep to sweep: a small value at the start would make every entry an outlier (W mz
/// = 0).
struct VarianceFloor {
  let decay: Double, least: Double, variance: Double

  /// The fraction in a sweep, counted from 0; 0 before the first sweep.
  func value(sweep: Int) -> Double {
    sweep < 0 ? 0 : max(pow(decay, Double(sweep)), least) * variance
  }

  /// The number of sweeps until the fraction is constant, at most `limit`.
  func sweeps(atMost limit: Int) -> Int {
    guard least > 0, decay > 0 else { return limit }
    return min(limit, max(0, Int((log(least) / log(decay)).rounded(.up))) + 1)
  }
}

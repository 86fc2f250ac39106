import Datasets
import Foundation
import Layers
import Tensors
import Testing

@testable import Models
@testable import Training

/// X22 of docs/checks.md.
@Suite("Affine iC-VAE by its EM bound") struct AffineEMTests {
  /// Rows of low rank with outliers: X0 = Z W0' of standard normal numbers, ±6 added to a fraction
  /// of the entries.
  struct Problem {
    let n: Int, d: Int, rank: Int
    var clean: [Double]
    var outliers: [Bool]
    var x: [Double]

    init(_ n: Int, _ d: Int, _ rank: Int, _ fraction: Double) {
      (self.n, self.d, self.rank) = (n, d, rank)
      func draw(_ count: Int, _ row: Int) -> [Double] {
        var values = [Float](repeating: 0, count: count)
        Draws(seed: 22, purpose: .synthesis, time: 0).normal(row: row, into: &values, count: count)
        return values.map(Double.init)
      }
      clean = [Double](repeating: 0, count: n * d)
      DoubleAlgebra.multiply(
        n, d, rank, draw(n * rank, 0), draw(d * rank, 1), transposeB: true, into: &clean)
      var chances = [Float](repeating: 0, count: n * d)
      Draws(seed: 22, purpose: .synthesis, time: 0).uniform(row: 2, into: &chances, count: n * d)
      outliers = chances.map { Double($0) < fraction }
      x = clean
      for i in x.indices where outliers[i] {
        x[i] += Double(chances[i]) < fraction / 2 ? 6 : -6
      }
    }

    var variance: Double {
      let mean = x.reduce(0, +) / Double(x.count)
      return x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    }

    /// W from PCA, scaled by singular value / sqrt(n).
    func principal(_ k: Int) throws -> AffineEM {
      var gram = [Double](repeating: 0, count: d * d)
      DoubleAlgebra.multiply(d, d, n, x, transposeA: true, x, into: &gram)
      let axes = try #require(DoubleAlgebra.eigen(gram, d))
      var weights = [Double](repeating: 0, count: d * k)
      for a in 0..<k {
        for j in 0..<d {
          weights[j * k + a] =
            axes.vectors[a * d + j] * (max(0, axes.values[a]) / Double(n)).squareRoot()
        }
      }
      return AffineEM(
        dimensions: d, latent: k, weights: weights, bias: Array(repeating: 0, count: d))
    }

    func relativeError(_ residuals: [Double]) -> Double {
      let error = x.indices.reduce(0) { $0 + pow(x[$1] - residuals[$1] - clean[$1], 2) }
      return (error / clean.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }
  }

  /// Makes one sweep; returns the objective before the sweep and the residual of x after the
  /// E-step.
  private func sweep(
    _ fit: inout AffineEM, _ variances: inout [Double], _ x: [Double], least: Double
  ) -> (objective: Double, residuals: [Double]) {
    let posterior = fit.posterior(x, variances: variances)
    for i in variances.indices {
      variances[i] = max(pow(posterior.residuals[i], 2) + posterior.spreads[i], least)
    }
    var sums = [Double](repeating: 0, count: fit.sumCount)
    fit.accumulate(x, posterior, variances: variances, into: &sums)
    fit.maximize(sums, hasBias: false)
    return (posterior.objective, posterior.residuals)
  }

  /// h and the posterior by Woodbury's identity equal the results from the inverse of Psi.
  @Test func woodbury() throws {
    let problem = Problem(7, 6, 2, 0.2)
    var fit = try problem.principal(3)
    for j in 0..<6 { fit.bias[j] = 0.1 * Double(j) }
    let variances = (0..<42).map { 0.1 + 0.05 * Double($0 * 5 % 13) }
    let posterior = fit.posterior(problem.x, variances: variances)
    var total = 0.0
    for row in 0..<7 {
      var psi = [Double](repeating: 0, count: 36)
      DoubleAlgebra.multiply(6, 6, 3, fit.weights, fit.weights, transposeB: true, into: &psi)
      for j in 0..<6 { psi[j * 7] += variances[row * 6 + j] }
      total += try #require(DoubleAlgebra.invert(&psi, 6))
      let deviations = (0..<6).map { problem.x[row * 6 + $0] - fit.bias[$0] }
      for i in 0..<6 {
        for j in 0..<6 { total += deviations[i] * psi[i * 6 + j] * deviations[j] }
      }
      // mz = W' Psi⁻¹ (x - b).
      for a in 0..<3 {
        var mean = 0.0
        for i in 0..<6 {
          for j in 0..<6 { mean += fit.weights[i * 3 + a] * psi[i * 6 + j] * deviations[j] }
        }
        #expect(abs(mean - posterior.means[row * 3 + a]) < 1e-10)
      }
    }
    #expect(abs(posterior.objective - total) < 1e-9 * abs(total))
  }

  /// With a constant floor no sweep raises the sum of h, with and without an offset.
  @Test(arguments: [true, false]) func noSweepRaisesTheObjective(hasBias: Bool) throws {
    let problem = Problem(100, 12, 3, 0.1)
    var fit = try problem.principal(4)
    var variances = [Double](repeating: problem.variance, count: 1200)
    var last = Double.infinity
    for _ in 0..<60 {
      let posterior = fit.posterior(problem.x, variances: variances)
      #expect(posterior.objective <= last + 1e-9 * abs(last))
      last = posterior.objective
      for i in variances.indices {
        variances[i] = max(
          pow(posterior.residuals[i], 2) + posterior.spreads[i], 1e-3 * problem.variance)
      }
      var sums = [Double](repeating: 0, count: fit.sumCount)
      fit.accumulate(problem.x, posterior, variances: variances, into: &sums)
      fit.maximize(sums, hasBias: hasBias)
    }
  }

  static let problems = [(200, 20, 3, 0.1), (300, 30, 3, 0.2), (300, 30, 3, 0.3)]

  @Test(arguments: problems, [false, true])
  func recovery(size: (Int, Int, Int, Double), isFull: Bool) throws {
    let problem = Problem(size.0, size.1, size.2, size.3)
    var fit = try problem.principal(isFull ? problem.d : problem.rank)
    let floor = VarianceFloor(decay: 0.9, least: 1e-6, variance: problem.variance)
    var variances = [Double](repeating: problem.variance, count: problem.x.count)
    var residuals: [Double] = []
    for t in 0..<120 {
      residuals = sweep(&fit, &variances, problem.x, least: floor.value(sweep: t)).residuals
    }
    #expect(problem.relativeError(residuals) < 1e-3)
    #expect(residuals.map { abs($0) > 2 } == problem.outliers)
  }

  /// A floor that does not fall still takes a sweep.
  @Test(arguments: [1e-6, 1, 5]) func floorsTakeSweeps(least: Double) {
    let floor = VarianceFloor(decay: 0.9, least: least, variance: 2)
    let sweeps = floor.sweeps(atMost: 1000)
    #expect(sweeps >= 1 && floor.value(sweep: sweeps - 1) == 2 * least)
  }

  /// Small random W and a small floor from the start: every entry is an outlier, W mz = 0.
  @Test func withoutAnnealingItIsTrivial() throws {
    let problem = Problem(200, 20, 3, 0.1)
    var fit = try problem.principal(3)
    for i in fit.weights.indices { fit.weights[i] = 1e-3 * Double(i * 7 % 11 - 5) }
    var variances = [Double](repeating: problem.variance, count: problem.x.count)
    var residuals: [Double] = []
    for _ in 0..<120 {
      residuals = sweep(&fit, &variances, problem.x, least: 1e-8 * problem.variance).residuals
    }
    #expect(problem.relativeError(residuals) > 0.9)
  }

  private func training(_ problem: Problem, _ settings: [String]) throws -> SmallTraining {
    let images = ImageSet(
      floats: problem.x.map { Float($0) },
      shape: ImageShape(height: 1, width: problem.d, channels: 1))
    return try SmallTraining(
      ["model=ic-affine-em", "latent=3", "epochs=120", "affine_bias=false"] + settings,
      images: images)
  }

  /// The same by the trainer, which keeps S and the variances in single precision; and L of new
  /// rows.
  @Test func recoveryByTheTrainer() throws {
    let problem = Problem(200, 20, 3, 0.1)
    let small = try training(problem, [])
    #expect(try small.fit() == .finished)
    let s = small.s.map { Double($0) }
    #expect(problem.relativeError(s) < 1e-3)
    #expect(s.map { abs($0) > 2 } == problem.outliers)
    #expect(small.trainer.progress.step == 120 && small.trainer.progress.imagesSeen == 24_000)
    let losses = try #require(small.session.history.metrics["epoch/loss"]).map(\.value)
    #expect(losses.count == 120 && (losses.last ?? 0) < losses[0])

    let step = Step(seed: 595)
    Array(0..<Int32(50)).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: 20, purpose: .evaluation, time: 0) {
        for i in 0..<1000 { $0[i] = Float(problem.x[i]) }
      }
    }
    let model = try #require(small.trainer.model as? any Autoencoder)
    let l = model.reconstruct(step.target, step, sampling: false).values
    let error = (0..<1000).map { pow(Double(l[$0]) - problem.clean[$0], 2) }.reduce(0, +)
    #expect((error / problem.clean[..<1000].reduce(0) { $0 + $1 * $1 }).squareRoot() < 1e-3)
  }

  /// A bias is found on data that are not centred.
  @Test func bias() throws {
    var problem = Problem(200, 20, 3, 0.1)
    for i in problem.x.indices {
      problem.x[i] += 3
      problem.clean[i] += 3
    }
    let small = try training(problem, ["affine_bias=true"])
    _ = try small.fit()
    #expect(problem.relativeError(small.s.map { Double($0) }) < 1e-3)
  }

  @Test func moreCodesThanPixelsAreRefused() {
    #expect(throws: ConfigurationError.self) {
      try training(Problem(40, 6, 2, 0.1), ["latent=7"])
    }
  }
}

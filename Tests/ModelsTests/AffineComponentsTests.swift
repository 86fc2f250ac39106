import Datasets
import Foundation
import Layers
import Tensors
import Testing

@testable import Models
@testable import Training

/// The affine iC-VAE over principal components of the training rows.
@Suite("Affine iC-VAE over components") struct AffineComponentsTests {
  /// 80 rows of 24 values, mostly of rank 5, with a mean; some rows are noise.
  private static func rows() -> [Double] {
    func draw(_ count: Int, _ row: Int) -> [Double] {
      var values = [Float](repeating: 0, count: count)
      Draws(seed: 31, purpose: .synthesis, time: 0).normal(row: row, into: &values, count: count)
      return values.map(Double.init)
    }
    var x = [Double](repeating: 0, count: 80 * 24)
    DoubleAlgebra.multiply(80, 24, 5, draw(400, 0), draw(120, 1), transposeB: true, into: &x)
    let (noise, mean) = (draw(80 * 24, 2), draw(24, 3))
    for i in x.indices {
      x[i] += 0.1 * noise[i] + mean[i % 24]
      if i / 24 % 9 == 4 { x[i] += 3 * noise[i] }
    }
    return x.map { Double(Float($0)) }
  }

  private func training(
    _ x: [Double], _ d: Int, _ settings: [String]
  ) throws -> SmallTraining {
    let images = ImageSet(
      floats: x.map { Float($0) }, shape: ImageShape(height: 1, width: d, channels: 1))
    return try SmallTraining(
      ["model=ic-affine-em", "latent=3", "epochs=40", "shuffle=false"] + settings, images: images)
  }

  /// PCA of the rows in double precision: the mean, V' as rows [8, 24], and all squared values.
  private func principal(_ x: [Double]) throws -> (mean: [Double], v: [Double], squares: [Double]) {
    let mean = (0..<24).map { j in (0..<80).reduce(0.0) { $0 + x[$1 * 24 + j] } / 80 }
    let deviations = x.indices.map { x[$0] - mean[$0 % 24] }
    var gram = [Double](repeating: 0, count: 576)
    DoubleAlgebra.multiply(24, 24, 80, deviations, transposeA: true, deviations, into: &gram)
    let axes = try #require(DoubleAlgebra.eigen(gram, 24))
    return (mean, Array(axes.vectors.prefix(8 * 24)), axes.values)
  }

  /// L is that of the EM of the components, made here in double precision and brought back.
  @Test func sweepsAreThoseOfTheComponents() throws {
    let x = Self.rows()
    let (mean, v, squares) = try principal(x)
    let deviations = x.indices.map { x[$0] - mean[$0 % 24] }
    var y = [Double](repeating: 0, count: 80 * 8)
    DoubleAlgebra.multiply(80, 8, 24, deviations, v, transposeB: true, into: &y)
    var fit = AffineEM(
      dimensions: 8, latent: 3, weights: Array(repeating: 0, count: 24),
      bias: Array(repeating: 0, count: 8))
    for a in 0..<3 { fit.weights[a * 3 + a] = (squares[a] / 80).squareRoot() }
    let variance = squares[..<8].reduce(0, +) / 640
    let floor = VarianceFloor(decay: 0.9, least: 1e-6, variance: variance)
    var variances = [Double](repeating: variance, count: y.count)
    var residuals: [Double] = []
    for t in 0..<40 {
      let posterior = fit.posterior(y, variances: variances)
      for i in variances.indices {
        variances[i] = max(
          posterior.residuals[i] * posterior.residuals[i] + posterior.spreads[i],
          floor.value(sweep: t))
      }
      var sums = [Double](repeating: 0, count: fit.sumCount)
      fit.accumulate(y, posterior, variances: variances, into: &sums)
      fit.maximize(sums, hasBias: true)
      residuals = posterior.residuals
    }
    let means = zip(y, residuals).map { $0 - $1 }
    var l = [Double](repeating: 0, count: x.count)
    DoubleAlgebra.multiply(80, 24, 8, means, v, into: &l)

    let run = try training(x, 24, ["components=8"])
    #expect(try run.fit() == .finished)
    let s = run.s
    for i in x.indices {
      #expect(abs(x[i] - Double(s[i]) - (l[i] + mean[i % 24])) < 2e-3, "value \(i)")
    }
  }

  /// The share that is kept is that of the squared singular values; what is left out lies in S.
  @Test func whatIsLeftOutIsAPartOfS() throws {
    let x = Self.rows()
    let (mean, v, squares) = try principal(x)
    let run = try training(x, 24, ["components=8", "epochs=2"])
    _ = try run.fit()
    let model = try #require(run.trainer.model as? AffineICVAE)
    let kept = Double(try #require(model.components).kept.value[0])
    #expect(abs(kept - squares[..<8].reduce(0, +) / squares.reduce(0, +)) < 1e-6 && kept < 0.99)
    #expect(abs(try #require(run.session.history.latest("epoch/explained")) - kept) < 1e-7)
    let s = run.s.map { Double($0) }
    for row in 0..<80 {
      var outside = (0..<24).map { s[row * 24 + $0] - x[row * 24 + $0] + mean[$0] }
      for a in 0..<8 {
        let share = (0..<24).reduce(0.0) { $0 + outside[$1] * v[a * 24 + $1] }
        for j in 0..<24 { outside[j] -= share * v[a * 24 + j] }
      }
      #expect(outside.allSatisfy { abs($0) < 1e-5 })
    }
  }

  /// L of rows, found anew by frozen weights, is that of the fit.
  @Test func rowsAreExplainedAnew() throws {
    let x = Self.rows()
    let run = try training(x, 24, ["components=8", "epochs=120"])
    _ = try run.fit()
    let found = run.reconstructions(time: 0, sampling: false)  // of X - S
    for i in x.indices { #expect(abs(Double(found[i] + run.s[i]) - x[i]) < 1e-2, "value \(i)") }
  }

  /// Images of more than 4,096 values get components by themselves, from a random range; fewer rows
  /// than components leave the rest of these 0.
  @Test func largeImagesGetComponents() throws {
    let d = 5000
    var values = [Float](repeating: 0, count: 40 * d)
    Draws(seed: 6, purpose: .synthesis, time: 0).normal(row: 0, into: &values, count: values.count)
    let x = values.indices.map { Double(values[$0]) * ($0 / d % 8 == 0 ? 3 : 1) }
    let shape = ImageShape(height: 1, width: d, channels: 1)
    let c = try SmallTraining.configuration(["model=ic-affine-em"])
    let resolved = try c.validated(rows: 40, of: shape)
    #expect(resolved.read(AffineICVAE.Settings.self).components == 40)
    #expect(
      try c.validated(rows: 4000, of: shape).read(AffineICVAE.Settings.self).components == 256)
    let small = ImageShape(height: 64, width: 64, channels: 1)
    #expect(try c.validated(rows: 40, of: small).read(AffineICVAE.Settings.self).components == nil)
    let run = try training(x, d, ["epochs=3"])
    _ = try run.fit()
    let model = try #require(run.trainer.model as? AffineICVAE)
    #expect(model.components?.count == 256)
    #expect(abs(Double(try #require(model.components).kept.value[0]) - 1) < 1e-5)
    #expect(run.s.allSatisfy { $0.isFinite } && run.s.contains { abs($0) > 0.1 })
  }

  @Test(arguments: [("components=13", "components: found 13"), ("components=2", "latent: found 3")])
  func whatDoesNotFitIsRefused(setting: String, message: String) {
    let error = #expect(throws: ConfigurationError.self) {
      try training(Self.rows(), 24, [setting])
    }
    #expect(error?.description.hasPrefix(message) == true)
  }
}

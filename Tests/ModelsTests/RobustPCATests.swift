import Datasets
import Foundation
import Layers
import Tensors
import Testing

@testable import Models
@testable import Training

/// Robust PCA finds the parts of a matrix that it was made of (docs/checks.md, X13 and X14).
struct RobustPCATests {
  /// A matrix [n, n] of rank `rank` plus values of 5 and -5 on a share of its places.
  private struct Mixed {
    let low: [Double], sparse: [Float]
    var sum: [Float] { zip(low, sparse).map { Float($0) + $1 } }

    init(_ n: Int, rank: Int, share: Float) {
      let draws = Draws(seed: 7, purpose: .synthesis, time: 0)
      func factor(_ repetition: Int) -> [Double] {
        (0..<n).flatMap { row -> [Double] in
          var values = [Float](repeating: 0, count: rank)
          draws.normal(row: row + repetition * n, into: &values, count: rank)
          return values.map { Double($0) / Double(n).squareRoot() }
        }
      }
      let (a, b) = (factor(0), factor(1))
      var low = [Double](repeating: 0, count: n * n)
      DoubleAlgebra.multiply(n, n, rank, a, b, transposeB: true, into: &low)
      self.low = low
      var places = [Float](repeating: 0, count: n * n)
      draws.uniform(row: 2 * n, into: &places, count: n * n)
      sparse = places.map { $0 < share / 2 ? 5 : $0 < share ? -5 : 0 }
    }
  }

  private func fit(_ matrix: [Float], _ shape: ImageShape, _ settings: [String]) throws -> (
    training: SmallTraining, outcome: RunOutcome
  ) {
    let training = try SmallTraining(
      ["model=rpca", "epochs=1000"] + settings, images: ImageSet(floats: matrix, shape: shape))
    return (training, try training.fit())
  }

  private static let square = ImageShape(height: 10, width: 10, channels: 1)

  /// The support is found exactly, L to five digits, in about 20 sweeps.
  @Test(arguments: [(100, 5, Float(0.05)), (100, 5, 0.1), (200, 10, 0.1)])
  func exactRecovery(_ n: Int, _ rank: Int, _ share: Float) throws {
    let mixed = Mixed(n, rank: rank, share: share)
    let shape = ImageShape(height: n / 10, width: 10, channels: 1)
    for settings in [["svd=gram"], ["svd=randomized"]] {
      let (training, outcome) = try fit(mixed.sum, shape, settings)
      #expect(outcome == .converged)
      #expect((15...30).contains(training.trainer.progress.step), "\(settings)")
      let s = training.s
      let l = zip(mixed.sum, s).map { Double($0) - Double($1) }
      let error = zip(l, mixed.low).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let size = mixed.low.reduce(0.0) { $0 + $1 * $1 }
      #expect((error / size).squareRoot() < 1e-5, "\(settings)")
      #expect(zip(s, mixed.sparse).allSatisfy { ($0 == 0) == ($1 == 0) }, "\(settings)")
    }
  }

  /// The other solvers reach the same parts.
  @Test(arguments: ["admm", "authors"]) func otherSolvers(_ solver: String) throws {
    let mixed = Mixed(100, rank: 5, share: 0.05)
    let (training, outcome) = try fit(
      mixed.sum, Self.square, ["rpca_solver=\(solver)", "rpca_tolerance=1e-6"])
    #expect(outcome == .converged)
    let l = zip(mixed.sum, training.s).map { Double($0) - Double($1) }
    let error = zip(l, mixed.low).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    let size = mixed.low.reduce(0.0) { $0 + $1 * $1 }
    #expect((error / size).squareRoot() < 1e-3)
  }

  @Test func trivialMatrices() throws {
    let zero = [Float](repeating: 0, count: 100 * 100)
    for way in ["gram", "randomized"] {
      let (training, outcome) = try fit(zero, Self.square, ["svd=\(way)"])
      #expect(outcome == .converged && training.trainer.progress.step == 1)
      #expect(training.s.allSatisfy { $0 == 0 })
      // Of low rank alone: nothing is sparse.
      let low = Mixed(100, rank: 3, share: 0).sum
      let pure = try fit(low, Self.square, ["svd=\(way)"])
      #expect(pure.outcome == .converged)
      #expect(norm(pure.training.s) < 1e-3 * norm(low), "\(norm(pure.training.s)) \(norm(low))")
    }
  }

  /// L = D(E(X - S)) is X - S where nothing shrinks its codes, and the sum of norms is no larger
  /// than that of the parts which the matrix was made of.
  @Test func objectiveIsMinimal() throws {
    let mixed = Mixed(100, rank: 5, share: 0.1)
    let (training, _) = try fit(mixed.sum, Self.square, [])
    func objective(_ l: [Double], _ s: [Float]) throws -> Double {
      let values = try #require(DoubleAlgebra.singular(l, 100, 100)).values
      return values.reduce(0, +) + 0.1 * s.reduce(0.0) { $0 + abs(Double($1)) }
    }
    let l = zip(mixed.sum, training.s).map { Double($0) - Double($1) }
    let (found, made) = (
      try objective(l, training.s), try objective(mixed.low, mixed.sparse)
    )
    #expect(found <= made + 1e-3, "\(found) \(made)")
    // D(E(X - S)) is V diag(s / (s + t / lambda)) V'(X - S), t = 0.05 of the largest value, in [0,
    // 1].
    let parts = try #require(DoubleAlgebra.singular(l, 100, 100))
    let largest = mixed.sum.reduce(0.0) { max($0, abs(Double($1))) }
    let rank = parts.values.prefix { $0 > 1e-4 }.count
    #expect(rank == 5)
    var expected = [Double](repeating: 0, count: 100 * 100)
    for a in 0..<rank {
      let size = parts.values[a] * parts.values[a] / (parts.values[a] + 0.05 * largest / 0.1)
      for i in 0..<100 {
        for j in 0..<100 {
          expected[i * 100 + j] += parts.left[i * 100 + a] * size * parts.right[a * 100 + j]
        }
      }
    }
    let output = training.reconstructions(time: 0, sampling: false)
    for (found, value) in zip(output, expected) {
      #expect(abs(Double(found) - min(max(value, 0), 1)) < 1e-4)
    }
  }

  /// With noise on all values singular values have no gap; two rounds of the random range find S to
  /// two parts in a thousand.
  @Test func flatTails() throws {
    let mixed = Mixed(100, rank: 5, share: 0.05)
    var noise = [Float](repeating: 0, count: 100 * 100)
    Draws(seed: 9, purpose: .synthesis, time: 0).normal(row: 0, into: &noise, count: noise.count)
    let x = zip(mixed.sum, noise).map { $0 + 0.05 * $1 }
    let exact = try fit(x, Self.square, ["svd=gram"])
    let random = try fit(x, Self.square, ["svd=randomized"])
    #expect(exact.outcome == .converged && random.outcome == .converged)
    let difference = zip(exact.training.s, random.training.s).map { $0 - $1 }
    #expect(norm(difference) < 2e-3 * norm(exact.training.s), "\(norm(difference))")
  }

  /// L has at most `rank` directions, and what they do not explain is in S.
  @Test(arguments: ["gram", "randomized"]) func limitedRank(_ way: String) throws {
    for rank in [1, 3] {
      let mixed = Mixed(100, rank: 5, share: 0.05)
      let (training, _) = try fit(
        mixed.sum, Self.square, ["svd=\(way)", "rank=\(rank)", "epochs=40"])
      let l = zip(mixed.sum, training.s).map { Double($0) - Double($1) }
      let values = try #require(DoubleAlgebra.singular(l, 100, 100)).values
      #expect(values[rank - 1] > 0.1 && values[rank] < 0.01 * values[0], "\(values.prefix(6))")
      let model = try #require(training.trainer.model as? RobustPCA)
      #expect(model.latent == rank && model.weights.rank.value[0] == Float(rank))
    }
  }

  @Test func errors() throws {
    var settings = PursuitSettings()
    settings.spectrum.way = .gram
    let error = #expect(throws: ConfigurationError.self) {
      try RobustPCA(settings, image: ImageShape(height: 64, width: 64, channels: 3))
    }
    #expect(
      error?.description
        == "svd: found gram with images of 12288 values, expected randomized above 4096")
    var values = Mixed(100, rank: 3, share: 0).sum
    values[5] = .nan
    for way in ["gram", "randomized"] {
      #expect(throws: RunError.self) { try fit(values, Self.square, ["svd=\(way)"]) }
    }
  }
}

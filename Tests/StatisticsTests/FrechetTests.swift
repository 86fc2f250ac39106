import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Frechet distance of features") struct FrechetTests {
  private func gaussian(_ features: Tensor) throws -> FeatureGaussian {
    var moments = FeatureMoments(dimensions: features.shape.columns)
    try moments.add(features)
    return try moments.gaussian()
  }

  private func distance(_ a: FeatureGaussian, _ b: FeatureGaussian) throws -> Double {
    try FrechetDistance(to: b).distance(of: a)
  }

  /// Against SciPy's root of a matrix, and against the nuclear norm where D > N.
  @Test(arguments: ["full", "wide"]) func isSciPys(name: String) throws {
    let golden = try Golden("measures.h5")
    let x = try gaussian(golden.tensor("frechet/\(name)/x"))
    let y = try gaussian(golden.tensor("frechet/\(name)/y"))
    let expected = try golden.values("frechet/\(name)/distance")
    expectClose([try distance(x, y)], expected, name == "full" ? 1e-12 : 1e-7)
    expectClose([try distance(y, x)], expected, name == "full" ? 1e-12 : 1e-7)
  }

  @Test("X38: equal sets are at distance 0", arguments: [(400, 20), (10, 40)])
  func equalSets(rows: Int, dimensions: Int) throws {
    let features = normals(rows, dimensions, seed: 1, scale: 3, offset: 1)
    let (x, y) = (try gaussian(features), try gaussian(permuted(features, step: 7)))
    let bound = rows > dimensions ? 1e-6 : 1e-3
    #expect(try distance(x, x) < bound && distance(x, y) < bound)
  }

  @Test("X38: symmetric; with equal covariances, the square of the shift of the mean")
  func symmetryAndShift() throws {
    let x = try gaussian(normals(300, 12, seed: 2, scale: 2))
    let y = try gaussian(uniforms(200, 12, seed: 3))
    expectClose([try distance(x, y)], [try distance(y, x)], 1e-12)
    #expect(try distance(x, y) > 1)
    let shift = (0..<12).map { Double($0) / 4 }
    let moved = FeatureGaussian(
      mean: zip(x.mean, shift).map { $0 + $1 }, covariance: x.covariance)
    expectClose([try distance(x, moved)], [shift.reduce(0) { $0 + $1 * $1 }], 1e-12)
  }

  @Test("X39: known Gaussians, of commuting covariances and of others") func knownGaussians() throws
  {
    let a = FeatureGaussian(mean: [0, 0, 0], covariance: [1, 0, 0, 0, 4, 0, 0, 0, 9])
    let b = FeatureGaussian(mean: [1, 2, 2], covariance: [4, 0, 0, 0, 1, 0, 0, 0, 9])
    #expect(abs(try distance(a, b) - 11) < 1e-12)
    let c = FeatureGaussian(mean: [0, 0], covariance: [2, 1, 1, 2])
    let d = FeatureGaussian(mean: [0, 0], covariance: [3, 0, 0, 1])
    #expect(abs(try distance(c, d) - (8 - 2 * 14.0.squareRoot())) < 1e-12)
    #expect(abs(try distance(d, c) - 0.5166852) < 1e-7)
  }

  @Test func constantFeaturesLeaveTheShift() throws {
    let x = try gaussian(matrix(3, 2, [1, 2, 1, 2, 1, 2]))
    let y = try gaussian(matrix(2, 2, [4, 6, 4, 6]))
    #expect(try distance(x, y) == 25)
    let z = try gaussian(normals(50, 2, seed: 4))
    expectClose([try distance(x, z)], [try distance(z, x)], 1e-12)
  }

  @Test func refusesWhatItIsNotDefinedFor() throws {
    let x = FeatureGaussian(mean: [0, 0], covariance: [1, 0, 0, 1])
    let nan = FeatureGaussian(mean: [0, 0], covariance: [1, 0, .nan, 1])
    let infinite = FeatureGaussian(mean: [0, .infinity], covariance: [1, 0, 0, 1])
    #expect(throws: StatisticsError.notFinite(quantity: "covariance of the reference", row: 1)) {
      try distance(x, nan)
    }
    #expect(throws: StatisticsError.notFinite(quantity: "mean of the features", row: 1)) {
      try distance(infinite, x)
    }
    #expect(throws: StatisticsError.dimensions(quantity: "features", found: 1, expected: 2)) {
      try distance(FeatureGaussian(mean: [0], covariance: [1]), x)
    }
    let huge = FeatureGaussian(mean: [0, 0], covariance: [1e200, 0, 0, 1e200])
    #expect(throws: StatisticsError.notConverged(quantity: "features")) { try distance(huge, huge) }
  }

  @Test func extrapolationIsTheLineOfSciPy() throws {
    let golden = try Golden("measures.h5")
    let features = try golden.tensor("extrapolation/features")
    let reference = try FrechetDistance(to: gaussian(golden.tensor("extrapolation/reference")))
    let found = try FrechetExtrapolation(of: features, to: reference, seed: 11)
    #expect(found.sizes == (try golden.integers("extrapolation/sizes")))
    expectClose(found.distances, try golden.values("extrapolation/distances"), 1e-11)
    let line = try golden.values("extrapolation/line")
    for (found, expected) in zip([found.value, found.standardError, found.slope], line) {
      expectClose([found], [expected], 1e-9)
    }
    #expect(found.value < (found.distances.last ?? 0))
  }

  @Test func extrapolationNeedsThreeSizes() throws {
    #expect(throws: StatisticsError.rows(quantity: "sizes of subsets", found: 2, needed: 3)) {
      try FrechetExtrapolation(sizes: [10, 20, 10], distances: [3, 2, 3])
    }
    // An exact line has no error.
    let line = try FrechetExtrapolation(sizes: [10, 20, 40], distances: [11, 6, 3.5])
    #expect(abs(line.value - 1) < 1e-12 && abs(line.slope - 100) < 1e-10)
    #expect(line.standardError < 1e-12)
    #expect(FrechetExtrapolation.sizes(rows: 50_000).first == 5000)
    #expect(FrechetExtrapolation.sizes(rows: 50_000).last == 50_000)
    #expect(FrechetExtrapolation.sizes(rows: 2) == [2])
    let reference = try FrechetDistance(to: gaussian(normals(30, 2, seed: 6)))
    #expect(throws: StatisticsError.rows(quantity: "features", found: 5, needed: 6)) {
      try FrechetExtrapolation.distance(
        size: 6, of: normals(5, 2, seed: 7), to: reference, seed: 1)
    }
  }
}

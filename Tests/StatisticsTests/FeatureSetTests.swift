import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Kernel distance, precision and recall of features") struct FeatureSetTests {
  @Test func discrepanciesAreNumPys() throws {
    let golden = try Golden("measures.h5")
    let (made, real) = (try golden.tensor("kernel/made"), try golden.tensor("kernel/real"))
    let found = try KernelDistance.discrepancies(0..<6, size: 12, of: made, to: real, seed: 5)
    expectClose(found, try golden.values("kernel/discrepancies"), 1e-11)
    // Ranks may share the subsets.
    let rest = try KernelDistance.discrepancies(4..<6, size: 12, of: made, to: real, seed: 5)
    #expect(rest == Array(found[4...]))
  }

  /// Subsets of two halves of one set: unbiased, so the mean is 0 within its error.
  @Test func ofOneDistributionIsZeroOnAverage() throws {
    let made = normals(1500, 8, seed: 1)
    let found = SampleMoments(
      try KernelDistance.discrepancies(
        0..<20, size: 60, of: made, to: normals(1500, 8, seed: 2), seed: 1))
    let (mean, error) = (try #require(found.mean), try #require(found.standardError))
    #expect(abs(mean) < 4 * error)
    let other = SampleMoments(
      try KernelDistance.discrepancies(
        0..<20, size: 60, of: made, to: normals(1500, 8, seed: 2, offset: 1), seed: 1))
    #expect((other.mean ?? 0) > 100 * error)
  }

  @Test func subsetsAreNoLargerThanTheSets() throws {
    #expect(KernelDistance.subsetSize(50_000, 10_000) == 1000)
    #expect(KernelDistance.subsetSize(50, 10_000) == 50)
    let features = normals(5, 2, seed: 3)
    #expect(throws: StatisticsError.rows(quantity: "reference", found: 5, needed: 6)) {
      try KernelDistance.discrepancies(
        0..<1, size: 6, of: normals(6, 2, seed: 4), to: features, seed: 1)
    }
    #expect(throws: StatisticsError.rows(quantity: "subset", found: 1, needed: 2)) {
      try KernelDistance.discrepancies(0..<1, size: 1, of: features, to: features, seed: 1)
    }
    #expect(throws: StatisticsError.dimensions(quantity: "features", found: 3, expected: 2)) {
      try KernelDistance.discrepancies(
        0..<1, size: 2, of: normals(5, 3, seed: 5), to: features, seed: 1)
    }
    let nan = matrix(2, 2, [0, 0, .nan, 0])
    #expect(throws: StatisticsError.notFinite(quantity: "features", row: 1)) {
      try KernelDistance.discrepancies(0..<1, size: 2, of: nan, to: features, seed: 1)
    }
  }

  @Test func precisionAndRecallAreNumPys() throws {
    let golden = try Golden("measures.h5")
    let (made, real) = (try golden.tensor("manifolds/made"), try golden.tensor("manifolds/real"))
    let manifold = try FeatureManifold(of: real)
    let squares = try manifold.squaredRadii(of: 0..<60)
    expectClose(squares.map { $0.squareRoot() }, try golden.values("manifolds/radii"), 1e-13)
    // Ranks may share rows and queries.
    let parted = try manifold.squaredRadii(of: 0..<13) + manifold.squaredRadii(of: 13..<60)
    #expect(parted == squares)
    let inside = try golden.integers("manifolds/inside").map { $0 == 1 }
    #expect(try manifold.contains(made, squaredRadii: squares) == inside)
    #expect(
      try blocks(made, of: 7).flatMap { try manifold.contains($0, squaredRadii: squares) } == inside
    )
    let shares = try PrecisionRecall(of: made, to: real)
    #expect([shares.precision, shares.recall] == (try golden.values("manifolds/shares")))
    let mixed = try PrecisionRecall(of: permuted(made, step: 7), to: permuted(real, step: 7))
    #expect(mixed == shares)
  }

  @Test func precisionAndRecallOfExtremes() throws {
    let real = normals(40, 3, seed: 6)
    let same = try PrecisionRecall(of: real, to: permuted(real, step: 3))
    #expect(same.precision == 1 && same.recall == 1)
    let far = try PrecisionRecall(of: normals(40, 3, seed: 7, offset: 100), to: real)
    #expect(far.precision == 0 && far.recall == 0)
    // Copies of one real row: each is within the manifold, theirs has radius 0.
    let copies = matrix(4, 3, (0..<4).flatMap { _ in real.rows(5..<6).values })
    let one = try PrecisionRecall(of: copies, to: real)
    #expect(one.precision == 1 && one.recall == 1 / 40)
    #expect(throws: StatisticsError.rows(quantity: "reference", found: 3, needed: 4)) {
      try PrecisionRecall(of: real, to: real.rows(0..<3))
    }
  }
}

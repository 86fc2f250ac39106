import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Sums of numbers and of features") struct MomentsTests {
  private func moments(_ blocks: [Tensor], centre: [Double]) throws -> FeatureMoments {
    var moments = FeatureMoments(centre: centre)
    for block in blocks { try moments.add(block) }
    return moments
  }

  @Test func meanAndCovarianceAreNumPys() throws {
    let golden = try Golden("measures.h5")
    var moments = FeatureMoments(dimensions: 7)
    try moments.add(golden.tensor("moments/features"))
    let gaussian = try moments.gaussian()
    #expect(moments.count == 60 && moments.sums.count == 1 + 7 + 49)
    expectClose(gaussian.mean, try golden.values("moments/mean"), 1e-13)
    expectClose(gaussian.covariance, try golden.values("moments/covariance"), 1e-13)
  }

  @Test(arguments: [1, 7, 64, 4000]) func blocksAndOrderChangeRoundingOnly(size: Int) throws {
    // 5,000 rows take several parts of at most 2048.
    let features = normals(5000, 6, seed: 1, scale: 2, offset: 3)
    let zeros = [Double](repeating: 0, count: 6)
    let whole = try moments([features], centre: zeros).gaussian()
    let parted = try moments(blocks(features, of: size), centre: zeros).gaussian()
    let mixed = try moments(blocks(permuted(features, step: 1237), of: size), centre: zeros)
    for other in [parted, try mixed.gaussian()] {
      expectClose(other.mean, whole.mean, 1e-13)
      expectClose(other.covariance, whole.covariance, 1e-12)
    }
  }

  @Test func sumsOfRanksAddUp() throws {
    let features = normals(50, 4, seed: 2)
    let zeros = [Double](repeating: 0, count: 4)
    let whole = try moments([features], centre: zeros)
    var (first, second) = (
      try moments([features.rows(0..<17)], centre: zeros),
      try moments([features.rows(17..<50)], centre: zeros)
    )
    first.sums = zip(first.sums, second.sums).map { $0 + $1 }
    second.sums = first.sums
    expectClose(try second.gaussian().covariance, try whole.gaussian().covariance, 1e-13)
  }

  @Test func aCentreKeepsDigitsOfFeaturesFarFromZero() throws {
    let (near, far) = (normals(400, 3, seed: 3), Tensor(Shape(400, 3)))
    // Multiples of 2^-6 stay exact next to 2^17.
    for i in 0..<near.count {
      near.pointer[i] = (near.pointer[i] * 64).rounded() / 64
      far.pointer[i] = near.pointer[i] + 131_072
    }
    let zeros = [Double](repeating: 0, count: 3)
    let expected = try moments([near], centre: zeros).gaussian().covariance
    let first = (0..<3).map { Double(far.pointer[$0]) }
    expectClose(try moments([far], centre: first).gaussian().covariance, expected, 1e-12)
    // A ratio of 10^5: ten digits are gone.
    expectClose(try moments([far], centre: zeros).gaussian().covariance, expected, 1e-4)
  }

  @Test func degenerateFeatures() throws {
    var moments = FeatureMoments(dimensions: 2)
    #expect(throws: StatisticsError.rows(quantity: "features", found: 0, needed: 2)) {
      try moments.gaussian()
    }
    try moments.add(matrix(1, 2, [5, 6]))
    #expect(throws: StatisticsError.rows(quantity: "features", found: 1, needed: 2)) {
      try moments.gaussian()
    }
    try moments.add(matrix(2, 2, [5, 6, 5, 6]))
    #expect(try moments.gaussian().covariance == [0, 0, 0, 0])
    #expect(try moments.gaussian().mean == [5, 6])
    let before = moments.sums
    #expect(throws: StatisticsError.notFinite(quantity: "features", row: 1)) {
      try moments.add(matrix(3, 2, [0, 0, 1, .nan, .infinity, 0]))
    }
    #expect(throws: StatisticsError.dimensions(quantity: "features", found: 3, expected: 2)) {
      try moments.add(matrix(1, 3, [0, 0, 0]))
    }
    #expect(moments.sums == before)
  }

  @Test func meanDeviationAndStandardErrorAreSciPys() throws {
    let golden = try Golden("measures.h5")
    let values = try golden.values("sample/values")
    let expected = try golden.values("sample/moments")
    var parts = [SampleMoments(origin: 190), SampleMoments(origin: 190)]
    parts[0].add(Array(values.prefix(10)))
    parts[1].add(Array(values.dropFirst(10)))
    parts[0].sums = zip(parts[0].sums, parts[1].sums).map { $0 + $1 }
    for moments in [SampleMoments(values), parts[0]] {
      let found = [
        try #require(moments.mean), try #require(moments.deviation),
        try #require(moments.standardError),
      ]
      for (found, expected) in zip(found, expected) { expectClose([found], [expected], 1e-12) }
      #expect(moments.count == 37)
      #expect(moments.standardError(of: 4) == moments.deviation.map { $0 / 2 })
    }
  }

  @Test func fewNumbers() {
    #expect(SampleMoments([]).mean == nil && SampleMoments([]).deviation == nil)
    #expect(SampleMoments([3]).mean == 3 && SampleMoments([3]).standardError == nil)
    #expect(SampleMoments([3, 3, 3]).deviation == 0)
    #expect(SampleMoments([1, .nan]).deviation?.isNaN == true)
  }

  @Test func subsetsHaveEachRowOnceAndDependOnTheirNumber() {
    let subset = RandomSubset.draw(50, of: 60, seed: 4, index: 0)
    #expect(Set(subset).count == 50 && subset.allSatisfy { (0..<60).contains($0) })
    #expect(subset == RandomSubset.draw(50, of: 60, seed: 4, index: 0))
    #expect(subset != RandomSubset.draw(50, of: 60, seed: 4, index: 1))
    #expect(subset != RandomSubset.draw(50, of: 60, seed: 5, index: 0))
    #expect(RandomSubset.draw(9, of: 9, seed: 1, index: 2).sorted() == Array(0..<9))
    // Each of 10 rows is first in a tenth of the subsets, within five standard errors of 24.
    var first = [Int](repeating: 0, count: 10)
    for index in 0..<6000 { first[RandomSubset.draw(1, of: 10, seed: 7, index: index)[0]] += 1 }
    #expect(first.allSatisfy { abs($0 - 600) < 120 }, "\(first)")
  }

  /// Of a mean, the jackknife is the standard error of the mean of the groups' means.
  @Test func jackknifeOfAMean() throws {
    let x = normals(500, 1, seed: 3).values.map(Double.init)
    func mean(_ rows: [Int]) -> Double { rows.reduce(0) { $0 + x[$1] } / Double(rows.count) }
    let g = Jackknife.groups
    let found = try #require(
      Jackknife.standardError { left in mean(x.indices.filter { $0 % g != left }) })
    let groups = (0..<g).map { group in mean(x.indices.filter { $0 % g == group }) }
    let error = try #require(SampleMoments(groups).standardError)
    #expect(abs(found / error - 1) < 1e-9)
    // It is near that of 500 numbers: 9 degrees of freedom are uncertain by a quarter.
    #expect(abs(found * 500.0.squareRoot() - 1) < 0.75)
    #expect(Jackknife.standardError { $0 == 3 ? .nan : 1 } == nil)
  }
}

import Tensors
import TestSupport
import Testing

@testable import Statistics

@Suite("Measures of images and codes") struct ImageTests {
  @Test(arguments: ["grey", "colour", "small"]) func similarityIsThatOfScikitImage(
    name: String
  ) throws {
    let golden = try Golden("measures.h5")
    let images = try golden.tensor("similarity/\(name)/images")
    let clean = try golden.tensor("similarity/\(name)/clean")
    let measure = StructuralSimilarity(
      height: clean.shape[1], width: clean.shape[2], channels: clean.shape[3])
    let found = try measure.indices(of: images, to: clean)
    let expected = try golden.values("similarity/\(name)/indices")
    for (found, expected) in zip(found, expected) { #expect(abs(found - expected) < 1e-9) }
    #expect(found.count == expected.count && found.allSatisfy { $0 < 0.99 })
    let parted = try (0..<clean.shape.rows).flatMap {
      try measure.indices(of: images.rows($0..<$0 + 1), to: clean.rows($0..<$0 + 1))
    }
    #expect(parted == found)
    // It is symmetric, and 1 for equal images.
    expectClose(try measure.indices(of: clean, to: images), found, 1e-12)
    #expect(try measure.indices(of: clean, to: clean).allSatisfy { abs($0 - 1) < 1e-12 })
  }

  @Test func similarityOfExtremes() throws {
    // One pixel: a window of 1, whose variances are 0, so that only the means count.
    let one = StructuralSimilarity(height: 1, width: 1, channels: 1)
    let found = try one.indices(of: matrix(1, 1, [0.5]), to: matrix(1, 1, [1]))[0]
    #expect(abs(found - (2 * 0.5 + 1e-4) / (0.25 + 1 + 1e-4)) < 1e-12)
    // An even side of 2 leaves a window of 1, in four places.
    let two = StructuralSimilarity(height: 2, width: 2, channels: 1)
    let black = matrix(1, 4, [0, 0, 0, 0])
    #expect(abs(try two.indices(of: black, to: black)[0] - 1) < 1e-12)
    #expect(throws: StatisticsError.dimensions(quantity: "images", found: 3, expected: 4)) {
      try two.indices(of: matrix(1, 3, [0, 0, 0]), to: black)
    }
    #expect(throws: StatisticsError.notFinite(quantity: "clean images", row: 0)) {
      try two.indices(of: black, to: matrix(1, 4, [0, .nan, 0, 0]))
    }
    #expect(throws: StatisticsError.rows(quantity: "images", found: 1, needed: 2)) {
      try two.indices(of: black, to: matrix(2, 4, [Float](repeating: 0, count: 8)))
    }
  }

  @Test func numbersOfCodesAreNumPys() throws {
    let golden = try Golden("measures.h5")
    let codes = try golden.tensor("codes/codes")
    var moments = FeatureMoments(dimensions: 5)
    for block in blocks(codes, of: 13) { try moments.add(block) }
    let found = try CodeStatistics(moments)
    expectClose(
      [
        found.largestMean, found.smallestVariance, found.largestVariance, found.covarianceError,
        found.largestCovariance,
      ], try golden.values("codes/numbers"), 1e-13)
  }

  @Test func extremesOfCodes() throws {
    var constant = FeatureMoments(dimensions: 2)
    try constant.add(matrix(3, 2, [2, -3, 2, -3, 2, -3]))
    let found = try CodeStatistics(constant)
    #expect(found.largestMean == 3 && found.largestVariance == 0 && found.covarianceError == 1)
    var one = FeatureMoments(dimensions: 1)
    try one.add(matrix(2, 1, [-1, 1]))
    #expect(try CodeStatistics(one).largestCovariance == 0)
    #expect(try CodeStatistics(one).covarianceError == 1)
    #expect(throws: StatisticsError.rows(quantity: "features", found: 0, needed: 2)) {
      try CodeStatistics(FeatureMoments(dimensions: 3))
    }
  }

  @Test func cosinesAreSciPys() throws {
    let golden = try Golden("measures.h5")
    let found = try ShiftRobustness.cosines(
      of: golden.tensor("codes/codes"), to: golden.tensor("codes/others"))
    expectClose(found, try golden.values("codes/cosines"), 1e-13)
    let zeros = try ShiftRobustness.cosines(
      of: matrix(3, 1, [0, 0, 2]), to: matrix(3, 1, [0, 1, -5]))
    #expect(zeros == [1, 0, -1])
  }

  @Test func shiftsFillWithZeros() {
    // Two images of 2 x 3 pixels, of two channels.
    let images = Tensor(Shape(2, 2, 3, 2), (1...24).map { Float($0) })
    for (down, right) in [(0, 0), (1, 0), (-1, 2), (0, -1), (1, 1), (2, 0), (0, 3), (-5, 9)] {
      let moved = ShiftRobustness.shifted(images, down: down, right: right)
      for image in 0..<2 {
        for (y, x, c) in (0..<12).map({ ($0 / 6, $0 / 2 % 3, $0 % 2) }) {
          let (fromY, fromX) = (y - down, x - right)
          let isInside = (0..<2).contains(fromY) && (0..<3).contains(fromX)
          let expected =
            isInside ? images.values[((image * 2 + fromY) * 3 + fromX) * 2 + c] : 0
          #expect(moved.values[((image * 2 + y) * 3 + x) * 2 + c] == expected)
        }
      }
    }
  }
}

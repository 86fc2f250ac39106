import TestSupport
import Testing

@testable import Statistics

@Suite("Figures of outlier detection") struct OutlierFiguresTests {
  private func numbers(_ detection: OutlierFigures.Detection) -> [Double?] {
    [detection.precision, detection.recall, detection.f1]
  }

  @Test func figuresAreThoseOfScikitLearn() throws {
    let golden = try Golden("measures.h5")
    let scores = try golden.floats("outliers/scores")
    let truth = try golden.integers("outliers/truth").map { $0 == 1 }
    let threshold = try #require(try golden.number("threshold", of: "outliers"))
    let found = try OutlierFigures(
      scores: scores, isOutlier: truth, threshold: Float(threshold))
    for (detection, name) in [(found.inliers, "inliers"), (found.outliers, "outliers")] {
      expectClose(
        numbers(detection).compactMap { $0 }, try golden.values("outliers/\(name)"), 1e-14)
    }
    expectClose([try #require(found.auc)], try golden.values("outliers/auc"), 1e-14)
    expectClose(
      [try #require(found.averagePrecision)], try golden.values("outliers/average_precision"),
      1e-14)
    // The order of rows does not matter, ties included.
    let mixed = (0..<60).map { $0 * 7 % 60 }
    let again = try OutlierFigures(
      scores: mixed.map { scores[$0] }, isOutlier: mixed.map { truth[$0] },
      threshold: Float(threshold))
    #expect(again == found)
  }

  @Test("X41: perfect labels have an F1 of 1") func perfect() throws {
    let found = try OutlierFigures(
      scores: [0.1, 0.2, 0.15, 2, 2.1], isOutlier: [false, false, false, true, true], threshold: 2)
    #expect(numbers(found.inliers) == [1, 1, 1] && numbers(found.outliers) == [1, 1, 1])
    #expect(found.auc == 1 && found.averagePrecision == 1)
  }

  @Test func worstAndTied() throws {
    let truth = [false, false, true, true]
    let worst = try OutlierFigures(scores: [3, 4, 1, 2], isOutlier: truth, threshold: 3)
    #expect(numbers(worst.inliers) == [0, 0, 0] && worst.auc == 0)
    #expect(worst.averagePrecision.map { abs($0 - (1.0 / 3 + 2.0 / 4) / 2) < 1e-15 } == true)
    let tied = try OutlierFigures(scores: [1, 1, 1, 1], isOutlier: truth, threshold: nil)
    #expect(tied.auc == 0.5 && tied.averagePrecision == 0.5)
    #expect(tied.outliers.precision == nil && tied.outliers.recall == 0 && tied.outliers.f1 == 0)
    #expect(tied.inliers.precision == 0.5 && tied.inliers.recall == 1)
  }

  @Test func oneKindOnlyAndBadScores() throws {
    let none = try OutlierFigures(scores: [1, 2], isOutlier: [false, false], threshold: nil)
    #expect(none.auc == nil && none.averagePrecision == nil && none.outliers.f1 == nil)
    #expect(none.inliers.f1 == 1)
    let all = try OutlierFigures(scores: [1, 2], isOutlier: [true, true], threshold: 2)
    #expect(all.auc == nil && all.averagePrecision == 1 && all.outliers.recall == 0.5)
    #expect(throws: StatisticsError.labels(found: 1, rows: 2)) {
      try OutlierFigures(scores: [1, 2], isOutlier: [true], threshold: nil)
    }
    #expect(throws: StatisticsError.notFinite(quantity: "scores", row: 1)) {
      try OutlierFigures(scores: [1, .nan], isOutlier: [true, false], threshold: nil)
    }
  }
}

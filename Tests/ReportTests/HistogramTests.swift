import Foundation
import Testing

@testable import Report

@Suite("Bins and numbers that are left out") struct HistogramTests {
  private static func values(_ count: Int, seed: Int) -> [Double] {
    var draws = Numbers(seed: seed)
    return (0..<count).map { _ in draws.bell() }
  }

  @Test(arguments: [1, 7, 100]) func binsAgreeWithADirectCount(bins: Int) {
    let series = [HistogramTests.values(5000, seed: 1), HistogramTests.values(300, seed: 2)]
    let found = Bins(series.map { Plot.Series("a", $0) }, bins, Plot.Axis("x"))
    let low = series.joined().min() ?? 0, high = series.joined().max() ?? 0
    for (values, counts) in zip(series, found.counts) {
      #expect(counts.reduce(0, +) == values.count)
      for bin in 0..<bins {
        let (from, to) = (
          low + (high - low) * Double(bin) / Double(bins),
          low + (high - low) * Double(bin + 1) / Double(bins)
        )
        let direct = values.count { $0 >= from && ($0 < to || bin == bins - 1) }
        #expect(counts[bin] == direct, "bin \(bin)")
      }
    }
    #expect(found.omitted.text == "")
  }

  @Test func logarithmicBinsAreEqualThere() {
    let found = Bins(
      [Plot.Series("a", [1.0, 5, 11, 99, 100, 1000, -1, 0])], 3, Plot.Axis("x", .logarithmic))
    #expect(found.counts == [[2, 2, 2]])
    #expect(found.omitted.text == "left out: 2 not positive on a logarithmic axis")
  }

  @Test func numbersOutsideOrNotFiniteAreCounted() {
    let found = Bins(
      [Plot.Series("a", [-1, 0.1, 0.6, 1, 2, Double.nan, .infinity, -.infinity])], 2,
      Plot.Axis("x", range: 0...1))
    #expect(found.counts == [[1, 2]])
    #expect(found.totals == [5])
    #expect(found.omitted.text == "left out: 3 not finite, 2 outside the axis")
  }

  @Test func oneValueLiesInTheMiddle() {
    let found = Bins([Plot.Series("a", [0.25, 0.25])], 5, Plot.Axis("x"))
    #expect(found.counts == [[0, 0, 2, 0, 0]])
    #expect(Bins([Plot.Series("a", [Float]())], 5, Plot.Axis("x")).counts == [[0, 0, 0, 0, 0]])
  }

  @Test("Shares are told, of all finite values of a series")
  func shares() {
    let plot = Plot(
      title: "t", x: Plot.Axis("x", range: 0...2), y: Plot.Axis("y"),
      marks: .histogram([Plot.Series("a", [0.5, 1.5, 1.6, 7])], bins: 2, heights: .shares))
    #expect(plot.svg().contains("<title>0 to 1 · a: 0.25</title>"))
    #expect(plot.svg().contains("<title>1 to 2 · a: 0.5</title>"))
  }

  @Test func cellsShowEnoughDigits() {
    #expect(Drawing.cellTexts([0.0386, 0.0217], [0.0386, 0.0217]) == ["0.0386", "0.0217"])
    #expect(Drawing.cellTexts([0.2011, 0.0217], [0.2011, 0.0217]) == ["0.2011", "0.0217"])
    #expect(Drawing.cellTexts([12, -3000], [12, -3000]) == ["12", "−3,000"])
    #expect(Drawing.cellTexts([1.5e-7, .nan], [1.5e-7]) == ["1.5e-07", "–"])
    #expect(Drawing.cellTexts([.nan], []) == ["–"])
  }
}

import Foundation
import Support

@testable import Report

/// Repeatable numbers.
struct Numbers {
  private var bits: SplitMix64

  init(seed: Int) { bits = SplitMix64(seed: seed) }

  /// A number from `low` to `high`.
  mutating func next(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * Double(bits.next() >> 11) / Double(1 << 53)
  }

  /// Values around 0, with a deviation of about 1.15.
  mutating func bell() -> Double { (0..<4).reduce(0) { sum, _ in sum + next(-1, 1) } }
}

/// Drawings of all kinds, at the sizes of real measurements and at the ends of what is allowed.
enum SamplePlots {
  static let names = [
    "histogram", "histogram-logarithmic", "scatter", "scatter-many", "lines", "lines-band", "bars",
    "bars-many", "heat-map", "heat-map-large", "names", "one", "empty", "infinite",
  ]

  static func plot(_ name: String) -> Plot {
    Plot(
      title: "A drawing of kind \(name)", subtitle: "numbers of a fixed seed; units of length",
      x: Plot.Axis("distance", unit: "pixels", spacing(name, "x")),
      y: Plot.Axis("how many", spacing(name, "y")), marks: marks(name))
  }

  private static func spacing(_ name: String, _ axis: String) -> Plot.Spacing {
    name == "histogram-logarithmic" || name == "lines-band" && axis == "y" ? .logarithmic : .linear
  }

  private static func marks(_ name: String) -> Plot.Marks {
    var draws = Numbers(seed: 5)
    func values(_ count: Int, around centre: Double = 0) -> [Double] {
      (0..<count).map { _ in centre + draws.bell() }
    }
    func points(_ name: String, _ count: Int) -> Plot.Points {
      Plot.Points(name, x: values(count), y: values(count))
    }
    let long = (0..<40).map { "an attribute with the long name number \($0)" }
    switch name {
    case "histogram":
      return .histogram(
        [
          Plot.Series("generated", values(60_000)),
          Plot.Series("training", values(60_000, around: 1)),
        ],
        bins: 100)
    case "histogram-logarithmic":
      return .histogram(
        (0..<5).map { Plot.Series("series \($0)", values(2000).map { exp(3 * $0) }) }, bins: 60,
        heights: .shares)
    case "scatter": return .scatter((0..<3).map { points("model \($0)", 40) })
    case "scatter-many": return .scatter((0..<10).map { points("\($0)", 1000) })
    case "lines":
      let epochs = (1...30).map { Double($0 * 10) }
      return .lines(
        (0..<7).map { index in
          let y = epochs.map { 0.01 * Double(index + 1) + 0.1 * exp(-$0 / 60) }
          return Plot.Points("noise \(index)", x: epochs, y: y, errors: y.map { $0 / 20 })
        })
    case "lines-band":
      let y = values(90).map(exp)
      return .lines(
        [
          Plot.Points(
            "median", x: (0..<90).map(Double.init), y: y,
            spread: (y.map { $0 / 2 }, y.map { $0 * 2 }))
        ], spread: .band)
    case "bars":
      return .bars(
        groups: ["none", "gaussian", "circle"],
        (0..<4).map {
          Plot.Series("system \($0)", values(3, around: Double($0)), errors: [0.1, 0.2, 0.3])
        })
    case "bars-many":
      return .bars(groups: long, (0..<6).map { Plot.Series("system \($0)", values(40)) })
    case "heat-map":
      return .heatMap(
        Plot.Matrix(
          rows: (0..<26).map { "lambda \($0)" }, columns: (0..<10).map { "noise 0.\($0)" },
          values(260).map { $0 / 100 }, label: "error", colours: .diverging(around: 0)))
    case "heat-map-large":
      return .heatMap(
        Plot.Matrix(
          rows: (0..<300).map { "row \($0)" }, columns: long, values(12_000), label: "error"))
    case "names":
      let hostile =
        "a <name> & \"another\" \u{1}\u{202E}\u{FFFE}\r\n" + String(repeating: "w", count: 90)
      return .bars(groups: [hostile, hostile, ""], [Plot.Series(hostile, [1.0, 2, 3])])
    case "one": return .histogram([Plot.Series("a", [Float(0.25)])], bins: 20)
    case "empty": return .lines([Plot.Points("a", x: [Double](), y: [])])
    default:
      return .scatter([
        Plot.Points("a", x: [Double.nan, .infinity, 1, 2], y: [1, 2, -.infinity, 3])
      ])
    }
  }
}

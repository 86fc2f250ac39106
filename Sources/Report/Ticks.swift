import Foundation
import Support

/// A mark on an axis.
struct Tick: Equatable {
  let value: Double
  let label: String
}

/// Ticks at round numbers: 1, 2 or 5 times a power of ten apart.
enum Ticks {
  /// The most ticks of a linear axis; with fewer some axes would get two, as steps grow by 2.5.
  static let most = 8

  /// From 3 to 8 ticks inside a range, at multiples of the smallest step that allows it.
  ///
  /// The range must be finite, wider than a billionth of its larger end.
  static func linear(_ range: ClosedRange<Double>) -> [Tick] {
    let (low, high) = (range.lowerBound, range.upperBound)
    var exponent = Int(log10((high - low) / Double(most)).rounded(.down))
    while true {
      for factor in [1.0, 2, 5] {
        // Round-off must not cost a tick at an end.
        let first = (quotient(low, factor, exponent) - 1e-9).rounded(.up)
        let last = (quotient(high, factor, exponent) + 1e-9).rounded(.down)
        guard Int(last - first) < most else { continue }
        let values = (0...Int(last - first)).map {
          scaled((first + Double($0)) * factor, by: exponent)
        }
        return zip(values, labels(values, stepExponent: exponent)).map(Tick.init)
      }
      exponent += 1
    }
  }

  private static func quotient(_ value: Double, _ factor: Double, _ exponent: Int) -> Double {
    scaled(value, by: -exponent) / factor
  }

  /// A value times a power of ten.
  ///
  /// Powers with a positive exponent are nearly exact, those with a negative
  /// one are not: 3 / 10 is 0.3, 3 * 0.1 is not.
  private static func scaled(_ value: Double, by exponent: Int) -> Double {
    exponent < 0 ? value / pow(10, Double(-exponent)) : value * pow(10, Double(exponent))
  }

  /// From 3 to 10 ticks of a logarithmic axis: powers of ten over several decades; 1, 2 and 5 times
  /// them over few; those of a linear axis within one.
  static func logarithmic(_ range: ClosedRange<Double>) -> [Tick] {
    let (low, high) = (log10(range.lowerBound), log10(range.upperBound))
    let first = Int(low.rounded(.down)), last = Int(high.rounded(.up))
    func inside(_ exponents: some Sequence<Int>, _ factors: [Double]) -> [Tick] {
      exponents.flatMap { exponent in factors.map { (factor: $0, exponent: exponent) } }
        .filter {
          (low - 1e-9...high + 1e-9).contains(log10($0.factor) + Double($0.exponent))
        }
        .map { Tick(value: scaled($0.factor, by: $0.exponent), label: power($0.0, $0.1)) }
    }
    let powers = inside(first...last, [1])
    let between = inside(first...last, [1, 2, 5])
    var ticks = (3...10).contains(between.count) && powers.count < 4 ? between : powers
    if ticks.count < 3 { return linear(range) }
    if powers.count > most {
      let step = (powers.count + most - 1) / most
      ticks = inside((first...last).filter { $0 % step == 0 }, [1])
    }
    let isPlain = range.lowerBound > 0.9e-4 && range.upperBound < 1.1e6
    return isPlain ? ticks.map { Tick(value: $0.value, label: plain($0.value)) } : ticks
  }

  private static func power(_ factor: Double, _ exponent: Int) -> String {
    (factor == 1 ? "" : "\(Int(factor))×") + "10" + superscript(exponent)
  }

  private static func plain(_ value: Double) -> String {
    decimal(value, max(0, -Int((log10(value) + 1e-9).rounded(.down))))
  }

  // MARK: - Labels

  /// Labels with as many digits as the step needs, of large and small numbers with one power of ten.
  private static func labels(_ values: [Double], stepExponent: Int) -> [String] {
    let largest = values.reduce(0) { max($0, abs($1)) }
    guard largest >= 1e7 || largest < 1e-4 else {
      return values.map { decimal($0, max(0, -stepExponent)) }
    }
    let exponent = Int(log10(largest).rounded(.down))
    return values.map {
      $0 == 0
        ? "0"
        : decimal(scaled($0, by: -exponent), max(0, exponent - stepExponent)) + "×10"
          + superscript(exponent)
    }
  }

  /// A number with a minus sign of the width of a digit, and commas before every three digits.
  static func decimal(_ value: Double, _ places: Int) -> String {
    let text = Quantity.decimal(abs(value), places)
    let whole = text.prefix { $0 != "." }
    let grouped = Int(whole).map(Quantity.grouped) ?? String(whole)
    let isNegative = value < 0 && text.contains { ("1"..."9").contains($0) }
    return (isNegative ? "−" : "") + grouped + text.dropFirst(whole.count)
  }

  private static func superscript(_ exponent: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (exponent < 0 ? "⁻" : "")
      + String(String(abs(exponent)).compactMap { $0.wholeNumberValue.map { digits[$0] } })
  }
}

import Foundation

/// Numbers in a form for people.
public enum Quantity {
  /// A number with a fixed number of decimals.
  public static func decimal(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }

  /// A number with a fixed number of significant digits: `0.0239`, `123`, `1.2e-07`.
  public static func significant(_ value: Double, _ digits: Int = 4) -> String {
    String(format: "%.\(digits)g", value)
  }

  /// Bytes in a unit with one to three digits before the point.
  public static func bytes(_ count: Int) -> String {
    scaled(Double(count), ["B", "KiB", "MiB", "GiB", "TiB"], by: 1024)
  }

  /// A short time: `82 us`, `2.6 ms`, `1.2 s`.
  public static func seconds(_ value: Double) -> String {
    if value < 1e-3 { return "\(significant(value * 1e6, 3)) us" }
    return value < 1 ? "\(significant(value * 1e3, 3)) ms" : "\(significant(value, 3)) s"
  }

  /// A long time on a clock: `0:07`, `12:30`, `1:02:03`.
  public static func clock(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let total = Int(seconds.rounded())
    let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, rest)
      : String(format: "%d:%02d", minutes, rest)
  }

  /// An integer with a comma before every three digits.
  public static func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }

  /// `1 rank`, `2 ranks`; `plural` is for nouns that do not just take an s.
  public static func count(_ value: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(value)) \(value == 1 ? noun : plural ?? noun + "s")"
  }

  /// The integers of a range, in words that follow "expected".
  public static func integers(_ range: ClosedRange<Int>) -> String {
    if range.lowerBound == range.upperBound { return "\(range.lowerBound)" }
    return "an integer "
      + (range.upperBound == .max
        ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)")
  }

  /// `a, b, c and 4 more`.
  public static func list(_ items: [String], atMost shown: Int) -> String {
    let more = items.count - shown
    return items.prefix(shown).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }

  /// The form of images in words: `28x28x1`, or `mixed sizes, 20x29x3 to 31x40x3`.
  ///
  /// - Parameters:
  ///   - shape: height, width and channels; of mixed sizes the smallest sides.
  ///   - largest: the largest sides of mixed sizes; nil for one size.
  public static func form(_ shape: [Int], largest: [Int]?) -> String {
    func text(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "x") }
    return largest.map { "mixed sizes, \(text(shape)) to \(text($0))" } ?? text(shape)
  }

  private static func scaled(_ value: Double, _ units: [String], by step: Double) -> String {
    var value = value, unit = 0
    while value >= step, unit + 1 < units.count {
      value /= step
      unit += 1
    }
    return unit == 0 ? "\(Int(value)) \(units[0])" : "\(significant(value, 3)) \(units[unit])"
  }
}

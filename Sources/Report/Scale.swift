import Foundation

/// The smallest and the largest of some numbers.
struct Extent {
  private(set) var range: ClosedRange<Double>?

  init(_ values: some Sequence<Double> = []) {
    for value in values { include(value) }
  }

  mutating func include(_ value: Double) {
    guard let range else { return range = value...value }
    self.range = min(range.lowerBound, value)...max(range.upperBound, value)
  }
}

/// How many numbers a drawing leaves out, and why.
struct Omissions {
  private var notFinite = 0, notPositive = 0, outside = 0

  /// Larger numbers count as infinite, and smaller ones than 1 / limit as 0 on a logarithmic axis:
  /// axes with some room at their ends must not overflow.
  static let limit = 1e280

  /// Whether an axis shows a value; counts it otherwise.
  mutating func keeps(_ value: Double, on axis: Plot.Axis) -> Bool {
    guard abs(value) < Omissions.limit else {
      notFinite += 1
      return false
    }
    guard axis.spacing == .linear || value > 1 / Omissions.limit else {
      notPositive += 1
      return false
    }
    guard axis.range?.contains(value) != false else {
      outside += 1
      return false
    }
    return true
  }

  /// The words behind the subtitle; empty if all is drawn.
  var text: String {
    let parts = [
      (notFinite, "not finite"), (notPositive, "not positive on a logarithmic axis"),
      (outside, "outside the axis"),
    ]
    let told = parts.filter { $0.0 > 0 }.map { "\(Ticks.decimal(Double($0.0), 0)) \($0.1)" }
    return told.isEmpty ? "" : "left out: " + told.joined(separator: ", ")
  }
}

/// Places of values along an axis: 0 is its beginning, 1 its end.
struct Scale {
  let spacing: Plot.Spacing
  /// The values at both ends; wider than a billionth of the larger.
  let range: ClosedRange<Double>

  /// The axis' own range; else that of the data, widened.
  ///
  /// - Parameters:
  ///   - extent: the values of the data; nil gives 0 to 1, or 1 to 10.
  ///   - below: the share of the range that is added before the data, for marks to have room.
  ///   - above: the share that is added behind.
  init(_ axis: Plot.Axis, _ extent: ClosedRange<Double>?, below: Double = 0, above: Double = 0) {
    spacing = axis.spacing
    let isLinear = axis.spacing == .linear
    let found = Scale.resolved(axis.range ?? extent ?? (isLinear ? 0...1 : 1...10), isLinear)
    guard axis.range == nil, extent != nil else {
      range = found
      return
    }
    let (low, high) = (found.lowerBound, found.upperBound)
    if isLinear {
      range = low - below * (high - low)...high + above * (high - low)
    } else {
      let decades = log10(high) - log10(low)
      range = low * pow(10, -below * decades)...high * pow(10, above * decades)
    }
  }

  /// The range, or a wider one around it, if numbers and ticks within it could not be told apart.
  private static func resolved(
    _ range: ClosedRange<Double>, _ isLinear: Bool
  ) -> ClosedRange<Double> {
    let (low, high) = (range.lowerBound, range.upperBound)
    let largest = max(abs(low), abs(high))
    guard high - low <= max(largest * 1e-9, isLinear ? 1e-290 : 0) else { return range }
    if !isLinear { return low / 2...high * 2 }
    let more = largest < 1e-280 ? 1 : largest / 10
    return low - more...high + more
  }

  /// The place of a value, from 0 to 1; that of the nearer end for a value outside.
  func place(_ value: Double) -> Double {
    let (low, high) = (line(range.lowerBound), line(range.upperBound))
    return (line(min(max(value, range.lowerBound), range.upperBound)) - low) / (high - low)
  }

  /// The value at a place.
  func value(at place: Double) -> Double {
    let (low, high) = (line(range.lowerBound), line(range.upperBound))
    let found = low + place * (high - low)
    return spacing == .linear ? found : pow(10, found)
  }

  private func line(_ value: Double) -> Double { spacing == .linear ? value : log10(value) }

  var ticks: [Tick] { spacing == .linear ? Ticks.linear(range) : Ticks.logarithmic(range) }
}

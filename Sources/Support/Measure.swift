/// A measured quantity: its unit, and its digits for people.
///
/// The same quantity has the same digits wherever it is printed; JSON and logs have all digits.
public enum Measure: Sendable {
  /// A loss, a bound or a KL, in nats.
  case nats
  /// A squared error a pixel, for pixels in [0, 1].
  case squaredError
  /// A ratio of signal to noise.
  case decibels
  /// A negative log-likelihood a pixel.
  case bits
  /// A difference between pixels in [0, 1].
  case pixelValue
  /// A part of a whole, from 0 to 1; printed in percent.
  case share
  /// The share of right answers, from 0 to 1; printed in percent, with one digit more.
  case accuracy
  /// A measure of convergence, without unit.
  case change
  /// A number without unit that is usually between -1 and 1: a similarity, a cosine, an F1.
  case index
  /// A distance without unit.
  case distance
  /// A number of things that need not be whole, such as effective samples.
  case count

  /// The unit, as tables and lines have it; empty for a number without unit.
  public var unit: String {
    switch self {
    case .nats: "nat"
    case .squaredError: "(0…1)²"
    case .decibels: "dB"
    case .bits: "bit"
    case .pixelValue: "of 0…1"
    case .share, .accuracy: "%"
    case .change, .index, .distance, .count: ""
    }
  }

  /// The number in its unit: a share in percent.
  public func inUnit(_ value: Double) -> Double {
    self == .share || self == .accuracy ? 100 * value : value
  }

  /// The number without its unit.
  public func text(_ value: Double) -> String {
    switch self {
    case .nats: Quantity.significant(value, 5)
    case .squaredError, .pixelValue, .bits, .index, .distance: Quantity.significant(value, 4)
    case .decibels: Quantity.decimal(value, 2)
    case .share: Quantity.decimal(inUnit(value), 1)
    case .accuracy: Quantity.decimal(inUnit(value), 2)
    case .change, .count: Quantity.significant(value, 3)
    }
  }

  /// The number with its unit: `98.123 nat`.
  public func words(_ value: Double) -> String {
    unit.isEmpty ? text(value) : "\(text(value)) \(unit)"
  }
}

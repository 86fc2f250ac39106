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
  /// A measure of convergence, without unit.
  case change
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
    case .share: "%"
    case .change, .count: ""
    }
  }

  /// The number without its unit.
  public func text(_ value: Double) -> String {
    switch self {
    case .nats: Quantity.significant(value, 5)
    case .squaredError, .pixelValue, .bits: Quantity.significant(value, 4)
    case .decibels: Quantity.decimal(value, 2)
    case .share: Quantity.decimal(100 * value, 1)
    case .change, .count: Quantity.significant(value, 3)
    }
  }

  /// The number with its unit: `98.123 nat`.
  public func words(_ value: Double) -> String {
    unit.isEmpty ? text(value) : "\(text(value)) \(unit)"
  }
}

import Datasets

/// The allowed range of a number.
public struct Limits: Sendable {
  /// The words that follow "a number".
  public let words: String
  /// Whether a value is allowed.
  public let hold: @Sendable (Double) -> Bool

  /// Above 0.
  public static let positive = Limits(words: "above 0") { $0 > 0 && $0.isFinite }
  /// Above 0, and far from the limits of a float, so that it divides and is divided.
  public static let scale = Limits(words: "from 1e-30 to 1e30") {
    ImageSetOptions.scales.contains($0)
  }
  /// A deviation or scale of pixels: far from where products of floats vanish or overflow.
  public static let width = Limits(words: "from 0.001 to 1000") { (0.001...1000).contains($0) }
  /// The same, or infinity.
  public static let widthOrInfinite = Limits(words: "from 0.01 to 100, or inf") {
    (0.01...100).contains($0) || $0 == .infinity
  }
  /// Degrees of freedom: above the last the distribution is Gaussian within the digits of a float.
  public static let degrees = Limits(words: "from 0.01 to 1e6") { (0.01...1e6).contains($0) }
  /// An exponent of a divergence.
  public static let exponent = Limits(words: "from 0.0001 to 1") { (0.0001...1).contains($0) }
  /// 0 or more.
  public static let notNegative = Limits(words: "of at least 0") { $0 >= 0 && $0.isFinite }
  /// 0 or more, infinity included.
  public static let notNegativeOrInfinite = Limits(words: "of at least 0, or inf") { $0 >= 0 }
  /// Above 0, infinity included.
  public static let positiveOrInfinite = Limits(words: "above 0, or inf") { $0 > 0 }
  /// A length in pixels.
  public static let pixels = Limits(words: "from 0.1 to 100") { $0 >= 0.1 && $0 <= 100 }
  /// Above 0, up to 1.
  public static let share = Limits(words: "above 0, at most 1") { $0 > 0 && $0 <= 1 }
  /// A share of which some is left on both sides.
  public static let properShare = Limits(words: "from 0.0001 to 0.9999") {
    (0.0001...0.9999).contains($0)
  }
  /// From 0 to below 1.
  public static let fraction = Limits(words: "of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
}

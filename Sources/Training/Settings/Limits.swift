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
  /// Above 0, below 1.
  public static let properShare = Limits(words: "above 0 and below 1") { $0 > 0 && $0 < 1 }
  /// From 0 to below 1.
  public static let fraction = Limits(words: "of at least 0 and below 1") { $0 >= 0 && $0 < 1 }
}

/// One check of the doctor.
public struct Check: Sendable {
  /// The place in the report.
  public let order: Int
  /// The subject of the check.
  public let name: String
  /// Whether the result is good for training.
  public let isFine: Bool
  /// The result, with units.
  public let found: String
  /// What to change or improve; empty without advice.
  public let advice: String
}

/// One finding of the doctor.
public struct Check: Sendable {
  /// Its place in the report.
  public let order: Int
  /// What was looked at.
  public let name: String
  /// Whether training will do well with it.
  public let isFine: Bool
  /// What was found, with units.
  public let found: String
  /// What to mend, or how to do better; empty where there is nothing to say.
  public let advice: String
}

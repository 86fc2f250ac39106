/// Measurements of a run by name, each with its step: the content of `/history` in a checkpoint.
public struct History: Equatable, Sendable {
  /// One measurement.
  public struct Point: Equatable, Sendable {
    /// Steps done at the measurement.
    public let step: Int
    /// The measured value.
    public let value: Double
  }

  /// Measurements by name, in order of time.
  public private(set) var metrics: [String: [Point]] = [:]

  /// A history without measurements.
  public init() {}

  /// Adds a measurement of `name`.
  public mutating func append(_ name: String, _ value: Double, step: Int) {
    metrics[name, default: []].append(Point(step: step, value: value))
  }

  /// The newest value of `name`.
  public func latest(_ name: String) -> Double? { metrics[name]?.last?.value }
}

/// Measurements of a run by name, each at the step it was taken: what `/history` of a checkpoint holds.
public struct History: Equatable, Sendable {
  /// One measurement.
  public struct Point: Equatable, Sendable {
    /// Steps done when it was taken.
    public let step: Int
    /// The measurement.
    public let value: Double
  }

  /// By name, in the order taken.
  public private(set) var metrics: [String: [Point]] = [:]

  /// Without measurements.
  public init() {}

  /// Adds a measurement of `name`.
  public mutating func append(_ name: String, _ value: Double, step: Int) {
    metrics[name, default: []].append(Point(step: step, value: value))
  }

  /// The newest value of `name`.
  public func latest(_ name: String) -> Double? { metrics[name]?.last?.value }
}

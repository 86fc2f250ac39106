/// A clock that counts seconds from its start.
public struct Stopwatch: Sendable {
  private let start = ContinuousClock.now

  /// Starts the clock.
  public init() {}

  /// Elapsed time in seconds.
  public var seconds: Double {
    let parts = (ContinuousClock.now - start).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }
}

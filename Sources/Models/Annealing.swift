import Foundation

/// A number that changes geometrically between two values in the first epochs of a run, then stays.
public struct Annealing: Sendable, Equatable {
  private let start: Double, end: Double
  private let epochs: Int

  /// A change from one positive value to another in a number of epochs.
  public init(from start: Double, to end: Double, epochs: Int) {
    self.start = start
    self.end = end
    self.epochs = epochs
  }

  /// The value in an epoch, counted from 0.
  public func value(epoch: Int) -> Float {
    guard epoch < epochs else { return Float(end) }
    return Float(start * pow(end / start, Double(epoch) / Double(epochs)))
  }
}

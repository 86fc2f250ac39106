import Foundation

/// The progress of a run.
///
/// With the seed it fixes every random draw that follows.
public struct TrainingProgress: Equatable, Sendable {
  /// Outer iterations done (robust models).
  public var outer = 0
  /// Epochs done in this outer iteration.
  public var epoch = 0
  /// Steps done in this epoch.
  public var stepInEpoch = 0
  /// Steps done in the run.
  public var step = 0
  /// Images seen by training steps.
  public var imagesSeen = 0
  /// Epochs done in the run; this number keys the order of the rows.
  public var totalEpochs = 0
  /// The number of these steps that were left out because of a number that is not finite.
  public var skippedSteps = 0
  /// Whether the run is over.
  public var finished = false
  /// The warnings of the run so far.
  public var warnings: Set<CollapseWarning> = []

  /// The beginning of a run.
  public init() {}
}

/// A failure that does not show in the loss.
public enum CollapseWarning: String, CaseIterable, Sendable {
  /// The code carries no information.
  case posteriorCollapse = "posterior_collapse"
  /// The outputs are all alike.
  case constantOutput = "constant_output"
  /// The discriminator has won: the encoder gets no gradient from it.
  case discriminatorWon = "discriminator_won"

  /// The failure and its cure, in one line.
  ///
  /// - Parameters:
  ///   - value: the measured value, which fell under `limit`.
  ///   - cure: the settings that help; "help" follows.
  public func message(value: Double, limit: Double, cure: String) -> String {
    let what =
      switch self {
      case .posteriorCollapse:
        "posterior collapse: the KL is \(rounded(value)) nat (under \(limit)), so the code says "
          + "nothing about the image"
      case .constantOutput:
        "constant output: reconstructions vary by \(rounded(value)) over a batch (under \(limit))"
      case .discriminatorWon:
        "the discriminator has won: its loss is \(rounded(value)) (under \(limit)), so what it "
          + "judges learns nothing from it"
      }
    return "\(what); \(cure) help"
  }

  private func rounded(_ value: Double) -> String { String(format: "%.2g", value) }
}

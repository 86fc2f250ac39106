import Foundation

/// How the step length changes in the course of a run.
public enum LearningRateSchedule: String, CaseIterable, Sendable {
  /// Not at all.
  case constant
  /// Im et al.'s code: 10^(-i / c) from epoch 3^i - 1 on (0, 2, 8, 26, …), with c = log3(epochs / 2), so that a tenth is
  /// left at the end.
  case dvae
  /// The same authors on Frey faces: 1 / (1 + epoch / epochs).
  case frey
  /// Burda et al.: 10^(1 - i / 7), rounded to tenths, for 3^i epochs each, i = 0...7.
  case iwae

  /// What the learning rate is multiplied by in an epoch, counted from 0 over the whole run of `epochs`.
  public func factor(epoch: Int, of epochs: Int) -> Double {
    switch self {
    case .constant: return 1
    case .dvae:
      // A run of one or two epochs has no length to fall over.
      guard epochs > 2 else { return 1 }
      let length = log(Double(epochs) / 2) / log(3)
      return pow(10, -Double(Self.stage { $0 - 1 <= epoch }) / length)
    case .frey: return 1 / (1 + Double(epoch) / Double(epochs))
    case .iwae:
      let stage = min(7, Self.stage { ($0 - 1) / 2 <= epoch })
      return (pow(10, 1 - Double(stage) / 7) * 10).rounded() / 10
    }
  }

  /// The largest i whose 3^i has begun.
  private static func stage(_ hasBegun: (_ power: Int) -> Bool) -> Int {
    var (stage, power) = (0, 1)
    while power < 1 << 40, hasBegun(3 * power) {
      stage += 1
      power *= 3
    }
    return stage
  }
}

extension OptimizerSettings {
  /// The step length in an epoch, counted from 0 over the whole run of `epochs`: by the schedule, and by a power of the
  /// decay (D-32).
  public func learningRate(epoch: Int, of epochs: Int) -> Double {
    learningRate * learningRateSchedule.factor(epoch: epoch, of: epochs)
      * (learningRateDecay == 1 ? 1 : pow(learningRateDecay, Double(epoch)))
  }
}

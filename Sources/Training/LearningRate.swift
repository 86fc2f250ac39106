import Foundation

/// The schedule of the learning rate over a run.
public enum LearningRateSchedule: String, CaseIterable, Sendable {
  /// No change.
  case constant
  /// Im et al.'s code: 10^(-i / c) from epoch 3^i - 1 on (0, 2, 8, 26, …).
  ///
  /// c = log3(epochs / 2), so that the last factor is a tenth.
  case dvae
  /// Im et al. on Frey faces: 1 / (1 + epoch / epochs).
  case frey
  /// Burda et al.: 10^(1 - i / 7), rounded to tenths, for 3^i epochs each, i = 0...7.
  case iwae

  /// The factor of the learning rate in an epoch, counted from 0 over the whole run of `epochs`.
  public func factor(epoch: Int, of epochs: Int) -> Double {
    switch self {
    case .constant: return 1
    case .dvae:
      // In a run of one or two epochs there is no time for a decay.
      guard epochs > 2 else { return 1 }
      let length = log(Double(epochs) / 2) / log(3)
      return pow(10, -Double(Self.stage { $0 - 1 <= epoch }) / length)
    case .frey: return 1 / (1 + Double(epoch) / Double(epochs))
    case .iwae:
      let stage = min(7, Self.stage { ($0 - 1) / 2 <= epoch })
      return (pow(10, 1 - Double(stage) / 7) * 10).rounded() / 10
    }
  }

  /// The largest i for which 3^i has begun.
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
  /// The learning rate in an epoch, by the schedule and by a power of the decay (D-32).
  ///
  /// The epoch counts from 0 over the whole run of `epochs`.
  public func learningRate(epoch: Int, of epochs: Int) -> Double {
    learningRate * learningRateSchedule.factor(epoch: epoch, of: epochs)
      * (learningRateDecay == 1 ? 1 : pow(learningRateDecay, Double(epoch)))
  }
}

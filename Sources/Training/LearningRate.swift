import Foundation

extension Configuration {
  /// The step length in an epoch, counted from 0 over the whole run: `learningRate` times a power of its decay (D-32).
  public func learningRate(epoch: Int) -> Double {
    learningRateDecay == 1 ? learningRate : learningRate * pow(learningRateDecay, Double(epoch))
  }
}

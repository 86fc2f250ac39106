import Foundation
import Support

/// Peak signal-to-noise ratio of the mean squared error, for pixels in [0, 1].
enum PeakSignalToNoise: Metric {
  static let name = "psnr"
  static let summary = "10 log10(1 / mse) in dB, of the mean over all images"
  static let options = [Evaluation.undo]
  static let needs: String? = "an encoder"
  static let unit = Measure.decibels
  static let isHigherBetter = true
  static let isOfPixels = true
  static let note: String? = "of the mean mse of all images, not the mean of their psnr"

  static func measure(_ evaluation: Evaluation) throws -> [MetricValue] {
    try evaluation.squaredErrors().map { error in
      // To first order, a change of the error by a share changes its logarithm by that share.
      MetricValue(
        error.of, -10 * log10(error.value),
        standardError: error.standardError.map { 10 / log(10) * $0 / error.value })
    }
  }
}

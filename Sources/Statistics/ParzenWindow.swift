import Foundation
import Tensors

/// Log-likelihood of rows under a Parzen window of samples: a Gaussian of one width on each sample.
///
/// Breuleux et al., "Quickly Generating Representative Samples from an RBM-Derived Process", Neural
/// Computation 2011, with the protocol of Goodfellow et al., "Generative Adversarial Nets", NIPS
/// 2014 (docs/systems.md, 8.4). In nats:
/// log p(x) = log mean exp(-|x - s|² / 2 h²) - D log(h sqrt(2 pi)).
///
/// Distances are products in double of rows minus the samples' mean. Their error is at most
/// 4 (D + 8) 2^-53 (|x|² + |s|²); that of a log-likelihood is 1 / 2 h² times as large. For MNIST at
/// h = 0.1 the bound is 4e-9 nats; 5e-12 was measured. How rows are blocked changes no more.
public struct ParzenWindow {
  /// The widths to choose from: 10 from 0.1 to 1, by equal factors.
  public static let grid: [Double] = (0..<10).map { pow(10, -1 + Double($0) / 9) }

  private let distances: SquaredDistances

  /// A window of n samples [n, D].
  ///
  /// - Throws: `StatisticsError` without samples, and for numbers that are not finite.
  public init(samples: Tensor) throws(StatisticsError) {
    distances = try SquaredDistances(to: samples, "samples")
  }

  /// Terms below this share of the largest, as a logarithm, count as 0: n e^-46 is n 1e-20.
  private static let smallestTerm = -46.0

  /// Log-likelihoods of rows [B, D] in nats, at several widths for one matrix of distances.
  ///
  /// - Parameter widths: standard deviations h; traps unless they are above 0.
  /// - Returns: [B] for each width.
  /// - Throws: `StatisticsError` for rows of another length, and for numbers that are not finite.
  public func logLikelihoods(
    of rows: Tensor, widths: [Double]
  ) throws(StatisticsError) -> [[Double]] {
    precondition(widths.allSatisfy { $0 > 0 && $0.isFinite }, "widths \(widths)")
    let count = rows.shape.rows
    let scales = widths.map { 1 / (2 * $0 * $0) }
    // The nearest sample has the largest term at every width; sums are parts of it.
    var nearest = [Double](repeating: .infinity, count: count)
    var sums = [Double](repeating: 0, count: count * widths.count)
    try distances.forEachTile(of: rows, "rows") { tile in
      let n = tile.references.count
      for (i, row) in tile.queries.enumerated() {
        let values = tile.distances + i * n
        var least = nearest[row]
        for j in 0..<n { least = min(least, values[j]) }
        for (w, scale) in scales.enumerated() {
          var sum = sums[row * scales.count + w]
          if least < nearest[row], sum > 0 { sum *= exp((least - nearest[row]) * scale) }
          for j in 0..<n {
            let exponent = (least - values[j]) * scale
            if exponent > Self.smallestTerm { sum += exp(exponent) }
          }
          sums[row * scales.count + w] = sum
        }
        nearest[row] = least
      }
    }
    let logCount = log(Double(distances.count))
    return widths.indices.map { w in
      let constant = Double(distances.dimensions) * (log(widths[w]) + 0.5 * log(2 * Double.pi))
      return (0..<count).map { row in
        log(sums[row * widths.count + w]) - logCount - nearest[row] * scales[w] - constant
      }
    }
  }

  /// The place of the width with the largest mean log-likelihood, the first of equal means.
  ///
  /// - Parameter means: over the validation set, or sums, one for each width; traps if empty.
  public static func bestWidth(means: [Double]) -> Int {
    precondition(!means.isEmpty, "no widths")
    var best = 0
    for (index, mean) in means.enumerated() where mean > means[best] { best = index }
    return best
  }
}

import CKernels
import Foundation
import Tensors

/// What an inlier and an outlier among pixels are.
public struct PixelOutliers: Sendable, Equatable {
  /// The log odds of an inlier, before the image is seen.
  let odds: Float
  /// The standard deviation of an inlier.
  let deviation: Float

  /// An inlier is Gaussian, an outlier uniform on 0...1.
  ///
  /// - Parameters:
  ///   - share: of outliers, above 0 and below 1.
  ///   - deviation: of inliers around the mean, in units of the pixels.
  public init(share: Double, deviation: Float) {
    precondition(share > 0 && share < 1 && deviation > 0, "a share of \(share), \(deviation)")
    odds = Float(log((1 - share) / share))
    self.deviation = deviation
  }
}

/// Pixels with outliers among them, where this variable holds the logits of their means, [B, D].
extension Variable {
  /// A bound of -log p(x | a) in nats, summed over the pixels, [B]: the likelihood by the chance of
  /// an inlier that a gate gives, and the divergence of that chance from the prior one.
  ///
  /// The bound is tight where the gate is log p(x | inlier) - log p(x | outlier).
  ///
  /// - Parameters:
  ///   - x: [B, D].
  ///   - gates: the log odds of an inlier less those of the prior, [B, D]. Gradients go to both.
  /// - Returns: the bound, and the sum over all pixels of the chances of an outlier.
  public func gatedNegativeLogLikelihood(
    of x: Variable, gates: Variable, _ outliers: PixelOutliers
  ) -> (loss: Variable, outliers: Double) {
    precondition(
      shape.count == x.shape.count && shape.count == gates.shape.count,
      "gates \(gates.shape) for \(x.shape) by logits \(shape)")
    var node = node(Shape(shape.rows), gates) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      tape.addRows(to: node.inputs.1, from: index, derivative: node.saved.1)
    }
    if node.groups != 0 {
      node.saved = (tape.allocate(shape.count), tape.allocate(shape.count))
    }
    let shares = tape.constant(Shape(shape.rows))
    let (a, g, values, loss, found) = (
      pointer, gates.pointer, x.pointer, node.value, shares.pointer
    )
    let (slopes, columns) = (node.saved, shape.columns)
    Workers.shareRows(shape.rows, columns: columns) { part in
      let first = part.lowerBound * columns
      ck_gated_nll(
        a + first, g + first, values + first, outliers.odds, outliers.deviation,
        loss + part.lowerBound, found + part.lowerBound, slopes.0.map { $0 + first },
        slopes.1.map { $0 + first }, part.count, columns)
    }
    return (tape.record(node), shares.sum)
  }

  /// The mean of the clean pixel given the dirty one, [B, D]; a constant: x of an inlier, the mean
  /// of an outlier, by their chances.
  public func withoutOutliers(_ x: Variable, _ outliers: PixelOutliers) -> Variable {
    let restored = tape.constant(shape)
    ck_without_outliers(
      pointer, x.pointer, outliers.odds, outliers.deviation, restored.pointer, shape.count)
    return restored
  }
}

import Foundation
import Layers
import Training

/// The alternation behind robust models: X = L + S, an autoencoder explains L, S is sparse.
///
/// Minimises loss(L) + lambda ||S||_1 subject to X = L + S. The network is a `VAE` in the robust VAE (Ren et al., "Robust
/// Variational Autoencoders: Generating Noise-Free Images from Corrupted Images") and an `AE` in the robust deep autoencoder
/// (Zhou & Paffenroth, "Anomaly Detection with Robust Deep Autoencoders", KDD 2017; without its tied weights, D-46), whose
/// codes are not drawn.
///
/// A rank holds S and R = X - L - S for its own rows; L is never stored, since a batch's L is X - S.
/// As in the RVAE authors' code the threshold is t = lambda / mu with mu = size(X) / (4 ||X||), the norm being the induced
/// 1-norm, the largest column sum (the paper writes t = lambda; D-01); the loop stops when c1 and c2 are both small, with c2
/// weighted by min(mu, sqrt(mu)) (the paper: when either is, unweighted; D-02); one optimizer lives through the
/// whole run (D-06); and in the RVAE L decodes a draw of q(z|X - S) (D-07).
enum RobustLoop {
  /// Algorithm 1, in its order.
  ///
  /// **Collective.**
  ///
  /// - Returns: whether the run ended by itself; false when it was asked to stop.
  static func fit(_ trainer: Trainer) throws -> RunOutcome {
    let c = trainer.configuration
    let norms = try trainer.dataNorms()
    let (threshold, weight) = shrinkage(
      c, norms, elements: trainer.rowCount * trainer.dimensions)
    trainer.shrinkageThreshold = Double(threshold)
    while trainer.progress.outer < c.outerIterations {
      let fresh = trainer.progress.epoch == 0 && trainer.progress.stepInEpoch == 0
      if c.resetOptimizer && fresh { trainer.resetOptimizers() }
      guard try trainer.fit(epochs: c.innerEpochs) else { return trainer.interruption }
      let result = try trainer.project(threshold: threshold, sampling: c.projectWith == .sample)
      let c1 = result.residual / norms.frobenius
      let c2 = weight * result.moved / norms.frobenius
      let converged =
        c.stopRule == .both
        ? c1 < c.tolerance && c2 < c.tolerance : c1 < c.tolerance || c2 < c.tolerance
      try trainer.finishOuter(result, c1: c1, c2: c2)
      if converged { return .converged }
    }
    return .finished
  }

  /// The shrinkage threshold t (D-01) and the weight of c2 (D-02).
  static func shrinkage(
    _ c: Configuration, _ norms: DataNorms, elements: Int
  ) -> (threshold: Float, weight: Double) {
    let norm = c.threshold == .entrywise ? norms.entrywise : norms.induced
    let mu = Double(elements) / (4 * norm)
    let threshold = c.threshold == .none ? c.lambda : c.lambda / mu
    return (Float(threshold), c.c2Weight == .paper ? 1 : min(mu, mu.squareRoot()))
  }
}

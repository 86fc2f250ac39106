import CKernels
import Layers
import MPI

/// The evidence lower bound and its KL, in nats an image.
struct Evidence {
  /// log p(x|z) - KL; nil for a loss that is no likelihood.
  var bound: Double?
  /// KL of q(z|x) to the prior; nil for a model without one.
  var kl: Double?
}

extension Evaluation {
  /// The parts of the loss with one sample of z for each image; with a sparse part, of X - S as in
  /// training, with a first stage of its L.
  ///
  /// **Collective.**
  func evidence() throws -> Evidence {
    try once("evidence") {
      guard let model = trained.model as? any Trainable & Encoding else { return Evidence() }
      let step = Step(seed: trained.configuration.common.lanes.seed)
      let explainer = try world.agree {
        try Explainer(
          trained, images: source.images, usesSparsePart: source.hasSparsePart,
          rounds: options.rounds, isOfRun: source.isOfRun)
      }
      let d = source.images.shape.count
      // The number of rows, or 0 where the model does not report the part.
      var found = [0.0, 0]
      let sums = try RowBlocks(rows: source.rows, of: source.images.shape, on: world).sum(2) {
        rows in
        rows.map(Int32.init).withUnsafeBufferPointer { batch in
          step.begin(rows: batch, dimensions: d, purpose: .evaluation, time: 0) {
            explainer.gather(rows, into: $0)
          }
        }
        if hasSplit {
          ck_axpy(step.target.pointer, try explainer.split(rows).s, -1, rows.count * d)
        }
        _ = model.loss(phase: 0, step)
        guard let kl = step.sum(of: .kl) else { return [0, 0] }
        found[1] = 1
        guard model.reportsLogLikelihood, let reconstruction = step.sum(of: .reconstruction) else {
          return [0, kl]
        }
        found[0] = 1
        return [-reconstruction - kl, kl]
      }
      try world.allReduce(&found, .max)
      let count = Double(source.rows)
      return Evidence(
        bound: found[0] > 0 ? sums[0] / count : nil,
        kl: found[1] > 0 ? sums[1] / count : nil)
    }
  }
}

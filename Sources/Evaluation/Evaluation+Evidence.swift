import CKernels
import Foundation
import Layers
import MPI

/// The evidence lower bound and its KL, in nats an image.
struct Evidence {
  /// log p(x|z) - KL; nil for a loss that is no likelihood.
  var bound: MetricValue?
  /// KL of q(z|x) to the prior; nil for a model without one.
  var kl: MetricValue?
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
      // Whether the model reports the part, and whether it does so for each row.
      var found = [0.0, 0, 0]
      // Bound and KL, then their squares.
      let sums = try RowBlocks(rows: source.rows, of: source.images.shape, on: world).sum(4) {
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
        guard let kl = step.sum(of: .kl) else { return [0, 0, 0, 0] }
        found[1] = 1
        let kls = step.rows(of: .kl).map(\.values) ?? []
        let errors = step.rows(of: .reconstruction).map(\.values) ?? []
        if kls.count == rows.count, errors.count == rows.count { found[2] = 1 }
        let squares = [
          zip(errors, kls).reduce(0) { $0 + pow(Double($1.0) + Double($1.1), 2) },
          kls.reduce(0) { $0 + pow(Double($1), 2) },
        ]
        guard model.reportsLogLikelihood, let reconstruction = step.sum(of: .reconstruction) else {
          return [0, kl] + squares
        }
        found[0] = 1
        return [-reconstruction - kl, kl] + squares
      }
      try world.allReduce(&found, .max)
      let count = Double(source.rows)
      func value(_ part: Int) -> MetricValue? {
        guard found[part] > 0 else { return nil }
        let mean = sums[part] / count
        let variance = max(0, sums[2 + part] / count - mean * mean) / (count - 1)
        return MetricValue(
          "", mean, standardError: found[2] > 0 && count > 1 ? variance.squareRoot() : nil)
      }
      return Evidence(bound: value(0), kl: value(1))
    }
  }
}

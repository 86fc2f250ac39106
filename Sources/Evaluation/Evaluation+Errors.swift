import CKernels
import Layers
import Tensors

extension Evaluation {
  /// The errors of X, of D(E(X)) from mean codes and, with a sparse part, of L.
  ///
  /// L is known for the run's own rows (`Explainer.clean`). A model trained with noise drawn at
  /// each step gets inputs with such noise, unless the images are already corrupted.
  ///
  /// **Collective.**
  func squaredErrors() throws -> [MetricValue] {
    try once("squared errors") {
      guard trained.model is any Encoding else { return [] }
      let d = source.images.shape.count
      let explainer = try world.agree {
        try Explainer(trained, images: source.images, usesSparsePart: source.hasSparsePart)
      }
      let clean = Storage(count: source.images.shape.blockRows * d)
      let sums = try RowBlocks(rows: source.rows, of: source.images.shape, on: world).sum(3) {
        rows in
        source.reference.gather(rows, into: clean.pointer)
        func error(_ x: UnsafeMutablePointer<Float>) -> Double {
          ck_axpy(x, clean.pointer, -1, rows.count * d)
          return ck_sum_squares(x, rows.count * d)
        }
        var errors = [0.0, 0, 0]
        let input = explainer.input(rows)
        errors[1] = error(explainer.reconstruction(of: input).pointer)
        if source.hasSparsePart {
          let l = try explainer.clean(rows)
          ck_clamp(l.pointer, l.pointer, rows.count * d, 0, 1)  // as it is written
          errors[2] = error(l.pointer)
        }
        errors[0] = error(explainer.input(rows).pointer)
        return errors
      }
      let elements = Double(source.rows * d)
      // Images have no error to themselves; a zero would read like a perfect result.
      let isItself = try world.agree { try inputIsReference() }
      return [
        MetricValue("X", isItself ? .nan : sums[0] / elements),
        MetricValue("reconstruction", sums[1] / elements),
      ]
        + (source.hasSparsePart ? [MetricValue("L", sums[2] / elements)] : [])
    }
  }

  /// Whether X is what errors are taken against: no clean images are known, and the input has no
  /// noise.
  func inputIsReference() throws -> Bool {
    try !source.hasClean && trained.inputNoise(for: source.images).isNone
  }
}

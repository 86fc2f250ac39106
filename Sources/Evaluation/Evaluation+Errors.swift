import CKernels
import Images
import Layers
import Tensors

extension Evaluation {
  /// The errors of X and of what a user may compare a model with, of D(E(X)) from mean codes and,
  /// with a sparse part, of L, X - S and the repaired images: X where S is 0, L elsewhere.
  ///
  /// A model trained with noise drawn at each step gets inputs with such noise, unless the images
  /// are already corrupted; medians are of the same inputs. The mean image is that of the clean
  /// images: the best answer that does not look at X.
  ///
  /// **Collective.**
  func squaredErrors() throws -> [MetricValue] {
    try once("squared errors") {
      guard trained.model is any Encoding else { return [] }
      let shape = source.images.shape
      let d = shape.count
      let explainer = try world.agree {
        try Explainer(
          trained, images: source.images, usesSparsePart: source.hasSparsePart,
          rounds: options.rounds)
      }
      let clean = Storage(count: shape.blockRows * d)
      let answer = Storage(count: shape.blockRows * d)
      // The sum of errors of each name, then column sums of the clean images.
      let names = ["X", "median_3x3", "median_5x5", "reconstruction", "L", "X-S", "repaired"]
      let sums = try RowBlocks(rows: source.rows, of: shape, on: world).sum(names.count + 1 + d) {
        rows in
        let count = rows.count * d
        source.reference.gather(rows, into: clean.pointer)
        /// The error of `answer`.
        func error() -> Double {
          ck_axpy(answer.pointer, clean.pointer, -1, count)
          return ck_sum_squares(answer.pointer, count)
        }
        let input = explainer.input(rows)
        let x = input.values
        ck_copy(answer.pointer, x, count)
        var errors = [error()]
        for side in [3, 5] {
          for i in 0..<rows.count {
            x.withUnsafeBufferPointer { x in
              guard let first = x.baseAddress else { return }
              MedianFilter.apply(
                first + i * d, to: answer.pointer + i * d, height: shape.height,
                width: shape.width, channels: shape.channels, side: side)
            }
          }
          errors.append(error())
        }
        ck_copy(answer.pointer, explainer.reconstruction(of: input).pointer, count)
        errors.append(error())
        if hasSplit {
          let (l, s) = try explainer.split(rows)
          ck_clamp(answer.pointer, l, count, 0, 1)  // as it is written
          errors.append(error())
          let x = explainer.target(rows).pointer
          ck_copy(answer.pointer, x, count)
          ck_axpy(answer.pointer, s, -1, count)
          errors.append(error())
          for i in 0..<count { answer.pointer[i] = s[i] == 0 ? x[i] : l[i] }
          errors.append(error())
        } else {
          errors += [0, 0, 0]
        }
        errors.append(ck_sum_squares(clean.pointer, count))
        var columns = [Double](repeating: 0, count: d)
        for i in 0..<count { columns[i % d] += Double(clean.pointer[i]) }
        return errors + columns
      }
      let (rows, elements) = (Double(source.rows), Double(source.rows * d))
      let explained = sums.suffix(d).reduce(0) { $0 + $1 * $1 / rows }
      let ofMean = max(0, sums[names.count] - explained) / elements
      // Images have no error to themselves; a zero would read like a perfect result.
      let isItself = try world.agree { try inputIsReference() }
      var values = zip(names, sums).filter { hasSplit || !["L", "X-S", "repaired"].contains($0.0) }
        .map { name, sum in
          MetricValue(
            name, isItself && (name == "X" || name.hasPrefix("median")) ? .nan : sum / elements)
        }
      values.insert(MetricValue("mean_image", ofMean), at: 1)
      return values
    }
  }

  /// Whether X is what errors are taken against: no clean images are known, and the input has no
  /// noise.
  func inputIsReference() throws -> Bool {
    try !source.hasClean && trained.inputNoise(for: source.images).isNone
  }
}

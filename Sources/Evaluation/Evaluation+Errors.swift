import CKernels
import Images
import Layers

extension Evaluation {
  /// The errors of X and of what a user may compare a model with, of D(E(X)) from mean codes and,
  /// with a sparse part, of L, X - S and the repaired images (`Shrinkage.repair`).
  ///
  /// A model trained with noise drawn at each step gets inputs with such noise, unless the images
  /// are already corrupted; medians are of the same inputs. The mean image is that of the clean
  /// images: the best answer that does not look at X.
  ///
  /// **Collective.**
  func squaredErrors() throws -> [MetricValue] {
    try once("squared errors") {
      guard trained.model is any Encoding else { return [] }
      let explainer = try world.agree {
        try Explainer(
          trained, images: source.images, usesSparsePart: source.hasSparsePart,
          rounds: options.rounds)
      }
      let reference = source.wholeReference
      // Images of mixed sizes have no mean image.
      let columns = reference.isMixed ? 0 : reference.shape.count
      // The sum of errors of each name, squares and number of clean values, then their column sums.
      let names = ["X", "median_3x3", "median_5x5", "reconstruction", "L", "X-S", "repaired"]
      let sums = try RowBlocks(rows: source.count, of: reference.largestShape, on: world).sum(
        names.count + 2 + columns
      ) { block in
        var sums = [Double](repeating: 0, count: names.count + 2 + columns)
        try explainer.whole(block, reconstructs: true, splits: hasSplit) { image, found in
          let clean = reference.values(image..<image + 1)
          let d = clean.count
          for (i, answer) in answers(found).enumerated() {
            var difference = answer
            ck_axpy(&difference, clean, -1, d)
            sums[i] += ck_sum_squares(difference, d)
          }
          sums[names.count] += ck_sum_squares(clean, d)
          sums[names.count + 1] += Double(d)
          for j in 0..<columns { sums[names.count + 2 + j] += Double(clean[j]) }
        }
        return sums
      }
      let (rows, elements) = (Double(source.count), sums[names.count + 1])
      let explained = sums.suffix(columns).reduce(0) { $0 + $1 * $1 / rows }
      let ofMean = max(0, sums[names.count] - explained) / elements
      // Images have no error to themselves; a zero would read like a perfect result.
      let isItself = try world.agree { try inputIsReference() }
      var values = zip(names, sums).filter { hasSplit || !["L", "X-S", "repaired"].contains($0.0) }
        .map { name, sum in
          MetricValue(
            name, isItself && (name == "X" || name.hasPrefix("median")) ? .nan : sum / elements)
        }
      if columns > 0 { values.insert(MetricValue("mean_image", ofMean), at: 1) }
      return values
    }
  }

  /// What is compared of one image: X, its medians, the reconstruction, then L, X - S and the
  /// repaired image where there is a split.
  private func answers(_ found: WholeImage) -> [[Float]] {
    let (x, shape) = (found.x, found.shape)
    var answers = [x]
    for side in [3, 5] {
      var median = x
      MedianFilter.apply(
        x, to: &median, height: shape.height, width: shape.width, channels: shape.channels,
        side: side)
      answers.append(median)
    }
    answers.append(found.reconstruction)
    guard hasSplit else { return answers }
    let (l, s) = (found.l, found.s)
    return answers + [
      l.map { min(max($0, 0), 1) },  // as it is written
      zip(x, s).map { $0 - $1 },
      trained.shrinkage.repair(x, l),
    ]
  }

  /// Whether X is what errors are taken against: no clean images are known, and the input has no
  /// noise.
  func inputIsReference() throws -> Bool {
    try !source.hasClean && trained.inputNoise(for: source.images).isNone
  }
}

import CKernels
import Datasets
import Images
import Layers
import Runs
import Training

extension Evaluation {
  /// The errors of X and of what a user may compare a model with, of D(E(X)) from mean codes and,
  /// with a sparse part, of L, X - S and the repaired images (`Shrinkage.repair`); where the noise
  /// is known, of L; with a first stage of its L, of which the reconstruction is then made.
  ///
  /// A model trained with noise drawn at each step gets inputs with such noise, unless the images
  /// are already corrupted; medians are of the same inputs. The mean image is that of the clean
  /// images: the best answer that does not look at X.
  ///
  /// **Collective.**
  func squaredErrors() throws -> [MetricValue] {
    try once("squared errors") {
      try squaredErrors(
        of: source.images, to: source.wholeReference, isOfRun: source.isOfRun,
        isItself: world.agree { try inputIsReference() })
    }
  }

  /// The errors of images to others; none for a model without an encoder.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isOfRun: whether the images are the run's training rows, with their own S.
  ///   - isItself: whether the images are the others.
  func squaredErrors(
    of images: ImageSet, to reference: ImageSet, isOfRun: Bool, isItself: Bool
  ) throws -> [MetricValue] {
    // Images of mixed sizes have no mean image.
    let columns = reference.isMixed ? 0 : reference.shape.count
    guard
      let found = try compare(
        images, with: reference, isOfRun: isOfRun, columns: columns,
        { answer, clean, _ in
          var difference = answer
          ck_axpy(&difference, clean, -1, clean.count)
          return (ck_sum_squares(difference, clean.count), Double(clean.count))
        })
    else { return [] }
    var values = found.values(isItself: isItself)
    let rows = Double(source.count)
    let explained = found.columnSums.reduce(0) { $0 + $1 * $1 / rows }
    let ofMean = max(0, found.cleanSquares - explained) / found.weight
    if columns > 0 { values.insert(MetricValue("mean_image", ofMean), at: 1) }
    return values
  }

  /// Compares each image and what is made of it with a reference; nil for a model without an
  /// encoder.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - isOfRun: whether the images are the run's training rows, with their own S.
  ///   - columns: how many column sums of the reference are wanted: none, or those of all pixels.
  ///   - measure: gets an answer, the clean image and its shape; returns a sum and its weight,
  ///     which is the same for all answers of an image.
  func compare(
    _ images: ImageSet, with reference: ImageSet, isOfRun: Bool, columns: Int = 0,
    _ measure: (_ answer: [Float], _ clean: [Float], ImageShape) throws -> (Double, Double)
  ) throws -> Comparisons? {
    guard trained.model is any Encoding else { return nil }
    let usesSparsePart = isOfRun && source.hasSparsePart
    let explainer = try world.agree {
      try Explainer(
        trained, images: images, usesSparsePart: usesSparsePart, rounds: options.rounds,
        isOfRun: isOfRun)
    }
    let hasSplit = usesSparsePart || trained.shrinks
    let asked = try world.agree { try undoneNoise(of: images) }
    let undone = trained.restores ? nil : asked
    let names =
      ["X"] + Self.sides(of: reference.shape).map { "median_\($0)x\($0)" }
      + (explainer.first == nil ? [] : ["L_first"]) + ["reconstruction"]
      + (undone == nil ? [] : ["corrected"])
      + (hasSplit ? ["L", "X-S", "repaired"] : trained.restores ? ["L"] : [])
    let n = names.count
    // Sums, then sums of squared means of an image, then squares and weight, then column sums.
    let sums = try RowBlocks(rows: source.count, of: reference.largestShape, on: world).sum(
      2 * n + 2 + columns
    ) { block in
      var sums = [Double](repeating: 0, count: 2 * n + 2 + columns)
      try explainer.whole(
        block, reconstructs: true, splits: hasSplit || trained.restores
      ) { image, found in
        let clean = reference.values(image..<image + 1)
        for (i, answer) in answers(found, hasSplit: hasSplit, undone: undone)
          .enumerated()
        {
          let (sum, weight) = try measure(answer, clean, found.shape)
          sums[i] += sum
          sums[n + i] += sum / weight * (sum / weight)
          if i == 0 { sums[2 * n + 1] += weight }
        }
        sums[2 * n] += ck_sum_squares(clean, clean.count)
        for j in 0..<columns { sums[2 * n + 2 + j] += Double(clean[j]) }
      }
      return sums
    }
    return Comparisons(
      names: names, sums: Array(sums[..<n]), squares: Array(sums[n..<2 * n]),
      weight: sums[2 * n + 1], images: source.count, cleanSquares: sums[2 * n],
      columnSums: Array(sums[(2 * n + 2)...]))
  }

  /// The option of noise whose mean effect is undone in the reconstruction, as `corrected`.
  static let undo = MetricOption(
    "undo", "SPEC", "noise whose effect in the mean is taken out of reconstructions: corrected",
    .text)

  /// The noise of the option, and what it makes of a clean value y in the mean, offset + gain y; nil
  /// without the option, and for features.
  ///
  /// - Throws: `ConfigurationError` for noise without a density, and for noise that leaves nothing.
  private func undoneNoise(
    of images: ImageSet
  ) throws -> (words: String?, offset: Float, gain: Float)? {
    guard let text = options.metrics.text(Self.undo), !images.shape.isFeatures else { return nil }
    do throws(DatasetError) {
      let asked = try KnownNoise(parsing: text)
      guard asked.bounds == nil, !asked.isOfPlaces else {
        throw .specification(
          found: text, expected: "noise of all pixels alike, with a level or auto")
      }
      let noise = try asked.estimated(from: images)
      let line = try noise.channel(of: images.shape).meanLine()
      return (
        asked.isEstimated ? "corrected: of \(noise), as flat parts of the images show it" : nil,
        Float(line.offset), Float(line.gain)
      )
    } catch {
      guard case .specification(let found, let expected) = error else {
        preconditionFailure("\(error)")
      }
      throw ConfigurationError("--\(Self.undo.name): found \(found), expected \(expected)")
    }
  }

  /// What is to be said of the option: the level that was found, or why it was not followed.
  ///
  /// **Collective.**
  func undoneWords() throws -> String? {
    try world.agree {
      guard let undone = try undoneNoise(of: source.images) else { return nil }
      return trained.restores
        ? "--\(Self.undo.name): no row corrected: the model's own L has the noise out"
        : undone.words
    }
  }

  /// What is compared of one image: X, its medians, L of a first stage, the reconstruction, the
  /// same corrected; with a split L, X - S and the repaired image, too.
  private func answers(
    _ found: WholeImage, hasSplit: Bool, undone: (words: String?, offset: Float, gain: Float)?
  ) -> [[Float]] {
    let (x, shape) = (found.x, found.shape)
    var answers = [x]
    for side in Self.sides(of: shape) {
      var median = x
      MedianFilter.apply(
        x, to: &median, height: shape.height, width: shape.width, channels: shape.channels,
        side: side)
      answers.append(median)
    }
    if !found.first.isEmpty { answers.append(found.first) }
    answers.append(found.reconstruction)
    if let (_, offset, gain) = undone {
      answers.append(found.reconstruction.map { min(max(($0 - offset) / gain, 0), 1) })
    }
    if trained.restores { answers.append(found.l) }
    guard hasSplit else { return answers }
    let (l, s) = (found.l, found.s)
    return answers + [
      shape.isFeatures ? l : l.map { min(max($0, 0), 1) },  // as it is written
      zip(x, s).map { $0 - $1 },
      trained.shrinkage.repair(x, l),
    ]
  }

  /// The sides of the squares whose medians are compared; features have no neighbours.
  private static func sides(of shape: ImageShape) -> [Int] { shape.isFeatures ? [] : [3, 5] }

  /// Whether X is what errors are taken against: no clean images are known, and the input has no
  /// noise.
  func inputIsReference() throws -> Bool {
    try !source.hasClean && trained.inputNoise(for: source.images).isNone
  }
}

/// Sums over images of what was compared with clean ones.
struct Comparisons {
  /// What was compared.
  let names: [String]
  /// The sum of each, and the sum of the squared means of an image.
  let sums: [Double], squares: [Double]
  /// The sum of the weights.
  let weight: Double
  /// The number of images.
  let images: Int
  /// The squares of the clean images, and the sums of their columns.
  let cleanSquares: Double, columnSums: [Double]

  /// The means, each with the standard error of the mean over images.
  ///
  /// - Parameter isItself: whether X is what it was compared with: then X and its medians have no
  ///   number, since a perfect one would read like a result.
  func values(isItself: Bool) -> [MetricValue] {
    names.indices.map { i in
      let mean = sums[i] / weight
      let n = Double(images)
      // Images of mixed sizes have unlike weights: their error is that of the mean of means.
      let variance = n > 1 ? max(0, squares[i] / n - mean * mean) / (n - 1) : .nan
      let none = isItself && (names[i] == "X" || names[i].hasPrefix("median"))
      return MetricValue(
        names[i], none ? .nan : mean,
        standardError: none || !variance.isFinite ? nil : variance.squareRoot())
    }
  }
}

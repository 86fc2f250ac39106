import Datasets
import Layers
import MPI
import Models
import Runs
import Statistics
import Support
import Tensors
import Training

/// Rows that several metrics share: new images, codes, and the splits of the data set beside the one
/// that is measured.
extension Evaluation {
  /// Images or codes [count, width] in row order, the same on all ranks, which share the work.
  ///
  /// **Collective.**
  ///
  /// - Parameter compute: the rows of a block, [block, width].
  func rows(
    _ count: Int, width: Int, of shape: ImageShape, _ compute: (Range<Int>) throws -> [Float]
  ) throws -> Tensor {
    let all = Tensor(Shape(count, width))
    try RowBlocks(rows: count, of: shape, on: world).collect(width: width, compute: compute) {
      (all.pointer + $0.lowerBound * width).update(from: $1, count: $1.count)
    }
    try world.broadcast(
      UnsafeMutableRawBufferPointer(
        start: all.pointer, count: all.count * MemoryLayout<Float>.stride))
    return all
  }

  /// A metric's answer that rank 0 computes while the others sleep.
  ///
  /// **Collective.**
  ///
  /// - Returns: the numbers of rank 0, on all ranks.
  func onRoot(_ count: Int, _ body: () throws -> [Double]) throws -> [Double] {
    var numbers = [Double](repeating: 0, count: count)
    try world.agreeAsleep {
      guard world.isRoot else { return }
      numbers = try body()
      precondition(numbers.count == count, "\(numbers.count) numbers, \(count) expected")
    }
    try world.allReduce(&numbers, .sum)
    return numbers
  }

  // MARK: - New images

  /// A sampler of the run's seed; nil for a model that has no new images without a chain.
  func sampler() throws -> Sampler? {
    guard trained.model is any Generative else { return nil }
    return try Sampler(trained, seed: trained.configuration.common.lanes.seed)
  }

  /// The number of new images that metrics compare.
  var generatedCount: Int { options.metrics.integer(.generated) ?? MetricOption.usualGenerated }

  /// New images [count, D] on all ranks; nil for a model without a prior.
  ///
  /// **Collective.**
  func generated(_ count: Int) throws -> Tensor? {
    guard let sampler = try world.agree({ try sampler() }) else { return nil }
    return try once("generated \(count)") {
      try rows(count, width: trained.imageShape.count, of: trained.imageShape) {
        sampler.samples($0).values
      }
    }
  }

  // MARK: - Codes

  /// Mean codes [count, J] of the first images of a set on all ranks; nil for a model without an
  /// encoder.
  ///
  /// **Collective.**
  func codes(of images: ImageSet, count: Int) throws -> Tensor? {
    guard hasCodes else { return nil }
    return try once("codes of \(images.path) \(images.split) \(images.noise ?? "") \(count)") {
      let explainer = try world.agree {
        try Explainer(trained, images: images, usesSparsePart: false, rounds: options.rounds)
      }
      let width = try world.agree { explainer.codes(0..<1).mean.shape.columns }
      return try rows(count, width: width, of: images.shape) { explainer.codes($0).mean.values }
    }
  }

  // MARK: - Splits

  /// A split of the data set without its noise: the clean images where they are known.
  ///
  /// - Returns: nil where the file has no such split.
  func cleanPart(_ split: Split) throws -> ImageSet? {
    if split == data.split { return trained.binary(data.clean ?? data) }
    return try once("part \(split)") {
      let settings = trained.configuration.common.data
      let options = settings.data == data.path ? settings.imageSetOptions : ImageSetOptions()
      guard
        let images = try ImageSet.openIfPresent(data.path, split: split.rawValue, options: options)
      else { return ImageSet?.none }
      try trained.checkShape(of: images)
      return trained.binary(images.clean ?? images)
    }
  }

  /// The split on which a metric is measured that is fitted on the training split: the one asked for,
  /// or the test split instead of the training split.
  var heldOutSplit: Split { data.split == .train ? .test : data.split }

  /// A split that a metric needs.
  ///
  /// - Throws: `RunError.data` where the file has none.
  func required(_ split: Split, for metric: String) throws -> ImageSet {
    guard let images = try cleanPart(split) else {
      throw RunError.data(
        data.path,
        "found no split \(split.rawValue), expected one for \(metric); import the images with "
          + "--test N, or name a file that has it by --data")
    }
    return images
  }

  /// The labels of a split that a metric needs.
  ///
  /// - Throws: `RunError.data` where it has none.
  func labels(of images: ImageSet, for metric: String) throws -> [Int32] {
    guard let labels = images.labels else {
      throw RunError.data(
        images.path,
        "\(images.split.rawValue): found no labels, expected a class for each image for \(metric); "
          + "import folders of classes, or name the labels at import")
    }
    return labels
  }
}

extension MetricOption {
  static let usualGenerated = 10_000
  /// The number of new images.
  static let generated = MetricOption(
    "generated", "N", "new images to compare, and as many real ones (default \(usualGenerated))",
    .integer(2...10_000_000))
  /// The first training images that a classifier is fitted on.
  static let fit = MetricOption(
    "fit", "N", "fit classifiers on the first N training images only", .integer(2...Int.max))
}

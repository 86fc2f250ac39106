import Autodiff
import Datasets
import Foundation
import Images
import Layers
import Runs
import Support
import Tensors
import Training

/// Clean images that an image may come from: draws of the code, each with the clean image it tells
/// of.
///
/// Prakash et al., "Fully Unsupervised Diversity Denoising with Convolutional Variational
/// Autoencoders" (DivNoising), ICLR 2021.
extension Outputs {
  /// Draws in a picture.
  private static let shownDraws = 4

  /// Writes `/draws` (uint8, [N, count, H, W, C]), `/mean` and `/deviation` (float32, [N, H, W, C])
  /// of the draws of each image; or a picture of some rows.
  ///
  /// A draw is the mean of the clean image given x and a code z ~ q(z|x), where the model knows the
  /// noise, and the decoder's mean otherwise. The deviation is that of the draws around their mean.
  ///
  /// **Collective.**
  ///
  /// - Returns: what a reader should know, a line each.
  /// - Throws: `ConfigurationError` for a model whose codes are not drawn, or that splits images,
  ///   and for patches; errors of the files.
  public func draws(_ data: ImageSet, count: Int, to path: String) throws -> [String] {
    let source = try world.agree { try Source(trained, data) }
    let drawer = try world.agree {
      try CleanDraws(trained, images: source.images, count: count)
    }
    let words =
      Quantity.count(count, "draw") + " of the code of each image"
      + (trained.restores ? ", with the mean of the clean image given X" : "")
    if path.hasSuffix(".png") {
      try drawSheet(of: source, data, drawer, words, to: path)
      return [words]
    }
    let shape = try world.agree { try source.wholeShape() }
    let d = source.images.shape.count
    let originals = try world.agree { try Originals(of: data.whole) }
    try write(path, data) { file in
      let draws = try file?.createDataset(
        "/draws", .uint8, shape: [shape[0], count] + shape.dropFirst())
      let mean = try file?.createDataset("/mean", .float32, shape: shape)
      let deviation = try file?.createDataset("/deviation", .float32, shape: shape)
      try RowBlocks(rows: source.count, of: source.images.shape, on: world)
        .collect(width: (count + 2) * d) {
          drawer.values($0)
        } write: { block, values in
          for (i, row) in block.enumerated() {
            let first = i * (count + 2) * d
            let parts = (0..<count + 2).map { values[first + $0 * d..<first + ($0 + 1) * d] }
            let bytes = parts.dropLast(2).flatMap { $0.map(ImageGrid.byte) }
            try draws?.write(bytes, row..<row + 1)
            try mean?.write(Array(parts[count]), row..<row + 1)
            try deviation?.write(Array(parts[count + 1]), row..<row + 1)
          }
        }
      if let file { try originals.write(rows: source.count, to: file) }
    }
    return [words]
  }

  /// Draws X, some draws, mean and deviation of all, and the clean images, side by side.
  private func drawSheet(
    of source: Source, _ data: ImageSet, _ drawer: CleanDraws, _ words: String, to path: String
  ) throws {
    try world.agree {
      guard world.isRoot else { return }
      try checkTarget(path, data)
      let originals = try Originals(of: data.whole)
      let pinned = SplitSheet.pinned(of: source.count)
      let (shape, d) = (source.images.shape, source.images.shape.count)
      let found = pinned.map { drawer.values($0..<$0 + 1) }
      func part(_ number: Int) -> [Float] { found.flatMap { $0[number * d..<(number + 1) * d] } }
      var columns = [
        ComparisonSheet.Column("X", pinned.flatMap { source.images.values($0..<$0 + 1) })
      ]
      for number in 0..<min(drawer.count, Self.shownDraws) {
        columns.append(.init("draw \(number + 1)", part(number)))
      }
      columns.append(.init("mean", part(drawer.count)))
      let deviations = part(drawer.count + 1)
      let largest = max(deviations.max() ?? 0, 1e-6)
      columns.append(
        .init(
          "deviation", note: "white \(Quantity.significant(Double(largest)))", deviations,
          range: 0...largest))
      if source.hasClean {
        columns.append(
          .init("clean", pinned.flatMap { source.wholeReference.values($0..<$0 + 1) }))
      }
      let title = "\(runName), \(trained.checkpoint.name): \(words)"
      let sheet = ComparisonSheet(
        title: title, columns: columns, labels: pinned.map { label($0, originals) },
        rows: pinned.count, height: shape.height, width: shape.width, channels: shape.channels)
      try PNG.write(sheet.picture(), texts: texts(title, data), to: path)
    }
  }
}

/// Draws of the clean images of rows by a trained model.
final class CleanDraws {
  /// Draws of an image.
  let count: Int
  private let model: any Autoencoder
  private let images: ImageSet
  private let step: Step

  /// - Throws: `ConfigurationError` for a model whose codes are not drawn, or that splits images,
  ///   and for patches.
  init(_ trained: TrainedModel, images: ImageSet, count: Int) throws {
    guard let model = trained.model as? any Autoencoder, !trained.shrinks, !images.isPatches,
      !trained.hasFirstStage
    else {
      throw ConfigurationError(
        key: "--samples", found: "model=\(trained.configuration.model)",
        expected: "a model of whole images that draws codes and splits none, as train "
          + "mnist-noise-vae makes it")
    }
    self.model = model
    self.images = images
    self.count = count
    step = Step(seed: trained.configuration.common.lanes.seed)
    begin(0..<1)
    guard model.encode(step.target).logVariance != nil else {
      throw ConfigurationError(
        key: "--samples", found: "model=\(trained.configuration.model), whose codes are not drawn",
        expected: "a model with q(z|x), as train mnist-noise-vae makes it")
    }
  }

  private func begin(_ rows: Range<Int>) {
    rows.map(Int32.init).withUnsafeBufferPointer { batch in
      step.begin(rows: batch, dimensions: images.shape.count, purpose: .evaluation, time: 0) {
        images.gather(rows, into: $0)
      }
    }
  }

  /// The draws of each row, then their mean and their deviation, [rows, count + 2, D].
  func values(_ rows: Range<Int>) -> [Float] {
    let d = images.shape.count
    var all = [Float](repeating: 0, count: rows.count * (count + 2) * d)
    begin(rows)
    let x = step.target
    let code = model.encode(x)
    guard let logVariance = code.logVariance else { return all }
    let q = DiagonalGaussian(mean: code.mean, logVariance: logVariance)
    var sums = [Double](repeating: 0, count: rows.count * d)
    var squares = sums
    for number in 0..<count {
      let z = q.sample(step.latentNoise(code.mean.shape.columns, repetition: number))
      let image = (restored(x, z) ?? model.decode(z)).pointer
      for i in 0..<rows.count * d {
        let value = image[i]
        all[(i / d * (count + 2) + number) * d + i % d] = value
        sums[i] += Double(value)
        squares[i] += Double(value) * Double(value)
      }
    }
    for i in 0..<rows.count * d {
      let mean = sums[i] / Double(count)
      let first = i / d * (count + 2) * d
      all[first + count * d + i % d] = Float(mean)
      let variance = max(0, squares[i] / Double(count) - mean * mean)
      all[first + (count + 1) * d + i % d] = Float(variance.squareRoot())
    }
    return all
  }

  private func restored(_ x: Variable, _ z: Variable) -> Variable? {
    guard let model = model as? any Restoring, model.restores else { return nil }
    return model.restored(x, z)
  }
}

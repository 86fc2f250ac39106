import Datasets
import Layers

/// L of whole images by a model with frozen weights, of rows of a set or of images of which rows are
/// patches.
///
/// Shapes: D values of a row; images have [H, W, C] values.
final class WholeSplit {
  private let split: FrozenSplit
  private let rowShape: ImageShape
  private let source: PatchSource?

  /// - Parameters:
  ///   - split: of rows.
  ///   - shape: of a row.
  ///   - source: the images of which rows are patches; nil where rows are whole images.
  init(_ split: FrozenSplit, of shape: ImageShape, patchesOf source: PatchSource?) {
    self.split = split
    rowShape = shape
    self.source = source
  }

  /// The shape of an image.
  func shape(of image: Int) -> ImageShape { source?.images.shape(of: image) ?? rowShape }

  /// Consecutive images in blocks that are computed together, for any number of ranks.
  func blocks(_ images: Range<Int>) -> [Range<Int>] {
    source == nil ? HiddenPixels.blocks(images, of: rowShape) : images.map { $0..<$0 + 1 }
  }

  /// L of images, one after another; of a pixel that patches share, the mean over them.
  ///
  /// - Parameters:
  ///   - images: consecutive ones.
  ///   - x: their values, one image after another.
  ///   - hidden: 1 for values that the model shall not see (`FrozenSplit.run`); nil for none.
  func l(_ images: Range<Int>, _ x: [Float], hidden: [UInt8]? = nil) -> [Float] {
    guard let source else { return l(ofRows: images, x, hidden) }
    var result: [Float] = []
    result.reserveCapacity(x.count)
    for image in images {
      let own = result.count..<result.count + shape(of: image).count
      result += l(
        ofImage: image, Array(x[own]), hidden.map { Array($0[own]) }, patches: source)
    }
    return result
  }

  private func l(ofRows rows: Range<Int>, _ x: [Float], _ hidden: [UInt8]?) -> [Float] {
    var l = [Float](repeating: 0, count: x.count)
    var s = l
    if let hidden {
      split.run(rows, x, hidden: hidden, l: &l, s: &s)
    } else {
      split.run(rows, x, l: &l, s: &s)
    }
    return l
  }

  private func l(
    ofImage image: Int, _ x: [Float], _ hidden: [UInt8]?, patches source: PatchSource
  ) -> [Float] {
    let shape = shape(of: image)
    var mean = [Float](repeating: 0, count: shape.count)
    var counts = [Float](repeating: 0, count: shape.height * shape.width)
    for rows in HiddenPixels.blocks(source.grid.rows(of: image), of: rowShape) {
      let l = l(
        ofRows: rows, source.cut(rows, of: image, from: x),
        hidden.map { source.cut(rows, of: image, from: $0) })
      source.add(rows, of: image, l, to: &mean, &counts)
    }
    for j in mean.indices { mean[j] /= counts[j / shape.channels] }
    return mean
  }
}

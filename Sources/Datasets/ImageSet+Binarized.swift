import CKernels
import Tensors

extension ImageSet {
  /// The images of `rows` as binary images: each pixel is a Bernoulli draw, equal on every call.
  ///
  /// A pure function of (seed, split, row); binary images do not change. The clean images of the
  /// result, if any, get the same draws. The result has the `noise` of this set.
  public func binarized(seed: UInt64, rows: Range<Int>) -> ImageSet {
    drawn(
      .binarize, Draws(seed: seed, purpose: .binarization, time: split.index), rows: rows,
      clean: clean?.binarized(seed: seed, rows: rows), noise: noise)
  }

  /// The sum of each column over some rows, [D].
  public func columnSums(of rows: Range<Int>) -> [Double] {
    var sums = Array(repeating: 0.0, count: shape.count)
    let atOnce = shape.blockRows
    let block = Storage(count: atOnce * shape.count)
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: atOnce) {
      let some = first..<min(first + atOnce, rows.upperBound)
      gather(some, into: block.pointer)
      ck_column_sums(block.pointer, &sums, some.count, shape.count, 1)
    }
    return sums
  }

  /// The mean of some rows, [D].
  public func meanImage(of rows: Range<Int>) -> [Float] {
    columnSums(of: rows).map { Float($0 / Double(rows.count)) }
  }

  /// Whether noise changed the images; making images binary does not count.
  public var isCorrupted: Bool { noise != nil && noise != Corruption.binarize.spec }
}

extension Corruption {
  /// This corruption, with the mean image of `images` if it needs one.
  public func prepared(for images: ImageSet) -> Corruption {
    needsMeanImage ? knowing(meanImage: images.meanImage(of: 0..<images.count)) : self
  }
}

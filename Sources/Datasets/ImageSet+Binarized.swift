import CKernels
import Tensors

extension ImageSet {
  /// The images of `rows` as binary ones: each pixel a Bernoulli draw, the same whenever asked for.
  ///
  /// A pure function of (seed, split, row); images that are binary already stay as they are. The clean images of the
  /// result, where there are any, get the same draws, and its noise is that of this set.
  public func binarized(seed: UInt64, rows: Range<Int>) -> ImageSet {
    drawn(
      .binarize, Draws(seed: seed, purpose: .binarization, time: split.index), rows: rows,
      clean: clean?.binarized(seed: seed, rows: rows), noise: noise)
  }

  /// The sums of each column over some rows, [D].
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

  /// Whether noise came upon the images; to make them binary is none.
  public var isCorrupted: Bool { noise != nil && noise != Corruption.binarize.spec }
}

extension Corruption {
  /// The corruption with the mean image of a set, where it needs one.
  public func prepared(for images: ImageSet) -> Corruption {
    needsMeanImage ? knowing(meanImage: images.meanImage(of: 0..<images.count)) : self
  }
}

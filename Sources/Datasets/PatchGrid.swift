/// Where square patches lie in images, which may differ in size.
///
/// Along each side patches begin at 0, stride, 2 stride and so on; the last one ends with the image.
/// Patches are numbered image by image, row by row.
public struct PatchGrid: Sendable {
  /// The side of a patch, in pixels.
  public let side: Int
  /// Pixels from one patch to the next.
  public let stride: Int
  /// Height and width of each image.
  private let sizes: [(height: Int, width: Int)]
  /// The number of the first patch of each image, and of all patches, [N + 1].
  private let first: [Int]

  /// The patches of images of these sizes.
  ///
  /// Traps if an image is smaller than a patch.
  public init(side: Int, stride: Int, sizes: [(height: Int, width: Int)]) {
    precondition(side > 0 && stride > 0, "patches of \(side) every \(stride)")
    self.side = side
    self.stride = stride
    self.sizes = sizes
    var first = [0]
    first.reserveCapacity(sizes.count + 1)
    var total = 0
    for (height, width) in sizes {
      precondition(min(height, width) >= side, "patches of \(side) in \(height)x\(width)")
      total += Self.count(height, side, stride) * Self.count(width, side, stride)
      first.append(total)
    }
    self.first = first
  }

  /// The number of patches along `length` pixels.
  private static func count(_ length: Int, _ side: Int, _ stride: Int) -> Int {
    (length - side + stride - 1) / stride + 1
  }

  /// The number of images.
  public var images: Int { sizes.count }

  /// The number of patches.
  public var count: Int { first[sizes.count] }

  /// The patches of an image.
  public func rows(of image: Int) -> Range<Int> { first[image]..<first[image + 1] }

  /// The image that a patch is in.
  public func image(of row: Int) -> Int {
    var (low, high) = (0, sizes.count)  // first[low] <= row < first[high]
    while high - low > 1 {
      let middle = (low + high) / 2
      if first[middle] <= row { low = middle } else { high = middle }
    }
    return low
  }

  /// The upper left pixel of a patch in its image.
  public func corner(of row: Int, in image: Int) -> (y: Int, x: Int) {
    let (height, width) = sizes[image]
    let across = Self.count(width, side, stride)
    let place = row - first[image]
    return (min(place / across * stride, height - side), min(place % across * stride, width - side))
  }
}

import CKernels
import Support

/// The whole images whose patches are the rows of a set.
public struct PatchSource {
  /// The whole images.
  public let images: ImageSet
  /// The set that these images are the first ones of.
  public let all: ImageSet
  /// Where the patches lie.
  public let grid: PatchGrid

  /// Adds values of patches to their images, and counts the patches of each pixel.
  ///
  /// - Parameters:
  ///   - rows: consecutive patches of one image.
  ///   - values: of these patches, [rows.count, side, side, channels].
  ///   - sums: of the image, [H, W, C].
  ///   - counts: of the image's pixels, [H, W].
  public func add(
    _ rows: Range<Int>, of image: Int, _ values: UnsafePointer<Float>,
    to sums: UnsafeMutablePointer<Float>, _ counts: UnsafeMutablePointer<Float>
  ) {
    let (side, shape) = (grid.side, images.shape(of: image))
    let line = side * shape.channels
    for (i, row) in rows.enumerated() {
      let (top, left) = grid.corner(of: row, in: image)
      for y in 0..<side {
        let at = (top + y) * shape.width + left
        ck_axpy(sums + at * shape.channels, values + (i * side + y) * line, 1, line)
        for x in 0..<side { counts[at + x] += 1 }
      }
    }
  }
}

extension ImageSet {
  /// Square patches of these images as the rows of a set; nothing is copied.
  ///
  /// The clean images get the same patches. Labels stay with the whole images.
  ///
  /// - Parameter used: the number of first images whose patches are taken; nil for all.
  /// - Throws: `DatasetError.mismatch` for images that are smaller than a patch, and for more patches
  ///   than a row's number can tell.
  public func patches(
    _ side: Int, stride: Int, of used: Int? = nil
  ) throws(DatasetError) -> ImageSet {
    try (used.map { min($0, count) }.map(limited) ?? self).cut(side, stride, of: self)
  }

  private func cut(
    _ side: Int, _ stride: Int, of all: ImageSet
  ) throws(DatasetError) -> ImageSet {
    let sizes = (0..<count).map { image in
      let shape = shape(of: image)
      return (height: shape.height, width: shape.width)
    }
    if let small = sizes.firstIndex(where: { min($0.height, $0.width) < side }) {
      throw .mismatch(
        file: path, item: "images", found: "\(shape(of: small)) in row \(small)",
        expected: "at least \(side) pixels on each side, as patch=\(side) has")
    }
    let grid = PatchGrid(side: side, stride: stride, sizes: sizes)
    guard grid.count <= Int(Int32.max) else {
      throw .mismatch(
        file: path, item: "patches", found: "\(Quantity.grouped(grid.count)) of \(side)x\(side)",
        expected: "\(Quantity.grouped(Int(Int32.max))) at most; a larger stride than \(stride) "
          + "makes fewer, and rows=N takes the first N images")
    }
    let held =
      heldRows.isEmpty
      ? 0..<0
      : grid.rows(of: heldRows.lowerBound)
        .lowerBound..<grid.rows(of: heldRows.upperBound - 1).upperBound
    return ImageSet(
      PatchSource(images: self, all: all, grid: grid), held: held,
      clean: try clean?.patches(side, stride: stride))
  }

  /// The shape of one image.
  public func shape(of image: Int) -> ImageShape {
    guard let size = mixed?.sizes[image] else { return shape }
    return ImageShape(height: size.height, width: size.width, channels: shape.channels)
  }

  /// Height and width of each image, where images differ in size.
  public var sizes: [(height: Int, width: Int)]? { mixed?.sizes }

  /// Whether images differ in size.
  public var isMixed: Bool { mixed != nil }

  /// The shape of the largest sides.
  public var largestShape: ImageShape {
    guard let sizes = mixed?.sizes else { return shape }
    return ImageShape(
      height: sizes.map(\.height).max() ?? 1, width: sizes.map(\.width).max() ?? 1,
      channels: shape.channels)
  }

  /// The images of which these rows are patches; without patches, these images.
  public var whole: ImageSet { patching?.images ?? self }

  /// The number of rows of the first `images` whole images.
  public func rows(ofFirst images: Int) -> Int {
    guard let grid = patching?.grid else { return images }
    return images == 0 ? 0 : grid.rows(of: images - 1).upperBound
  }

  /// Whether these rows are patches of whole images.
  public var isPatches: Bool { patching != nil }

  /// Copies patches to `destination`: `[rows.count, side, side, C]` floats.
  func copyPatches(
    _ rows: Range<Int>, of source: PatchSource, to destination: UnsafeMutablePointer<Float>
  ) {
    var last = (image: -1, pixels: [Float]())
    for (i, row) in rows.enumerated() {
      let image = source.grid.image(of: row)
      let corner = source.grid.corner(of: row, in: image)
      let place = destination + i * shape.count
      let whole = source.images
      if whole.isDerived {
        if last.image != image { last = (image, whole.values(image..<image + 1)) }
        cut(last.pixels, from: source, image, corner, to: place)
      } else {
        whole.cut(image, corner, side: source.grid.side, to: place)
      }
    }
  }

  private func cut(
    _ pixels: [Float], from source: PatchSource, _ image: Int, _ corner: (y: Int, x: Int),
    to place: UnsafeMutablePointer<Float>
  ) {
    let (side, shape) = (source.grid.side, source.images.shape(of: image))
    let line = side * shape.channels
    pixels.withUnsafeBufferPointer { pixels in
      guard let start = pixels.baseAddress else { return }
      for y in 0..<side {
        let at = ((corner.y + y) * shape.width + corner.x) * shape.channels
        ck_copy(place + y * line, start + at, line)
      }
    }
  }

  /// Copies a square of a stored image.
  private func cut(
    _ image: Int, _ corner: (y: Int, x: Int), side: Int, to place: UnsafeMutablePointer<Float>
  ) {
    let shape = shape(of: image)
    let line = side * shape.channels
    let stored = stored(image..<image + 1)
    guard let start = stored.baseAddress else { return }
    for y in 0..<side {
      let at = ((corner.y + y) * shape.width + corner.x) * shape.channels
      convert(start + at * format.size, line, to: place + y * line)
    }
  }
}

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

extension PatchSource {
  /// Patches of a whole image, [rows.count, side, side, C].
  ///
  /// - Parameters:
  ///   - rows: the patches.
  ///   - image: the image that they are in.
  ///   - values: of that image, [H, W, C].
  public func cut<Value>(_ rows: Range<Int>, of image: Int, from values: [Value]) -> [Value] {
    let shape = images.shape(of: image)
    let line = grid.side * shape.channels
    var result: [Value] = []
    result.reserveCapacity(rows.count * grid.side * line)
    for row in rows {
      let corner = grid.corner(of: row, in: image)
      for y in corner.y..<corner.y + grid.side {
        let first = (y * shape.width + corner.x) * shape.channels
        result += values[first..<first + line]
      }
    }
    return result
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
    if !isMixed, min(shape.height, shape.width) >= side {
      let one = PatchGrid(side: side, stride: stride, sizes: [(shape.height, shape.width)])
      try checkPatches(one.count * count)
    }
    let sizes = (0..<count).map { image in
      let shape = shape(of: image)
      return (height: shape.height, width: shape.width)
    }
    if let small = sizes.firstIndex(where: { min($0.height, $0.width) < side }) {
      throw .mismatch(
        file: path, item: split.rawValue, found: "\(shape(of: small)) in row \(small)",
        expected:
          "at least \(side) pixels on each side, as patch=\(side) has; leave such pictures out, "
          + "or train with a smaller patch")
    }
    let grid = PatchGrid(side: side, stride: stride, sizes: sizes)
    try checkPatches(grid.count)
    let held =
      heldRows.isEmpty
      ? 0..<0
      : grid.rows(of: heldRows.lowerBound)
        .lowerBound..<grid.rows(of: heldRows.upperBound - 1).upperBound
    return ImageSet(
      PatchSource(images: self, all: all, grid: grid), held: held,
      clean: try clean?.patches(side, stride: stride))
  }

  /// Numbers of rows must fit into 32 bits.
  private func checkPatches(_ patches: Int) throws(DatasetError) {
    guard patches > Int(Int32.max) else { return }
    throw .mismatch(
      file: path, item: "images", found: Quantity.count(patches, "patch", plural: "patches"),
      expected:
        "no more than \(Quantity.grouped(Int(Int32.max))) (a larger stride makes fewer, and rows=N "
        + "takes the first N images)"
    )
  }

  /// The shape of one image.
  public func shape(of image: Int) -> ImageShape {
    guard let size = mixed?.sizes[image] else { return shape }
    return ImageShape(height: size.height, width: size.width, channels: shape.channels)
  }

  /// Height and width of each image, where images differ in size.
  public var sizes: [(height: Int, width: Int)]? { mixed?.sizes }

  /// The values of all images.
  public var pixelValues: Int {
    mixed.map { ($0.first.last ?? 0) * shape.channels } ?? count * shape.count
  }

  /// Whether images differ in size.
  public var isMixed: Bool { mixed != nil }

  /// The shape of the largest sides.
  public var largestShape: ImageShape { mixed?.largest(channels: shape.channels) ?? shape }

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
      let place = destination + i * shape.count
      let whole = source.images
      if whole.isDerived {
        if last.image != image { last = (image, whole.values(image..<image + 1)) }
        let patch = source.cut(row..<row + 1, of: image, from: last.pixels)
        ck_copy(place, patch, patch.count)
      } else {
        whole.cut(
          image, source.grid.corner(of: row, in: image), side: source.grid.side, to: place)
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

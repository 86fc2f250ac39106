/// Makes pictures of any size into images of a data set: a centred square, resampled to one size.
public struct Framing: Equatable, Sendable {
  /// Pixels a side of an image.
  public let size: Int
  /// Side of the square, in pixels, that is cut out of the middle; nil for the largest square.
  public let crop: Int?
  /// Whether images are grey; otherwise RGB.
  public let isGrey: Bool
  /// Whether the values of each square are stretched to 0...255, for each image separately.
  ///
  /// The image library of the RVAE authors' CelebA scripts stretched values by default.
  public let stretchesContrast: Bool

  /// A framing; sides must be positive.
  public init(size: Int, crop: Int? = nil, isGrey: Bool = false, stretchesContrast: Bool = false) {
    precondition(size > 0 && crop ?? 1 > 0, "a square of \(crop ?? 0) to images of \(size)")
    self.size = size
    self.crop = crop
    self.isGrey = isGrey
    self.stretchesContrast = stretchesContrast
  }

  /// Values of one pixel of an image: 1 or 3.
  public var channels: Int { isGrey ? 1 : 3 }

  /// Values of an image: size x size x channels.
  public var count: Int { size * size * channels }

  /// Whether the square lies within the picture.
  public func fits(_ picture: Picture) -> Bool {
    crop ?? 1 <= min(picture.height, picture.width)
  }

  /// Whether parts of the picture lie outside the square.
  public func crops(_ picture: Picture) -> Bool {
    let side = crop ?? min(picture.height, picture.width)
    return picture.height != side || picture.width != side
  }

  /// Makes an image, `[size, size, channels]`, from a picture.
  ///
  /// If the margins around the square cannot be equal, the left and top margins are one pixel
  /// narrower. A grey picture becomes three equal colours. A coloured picture becomes its luma,
  /// ITU-R BT.601. Both conversions equal Pillow's.
  ///
  /// Traps if the square does not fit the picture.
  public func apply(to picture: Picture, into image: UnsafeMutablePointer<UInt8>) {
    precondition(fits(picture), "\(crop ?? 0) of \(picture.width)x\(picture.height) pixels")
    let side = crop ?? min(picture.height, picture.width)
    var square = picture
    var (top, left) = ((picture.height - side) / 2, (picture.width - side) / 2)
    let turnsGrey = isGrey && picture.channels == 3
    if turnsGrey || stretchesContrast {
      square = picture.cut(top: top, left: left, side: side)
      (top, left) = (0, 0)
      if turnsGrey { square = square.grey() }
      if stretchesContrast { square.stretchContrast() }
    }
    let resize = BilinearResize(from: (side, side), to: (size, size))
    let stride = square.width * square.channels
    square.bytes.withUnsafeBufferPointer { pixels in
      guard let start = pixels.baseAddress else { return }
      resize(
        start + top * stride + left * square.channels, stride: stride, channels: square.channels,
        into: image)
    }
    if square.channels < channels { Self.tripleGrey(image, count: size * size) }
  }

  /// Expands `count` grey pixels to RGB in place.
  private static func tripleGrey(_ image: UnsafeMutablePointer<UInt8>, count: Int) {
    for pixel in stride(from: count - 1, through: 0, by: -1) {
      (image + 3 * pixel).update(repeating: image[pixel], count: 3)
    }
  }
}

extension Picture {
  /// A square of the picture.
  fileprivate func cut(top: Int, left: Int, side: Int) -> Picture {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(side * side * channels)
    for y in top..<top + side {
      let start = (y * width + left) * channels
      bytes += self.bytes[start..<start + side * channels]
    }
    return Picture(height: side, width: side, channels: channels, bytes: bytes)
  }

  /// The luma of an RGB picture: 0.299 R + 0.587 G + 0.114 B in 16-bit fractions, rounded.
  fileprivate func grey() -> Picture {
    let values = (0..<height * width).map { pixel in
      let (red, green) = (UInt32(bytes[3 * pixel]), UInt32(bytes[3 * pixel + 1]))
      let blue = UInt32(bytes[3 * pixel + 2])
      let luma = (19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16
      return UInt8(truncatingIfNeeded: luma)
    }
    return Picture(height: height, width: width, channels: 1, bytes: values)
  }

  /// Stretches the values of all channels together: the smallest becomes 0 and the largest 255.
  fileprivate mutating func stretchContrast() {
    guard let low = bytes.min(), let high = bytes.max() else { return }
    let factor = high > low ? 255 / Double(high - low) : 1
    let table = (0...255).map { value in
      UInt8(min(max(Double(value) - Double(low), 0) * factor, 255) + 0.5)
    }
    for index in bytes.indices { bytes[index] = table[Int(bytes[index])] }
  }
}

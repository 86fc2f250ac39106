/// Makes pictures of any size into images of a data set, all of one size.
public struct Framing: Equatable, Sendable {
  /// Rows of pixels of an image.
  public let height: Int
  /// Pixels in each row of an image.
  public let width: Int
  /// What becomes of a picture of another form.
  public let fit: Fit
  /// Side of the square, in pixels, that is cut out of the middle; nil for the largest part.
  public let crop: Int?
  /// Whether images are grey; otherwise RGB.
  public let isGrey: Bool
  /// Whether the values of each square are stretched to the full range, for each image separately.
  ///
  /// The image library of the RVAE authors' CelebA scripts stretched values by default.
  public let stretchesContrast: Bool
  /// The colour at the edges of images that are padded.
  public let background: Background

  /// A framing; sides must be positive.
  public init(
    height: Int, width: Int, fit: Fit = .crop, crop: Int? = nil, isGrey: Bool = false,
    stretchesContrast: Bool = false, background: Background = .white
  ) {
    precondition(
      height > 0 && width > 0 && crop ?? 1 > 0, "a square of \(crop ?? 0) to \(height)x\(width)")
    self.height = height
    self.width = width
    self.fit = fit
    self.crop = crop
    self.isGrey = isGrey
    self.stretchesContrast = stretchesContrast
    self.background = background
  }

  /// A framing to squares; sides must be positive.
  public init(size: Int, crop: Int? = nil, isGrey: Bool = false, stretchesContrast: Bool = false) {
    self.init(
      height: size, width: size, crop: crop, isGrey: isGrey, stretchesContrast: stretchesContrast)
  }

  /// Values of one pixel of an image: 1 or 3.
  public var channels: Int { isGrey ? 1 : 3 }

  /// Values of an image: height x width x channels.
  public var count: Int { height * width * channels }

  /// Whether the square lies within the picture.
  public func fits<Value>(_ picture: Raster<Value>) -> Bool {
    crop ?? 1 <= min(picture.height, picture.width)
  }

  /// Whether a picture of these sides has another form than the images, so that `fit` changes it.
  public func reshapes(height: Int, width: Int) -> Bool {
    switch fit {
    case .crop: part(height, width) != (0, 0, height, width)
    case .pad: inner((height, width)) != (self.height, self.width)
    case .stretch: height * self.width != width * self.height
    }
  }

  /// The part of a picture that becomes the image.
  ///
  /// If the margins around it cannot be equal, the left and top margins are one pixel narrower.
  private func part(
    _ height: Int, _ width: Int
  ) -> (top: Int, left: Int, height: Int, width: Int) {
    let (h, w) = fit.part(of: (height, width), for: (self.height, self.width), crop: crop)
    return ((height - h) / 2, (width - w) / 2, h, w)
  }

  /// The sides to which a part is resized.
  private func inner(_ part: (height: Int, width: Int)) -> (height: Int, width: Int) {
    fit.inner(for: part, in: (height, width))
  }

  /// The part of a picture, in the colours of the images.
  private func prepared<Value>(_ picture: Raster<Value>) -> Raster<Value> {
    precondition(fits(picture), "\(crop ?? 0) of \(picture.width)x\(picture.height) pixels")
    let part = part(picture.height, picture.width)
    var result = picture
    if (part.height, part.width) != (picture.height, picture.width) {
      result = picture.cut(
        top: part.top, left: part.left, height: part.height, width: part.width)
    }
    if isGrey && result.channels == 3 { result = result.grey() }
    if stretchesContrast { result.stretchContrast() }
    return result
  }

  /// Makes an image, `[height, width, channels]`, from a picture.
  ///
  /// A grey picture becomes three equal colours. A coloured picture becomes its luma, ITU-R BT.601.
  /// Both conversions equal Pillow's.
  ///
  /// Traps if the square does not fit the picture.
  public func apply(to picture: Picture, into image: UnsafeMutablePointer<UInt8>) {
    let part = prepared(picture)
    let inner = inner((part.height, part.width))
    let resize = BilinearResize(from: (part.height, part.width), to: inner)
    compose(part.channels, inner, behind.map { UInt8($0) }, into: image) { result in
      part.values.withUnsafeBufferPointer { pixels in
        guard let start = pixels.baseAddress else { return }
        resize(start, stride: part.width * part.channels, channels: part.channels, into: result)
      }
    }
  }

  /// Makes an image of floats in [0, 1] from a picture of 16 bits: value / 65535.
  ///
  /// Traps if the square does not fit the picture.
  public func apply(to picture: DeepPicture, into image: UnsafeMutablePointer<Float>) {
    let part = prepared(picture)
    let inner = inner((part.height, part.width))
    let resize = BilinearResize(from: (part.height, part.width), to: inner)
    compose(part.channels, inner, behind.map { Float($0) / 255 }, into: image) { result in
      part.values.withUnsafeBufferPointer { pixels in
        guard let start = pixels.baseAddress else { return }
        resize(start, channels: part.channels, into: result)
      }
    }
  }

  /// The background in the channels of the images.
  private var behind: [Int] {
    (isGrey ? [background.grey] : [background.red, background.green, background.blue])
      .map { Int($0) }
  }

  /// Puts a resized part in the middle of an image, and expands grey pixels to RGB.
  private func compose<Value: BitwiseCopyable>(
    _ drawn: Int, _ inner: (height: Int, width: Int), _ behind: [Value],
    into image: UnsafeMutablePointer<Value>, draw: (UnsafeMutablePointer<Value>) -> Void
  ) {
    if drawn == channels && inner == (height, width) { return draw(image) }
    withUnsafeTemporaryAllocation(
      of: Value.self, capacity: inner.height * inner.width * drawn
    ) { part in
      guard let part = part.baseAddress else { return }
      draw(part)
      for i in 0..<count { image[i] = behind[i % channels] }
      let (top, left) = ((height - inner.height) / 2, (width - inner.width) / 2)
      for y in 0..<inner.height {
        for x in 0..<inner.width {
          let from = part + (y * inner.width + x) * drawn
          let to = image + ((y + top) * width + x + left) * channels
          for channel in 0..<channels { to[channel] = from[drawn == 1 ? 0 : channel] }
        }
      }
    }
  }
}

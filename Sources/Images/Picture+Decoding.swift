import Support

/// What decoding has changed, so that an import can tell it.
public struct PictureChanges: OptionSet, Sendable {
  /// One bit a change.
  public let rawValue: Int

  /// The changes of some bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Turned or mirrored as the camera's note of orientation says.
  public static let turned = PictureChanges(rawValue: 1)
  /// Transparent pixels were laid on the background.
  public static let laidOnBackground = PictureChanges(rawValue: 2)
  /// The file holds further pictures, which were not read.
  public static let firstOfSeveral = PictureChanges(rawValue: 4)
}

/// A colour behind transparent pixels; grey files take its luma.
public struct Background: Equatable, Sendable {
  let red: UInt8, green: UInt8, blue: UInt8

  /// White, as viewers and paper have it.
  public static let white = Background(red: 255, green: 255, blue: 255)

  init(red: UInt8, green: UInt8, blue: UInt8) {
    (self.red, self.green, self.blue) = (red, green, blue)
  }

  /// `white`, `black` or six hexadecimal digits, `RRGGBB`; nil for other text.
  public init?(_ text: String) {
    let known = ["white": "ffffff", "black": "000000"]
    let digits = known[text] ?? text
    guard digits.utf8.count == 6, digits.allSatisfy(\.isHexDigit),
      let value = UInt32(digits, radix: 16)
    else { return nil }
    self.init(
      red: UInt8(value >> 16), green: UInt8(value >> 8 & 255), blue: UInt8(value & 255))
  }

  /// The luma, ITU-R BT.601.
  var grey: UInt8 {
    let luma = 19595 * UInt32(red) + 38470 * UInt32(green) + 7471 * UInt32(blue)
    return UInt8(truncatingIfNeeded: (luma + 1 << 15) >> 16)
  }
}

/// A picture as viewers show it: turned as its EXIF data say, and on a background.
public struct DecodedPicture: Sendable {
  /// The pixels, in the depth of the file.
  public enum Pixels: Sendable {
    /// 8 bits a value.
    case bytes(Picture)
    /// 16 bits a value.
    case words(DeepPicture)
  }

  /// The pixels.
  public let pixels: Pixels
  /// The format of the file.
  public let format: ImageError.Format
  /// What decoding has changed.
  public let changes: PictureChanges

  /// Decodes the bytes of a PNG, JPEG, TIFF, BMP, WebP or GIF file; of several pictures in a file,
  /// the first.
  ///
  /// - Parameter path: the name of the file in errors.
  /// - Returns: nil for bytes of another format.
  /// - Throws: `ImageError` if the file is damaged or of a kind that is not read.
  public static func decode(
    _ bytes: [UInt8], named path: String, background: Background = .white
  ) throws(ImageError) -> DecodedPicture? {
    guard let header = try PictureHeader.read(bytes, named: path) else { return nil }
    var changes: PictureChanges = header.hasMore ? .firstOfSeveral : []
    if header.orientation != 1 { changes.insert(.turned) }
    func turned<Value>(_ picture: Raster<Value>) -> Raster<Value> {
      header.orientation == 1 ? picture : picture.turned(header.orientation)
    }
    var isTransparent = false
    let pixels: Pixels
    switch (header.format, header.depth) {
    case (.jpeg, _):
      pixels = .bytes(turned(try JPEG.decode(bytes, named: path)))
    case (.png, 8):
      pixels = .bytes(
        turned(try PNG.decode(bytes, named: path, background: background, &isTransparent)))
    case (_, 8):
      pixels = .bytes(
        turned(
          try MagickDecoder.decode(
            bytes, header, named: path, background: background, as: UInt8.self, &isTransparent)))
    default:
      pixels = .words(
        turned(
          try MagickDecoder.decode(
            bytes, header, named: path, background: background, as: UInt16.self, &isTransparent)))
    }
    if isTransparent { changes.insert(.laidOnBackground) }
    return DecodedPicture(pixels: pixels, format: header.format, changes: changes)
  }
}

extension Picture {
  /// Decodes the bytes of an 8-bit picture like ``DecodedPicture``.
  ///
  /// - Returns: the picture and what was changed; nil for bytes of another format.
  /// - Throws: `ImageError` if the file is damaged, of a kind that is not read, or has 16 bits.
  public static func decode(
    _ bytes: [UInt8], named path: String, background: Background = .white
  ) throws(ImageError) -> (picture: Picture, changes: PictureChanges)? {
    guard let found = try DecodedPicture.decode(bytes, named: path, background: background) else {
      return nil
    }
    guard case .bytes(let picture) = found.pixels else {
      throw ImageError(
        path: path, operation: .read, format: found.format,
        reason: "found 16 bits a channel, expected 8 or fewer")
    }
    return (picture, found.changes)
  }
}

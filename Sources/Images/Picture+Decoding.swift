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

extension Picture {
  /// Decodes the bytes of a PNG or JPEG file as viewers show it: turned as its EXIF data say, and
  /// on a background.
  ///
  /// - Parameter path: the name of the file in errors.
  /// - Returns: the picture and what was changed; nil for bytes of another format.
  /// - Throws: `ImageError` if the file is damaged or of a kind that is not read.
  public static func decode(
    _ bytes: [UInt8], named path: String, background: Background = .white
  ) throws(ImageError) -> (picture: Picture, changes: PictureChanges)? {
    var picture: Picture
    var changes: PictureChanges = []
    let orientation: Int
    if bytes.starts(with: [0xff, 0xd8]) {
      picture = try JPEG.decode(bytes, named: path)
      orientation = Orientation.ofJPEG(bytes)
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      var isTransparent = false
      picture = try PNG.decode(bytes, named: path, background: background, &isTransparent)
      if isTransparent { changes.insert(.laidOnBackground) }
      orientation = Orientation.ofPNG(bytes)
    } else {
      return nil
    }
    if (2...8).contains(orientation) {
      picture = picture.turned(orientation)
      changes.insert(.turned)
    }
    return (picture, changes)
  }

  /// The picture as it is shown for an orientation of EXIF, 1 to 8.
  func turned(_ orientation: Int) -> Picture {
    let swaps = orientation >= 5
    let (h, w) = swaps ? (width, height) : (height, width)
    var result = Picture(height: h, width: w, channels: channels)
    for y in 0..<h {
      for x in 0..<w {
        let (row, column) =
          switch orientation {
          case 2: (y, width - 1 - x)
          case 3: (height - 1 - y, width - 1 - x)
          case 4: (height - 1 - y, x)
          case 5: (x, y)
          case 6: (height - 1 - x, y)
          case 7: (height - 1 - x, width - 1 - y)
          case 8: (x, width - 1 - y)
          default: (y, x)
          }
        for channel in 0..<channels {
          result.bytes[(y * w + x) * channels + channel] =
            bytes[(row * width + column) * channels + channel]
        }
      }
    }
    return result
  }
}

/// The tag Orientation in the EXIF data of a file: 1 to 8; 1 where there is none.
enum Orientation {
  /// The orientation of a JPEG file.
  static func ofJPEG(_ bytes: [UInt8]) -> Int {
    var at = 2
    while at + 4 <= bytes.count, bytes[at] == 0xff {
      let marker = bytes[at + 1]
      if marker == 0xff {
        at += 1
        continue
      }
      // The picture's data begin; EXIF comes before.
      if marker == 0xda || marker == 0xd9 { break }
      if marker == 0x01 || (0xd0...0xd8).contains(marker) {
        at += 2
        continue
      }
      let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
      let end = at + 2 + length
      guard length >= 2, end <= bytes.count else { break }
      if marker == 0xe1, bytes[(at + 4)..<end].starts(with: Array("Exif\0\0".utf8)) {
        return ofTIFF(bytes[(at + 10)..<end])
      }
      at = end
    }
    return 1
  }

  /// The orientation of a PNG file, from its chunk eXIf.
  static func ofPNG(_ bytes: [UInt8]) -> Int {
    var at = 8
    while at + 12 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - at - 12 else { break }
      if bytes[(at + 4)..<(at + 8)].elementsEqual("eXIf".utf8) {
        return ofTIFF(bytes[(at + 8)..<(at + 8 + length)])
      }
      at += 12 + length
    }
    return 1
  }

  /// The orientation in EXIF data, which have the form of a TIFF file.
  private static func ofTIFF(_ data: ArraySlice<UInt8>) -> Int {
    let start = data.startIndex
    guard data.count >= 8 else { return 1 }
    let isLittle = data[start] == UInt8(ascii: "I")
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset <= data.count - size else { return nil }
      let field = data[(start + offset)..<(start + offset + size)]
      return isLittle
        ? field.reversed().reduce(0) { $0 << 8 | Int($1) } : field.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let first = number(4, 4), let count = number(first, 2) else { return 1 }
    for entry in 0..<count {
      let offset = first + 2 + 12 * entry
      guard let tag = number(offset, 2) else { return 1 }
      if tag == 0x0112 { return number(offset + 8, 2) ?? 1 }
    }
    return 1
  }
}

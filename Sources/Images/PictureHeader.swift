/// What the first bytes of a picture file say of it.
public struct PictureHeader: Equatable, Sendable {
  /// The format of the file.
  public let format: ImageError.Format
  /// Rows of pixels as the picture is shown.
  public private(set) var height: Int
  /// Pixels in each row as the picture is shown.
  public private(set) var width: Int
  /// Values of one pixel as it is decoded: 1 or 3.
  public let channels: Int
  /// Bits of a value as it is decoded: 8 or 16.
  public let depth: Int
  /// Whether the file holds further pictures, which are not read.
  public let hasMore: Bool
  /// The orientation of EXIF, 1 to 8.
  let orientation: Int

  private init(
    _ format: ImageError.Format, _ height: Int, _ width: Int, channels: Int, depth: Int = 8,
    hasMore: Bool = false, orientation: Int
  ) {
    self.format = format
    let swaps = orientation >= 5
    (self.height, self.width) = swaps ? (width, height) : (height, width)
    (self.channels, self.depth, self.hasMore) = (channels, depth, hasMore)
    self.orientation = orientation
  }

  /// Height and width as they are stored.
  var stored: (height: Int, width: Int) {
    orientation >= 5 ? (width, height) : (height, width)
  }

  /// Reads the header of a file.
  ///
  /// - Parameter path: the name of the file in errors.
  /// - Returns: nil for bytes of another format.
  /// - Throws: `ImageError` if the header is cut short, or of a kind that is not read.
  public static func read(
    _ bytes: [UInt8], named path: String
  ) throws(ImageError) -> PictureHeader? {
    guard let format = ImageError.Format(of: bytes) else { return nil }
    let orientation = Orientation.of(bytes, format)
    let problem: String
    let found: Result<PictureHeader, Problem>
    switch format {
    case .jpeg:
      let header = try JPEG.header(of: bytes, named: path)
      return PictureHeader(
        .jpeg, header.height, header.width, channels: header.isGrey ? 1 : 3,
        orientation: orientation)
    case .png: found = png(bytes, orientation)
    case .tiff: found = tiff(bytes, orientation)
    case .bmp: found = bmp(bytes)
    case .gif: found = gif(bytes)
    case .webp: found = webP(bytes, orientation)
    }
    switch found {
    case .success(let header):
      if header.height > 0, header.width > 0,
        header.height.multipliedReportingOverflow(by: header.width).overflow == false,
        header.height * header.width <= Picture.maximumPixels
      {
        return header
      }
      problem =
        header.height > 0 && header.width > 0
        ? Picture.tooLarge(height: header.height, width: header.width)
        : "found \(header.width)x\(header.height) pixels"
    case .failure(let failure): problem = failure.text
    }
    throw ImageError(path: path, operation: .read, format: format, reason: problem)
  }

  /// Why a file is not read.
  private struct Problem: Error {
    let text: String

    static let short = Problem(text: "found a file cut short")
  }

  private static func png(_ bytes: [UInt8], _ orientation: Int) -> Result<PictureHeader, Problem> {
    guard bytes.count >= 26 else { return .failure(.short) }
    let isColoured = bytes[25] & 2 != 0
    return .success(
      PictureHeader(
        .png, bytes.big(20, 4), bytes.big(16, 4), channels: isColoured ? 3 : 1,
        depth: bytes[24] == 16 ? 16 : 8, orientation: orientation))
  }

  /// Bytes 18 on: 4 bytes each of width and height; a palette follows the header.
  private static func bmp(_ bytes: [UInt8]) -> Result<PictureHeader, Problem> {
    guard bytes.count >= 30 else { return .failure(.short) }
    let size = bytes.little(14, 4)
    if size == 12 {  // the oldest kind
      return .success(
        PictureHeader(
          .bmp, bytes.little(20, 2), bytes.little(18, 2), channels: 3, orientation: 1))
    }
    guard size >= 40, bytes.count >= 54 else { return .failure(.short) }
    // Rows of a negative height go from top to bottom.
    let height = Int(Int32(truncatingIfNeeded: bytes.little(22, 4)).magnitude)
    let bits = bytes.little(28, 2)
    let colours = min(bytes.little(46, 4), 256)
    let palette = 14 + size
    let count = colours == 0 ? 1 << min(bits, 8) : colours
    let isGrey =
      bits <= 8 && palette + 4 * count <= bytes.count
      && (0..<count).allSatisfy { colour in
        let at = palette + 4 * colour
        return bytes[at] == bytes[at + 1] && bytes[at] == bytes[at + 2]
      }
    return .success(
      PictureHeader(
        .bmp, height, bytes.little(18, 4), channels: isGrey ? 1 : 3, orientation: 1))
  }

  private static func gif(_ bytes: [UInt8]) -> Result<PictureHeader, Problem> {
    guard bytes.count >= 13 else { return .failure(.short) }
    var hasMore = false
    // Blocks up to the second picture, which begins with a comma.
    var at = 13 + (bytes[10] & 0x80 != 0 ? 3 << (Int(bytes[10] & 7) + 1) : 0)
    var pictures = 0
    while at < bytes.count {
      let mark = bytes[at]
      if mark == UInt8(ascii: ",") {
        pictures += 1
        hasMore = pictures > 1
        guard !hasMore, at + 10 < bytes.count else { break }
        let local = bytes[at + 9]
        at += 11 + (local & 0x80 != 0 ? 3 << (Int(local & 7) + 1) : 0)
      } else if mark == UInt8(ascii: "!") {
        at += 2
      } else {
        break
      }
      while at < bytes.count, bytes[at] != 0 { at += Int(bytes[at]) + 1 }
      at += 1
    }
    return .success(
      PictureHeader(
        .gif, bytes.little(8, 2), bytes.little(6, 2), channels: 3, hasMore: hasMore,
        orientation: 1))
  }

  private static func webP(_ bytes: [UInt8], _ orientation: Int) -> Result<PictureHeader, Problem> {
    guard bytes.count >= 30 else { return .failure(.short) }
    let (height, width): (Int, Int)
    switch String(decoding: bytes[12..<16], as: UTF8.self) {
    case "VP8X":
      // Moving pictures have a bit; the decoder takes single ones.
      guard bytes[20] & 2 == 0 else {
        return .failure(Problem(text: "found a moving picture, expected a single one"))
      }
      (height, width) = (bytes.little(27, 3) + 1, bytes.little(24, 3) + 1)
    case "VP8L":
      let sides = bytes.little(21, 4)
      (height, width) = (sides >> 14 & 0x3fff + 1, sides & 0x3fff + 1)
    case "VP8 ":
      (height, width) = (bytes.little(28, 2) & 0x3fff, bytes.little(26, 2) & 0x3fff)
    default:
      return .failure(Problem(text: "found no picture"))
    }
    return .success(PictureHeader(.webp, height, width, channels: 3, orientation: orientation))
  }

  private static func tiff(_ bytes: [UInt8], _ orientation: Int) -> Result<PictureHeader, Problem> {
    guard let tags = TIFFDirectory(bytes[...]), let width = tags.value(256),
      let height = tags.value(257)
    else { return .failure(Problem(text: "found no picture, or a file cut short")) }
    let bits = tags.value(258) ?? 1
    let (samples, colours) = (tags.value(277) ?? 1, tags.value(262) ?? 1)
    guard Set(tags.values(339) ?? [1]).isSubset(of: [1, 4]) else {
      return .failure(
        Problem(text: "found signed or floating-point values, expected whole numbers from 0"))
    }
    guard [1, 2, 4, 8, 16].contains(bits), Set(tags.values(258) ?? [1]).count == 1 else {
      return .failure(Problem(text: "found \(bits) bits a value, expected 8 or 16"))
    }
    let colour: (channels: Int, name: String)
    switch colours {
    case 0, 1: colour = (1, "grey")
    case 2, 6: colour = (3, "RGB")
    case 3: colour = (3, "a palette")
    default:
      return .failure(
        Problem(
          text: "found \([5: "CMYK", 8: "Lab"][colours] ?? "unknown (\(colours))") colours, "
            + "expected RGB or grey"))
    }
    let plain = colours == 3 ? 1 : colour.channels
    guard samples == plain || samples == plain + 1 else {
      return .failure(
        Problem(
          text: "found \(samples) values a pixel, expected \(plain) for \(colour.name), or one "
            + "more for transparency"))
    }
    return .success(
      PictureHeader(
        .tiff, height, width, channels: colour.channels,
        depth: bits == 16 && colours != 3 ? 16 : 8, hasMore: tags.hasMore,
        orientation: orientation))
  }
}

extension ImageError.Format {
  /// The format of a file, by its first bytes; nil for another one.
  init?(of bytes: [UInt8]) {
    func begins(_ text: String, at place: Int = 0) -> Bool {
      bytes.count >= place + text.utf8.count && bytes[place...].starts(with: text.utf8)
    }
    if bytes.starts(with: [0xff, 0xd8]) {
      self = .jpeg
    } else if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      self = .png
    } else if bytes.starts(with: [0x49, 0x49, 42, 0]) || bytes.starts(with: [0x4d, 0x4d, 0, 42]) {
      self = .tiff
    } else if begins("BM") {
      self = .bmp
    } else if begins("GIF8") {
      self = .gif
    } else if begins("RIFF"), begins("WEBP", at: 8) {
      self = .webp
    } else {
      return nil
    }
  }
}

extension [UInt8] {
  /// A whole number of some bytes, the lowest first.
  fileprivate func little(_ place: Int, _ size: Int) -> Int {
    self[place..<place + size].reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// A whole number of some bytes, the highest first.
  fileprivate func big(_ place: Int, _ size: Int) -> Int {
    self[place..<place + size].reduce(0) { $0 << 8 | Int($1) }
  }
}

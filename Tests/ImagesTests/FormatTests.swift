import Foundation
import Images
import TestSupport
import Testing

/// The formats beside JPEG and 8-bit PNG.
@Suite struct FormatTests {
  static let formats = ["TIFF", "BMP", "GIF", "WEBP"]

  /// A picture of few colours, as a GIF file holds them without loss.
  private func picture(channels: Int = 3) -> Picture {
    var picture = Picture(height: 7, width: 5, channels: channels)
    for i in picture.bytes.indices { picture.bytes[i] = UInt8(i / channels * 7 % 35 * 7) }
    if channels == 3 { for i in stride(from: 0, to: 105, by: 3) { picture.bytes[i] /= 2 } }
    return picture
  }

  private func decode(
    _ data: Data, background: Background = .white
  ) throws -> DecodedPicture {
    try #require(try DecodedPicture.decode([UInt8](data), named: "file", background: background))
  }

  private func bytes(_ data: Data, background: Background = .white) throws -> Picture? {
    guard case .bytes(let picture) = try decode(data, background: background).pixels else {
      return nil
    }
    return picture
  }

  @Test(arguments: formats) func valuesAreThoseOfThePicture(format: String) throws {
    let picture = picture()
    #expect(try bytes(PictureFiles.file(format, picture)) == picture)
    let header = try #require(
      try PictureHeader.read([UInt8](PictureFiles.file(format, picture)), named: "file"))
    #expect(header.height == 7 && header.width == 5 && header.channels == 3 && header.depth == 8)
  }

  @Test(arguments: [("TIFF", false), ("TIFF", true)])
  func greyStaysGrey(format: String, isPacked: Bool) throws {
    let picture = picture(channels: 1)
    #expect(try bytes(PictureFiles.file(format, picture, isPacked: isPacked)) == picture)
  }

  @Test(arguments: ["TIFF", "PNG"], [1, 3]) func sixteenBitsAreExact(
    format: String, channels: Int
  ) throws {
    let picture = PictureFiles.deepPattern(3, height: 9, width: 6, channels: channels)
    let data = try PictureFiles.file(format, picture)
    guard case .words(let found) = try decode(data).pixels else {
      Issue.record("found 8 bits")
      return
    }
    #expect(found == picture)
    // A reader of 8-bit pictures refuses it.
    let error = #expect(throws: ImageError.self) {
      try Picture.decode([UInt8](data), named: "file")
    }
    #expect(error?.reason == "found 16 bits a channel, expected 8 or fewer")
  }

  @Test(arguments: 1...8) func tiffIsTurned(orientation: Int) throws {
    let picture = picture()
    let decoded = try decode(PictureFiles.file("TIFF", picture, orientation: orientation))
    guard case .bytes(let found) = decoded.pixels else { return }
    #expect(decoded.changes.contains(.turned) == (orientation > 1))
    #expect(found.height == (orientation < 5 ? 7 : 5) && found.width == (orientation < 5 ? 5 : 7))
    let corners = [1: 0, 2: 4, 3: 34, 4: 30, 5: 0, 6: 30, 7: 34, 8: 4]
    let first = try #require(corners[orientation])
    #expect(found.bytes[..<3] == picture.bytes[(3 * first)..<(3 * first + 3)])
  }

  @Test(arguments: ["TIFF", "GIF"]) func theFirstOfSeveralIsSaid(format: String) throws {
    let several = try decode(PictureFiles.file(format, picture(), pages: 3))
    #expect(several.changes == .firstOfSeveral)
    guard case .bytes(let found) = several.pixels else { return }
    #expect(found == picture())
    #expect(try decode(PictureFiles.file(format, picture())).changes.isEmpty)
  }

  @Test(arguments: ["TIFF", "WEBP"]) func transparentPixelsAreLaidOnTheBackground(
    format: String
  ) throws {
    let pixels: [UInt8] = [10, 20, 30, 255, 40, 50, 60, 0, 70, 80, 90, 0, 1, 2, 3, 255]
    let data = try PictureFiles.fileWithAlpha(format, pixels, height: 2, width: 2)
    let decoded = try decode(data)
    #expect(decoded.changes == .laidOnBackground)
    let white: [UInt8] = [10, 20, 30, 255, 255, 255, 255, 255, 255, 1, 2, 3]
    #expect(try bytes(data)?.bytes == white)
    let black = try #require(Background("black"))
    #expect(try bytes(data, background: black)?.bytes == [10, 20, 30, 0, 0, 0, 0, 0, 0, 1, 2, 3])
  }

  @Test func sixteenBitsWithAlpha() throws {
    let pixels: [UInt16] = [1000, 2000, 3000, 65535, 9, 9, 9, 0]
    let data = try PictureFiles.fileWithAlpha("PNG", pixels, height: 1, width: 2)
    guard case .words(let found) = try decode(data).pixels else {
      Issue.record("found 8 bits")
      return
    }
    #expect(found.values == [1000, 2000, 3000, 65535, 65535, 65535])
  }

  /// A file cut short anywhere is refused, unless what is missing is no pixel.
  @Test(arguments: formats + ["PNG"]) func cutShortIsRefused(format: String) throws {
    let deep = PictureFiles.deepPattern(1, height: 7, width: 5)
    let whole =
      format == "PNG"
      ? try PictureFiles.file(format, deep) : try PictureFiles.file(format, picture())
    for length in 0..<whole.count {
      let part = [UInt8](whole.prefix(length))
      do {
        guard let found = try DecodedPicture.decode(part, named: "file") else { continue }
        switch found.pixels {
        case .bytes(let pixels):
          #expect(pixels == picture(), "\(format): \(length) of \(whole.count) bytes")
        case .words(let pixels):
          #expect(pixels == deep, "\(format): \(length) of \(whole.count) bytes")
        }
      } catch {
        #expect(!"\(error)".contains("\n"))
      }
    }
  }

  /// A small file that announces a huge picture is refused before memory is taken.
  @Test func hugeSizesAreRefused() throws {
    var bmp = [UInt8](try PictureFiles.file("BMP", picture()))
    bmp.replaceSubrange(18..<26, with: [0, 0, 1, 0, 0, 0, 1, 0])
    var png = [UInt8](
      try PictureFiles.file("PNG", PictureFiles.deepPattern(1, height: 7, width: 5)))
    png.replaceSubrange(16..<24, with: [0, 1, 0, 0, 0, 1, 0, 0])
    var gif = [UInt8](try PictureFiles.file("GIF", picture()))
    gif.replaceSubrange(6..<10, with: [255, 255, 255, 255])
    for (file, size) in [(bmp, "65536x65536"), (png, "65536x65536"), (gif, "65535x65535")] {
      let error = #expect(throws: ImageError.self) {
        try DecodedPicture.decode(file, named: "file")
      }
      #expect(error?.reason == "found \(size) pixels, expected no more than 64 million")
    }
  }

  /// Palettes of TIFF files have 16 bits: colours are the high bytes, whatever the low ones are.
  @Test(arguments: [256, 257]) func palettesOfTIFFFiles(factor: Int) throws {
    // Two pixels of 8 bits, with the colours 1 and 255 of a palette that counts downwards.
    let palette = (0..<3).flatMap { _ in (0..<256).map { UInt16((255 - $0) * factor) } }
    let fields: [(UInt16, UInt16, UInt32, UInt32)] = [
      (256, 4, 1, 2), (257, 4, 1, 1), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 3),
      (273, 4, 1, 134), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, 1, 2), (320, 3, 768, 136),
    ]
    var bytes: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, UInt8(fields.count), 0]
    func add<Number: FixedWidthInteger>(_ number: Number) {
      withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
    }
    for field in fields {
      add(field.0)
      add(field.1)
      add(field.2)
      add(field.3)
    }
    add(UInt32(0))
    bytes += [UInt8](repeating: 0, count: 134 - bytes.count) + [1, 255]
    for colour in palette { add(colour) }
    #expect(try self.bytes(Data(bytes))?.bytes == [254, 254, 254, 0, 0, 0])
  }

  /// Values that are no whole numbers from 0 are not guessed.
  @Test func otherTIFFFilesAreNamed() throws {
    /// A TIFF file with these fields.
    func tiff(_ fields: [(UInt16, UInt32)], _ pixels: [UInt8]) -> [UInt8] {
      let own = fields.sorted { $0.0 < $1.0 }
      var bytes: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0, UInt8(own.count), 0]
      func add<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
      }
      for field in own {
        add(field.0)
        add(UInt16(4))
        add(UInt32(1))
        add(field.1)
      }
      add(UInt32(0))
      return bytes + pixels
    }
    let sides: [(UInt16, UInt32)] = [(256, 2), (257, 2)]
    for (fields, reason) in [
      (
        [(258, 32), (339, 3)],
        "found signed or floating-point values, expected whole numbers from 0"
      ),
      ([(258, 32)], "found 32 bits a value, expected 8 or 16"),
      ([(258, 8), (262, 5), (277, 4)], "found CMYK colours, expected RGB or grey"),
      (
        [(258, 8), (262, 1), (277, 5)],
        "found 5 values a pixel, expected 1 for grey, or one more for transparency"
      ),
    ] as [([(UInt16, UInt32)], String)] {
      let error = #expect(throws: ImageError.self) {
        try DecodedPicture.decode(tiff(sides + fields, [0, 0, 0, 0]), named: "file")
      }
      #expect(error?.reason == reason)
    }
  }

  /// The fields of a picture are read from a file in memory alone: no name, no program.
  @Test func otherFormatsAreNone() throws {
    for text in ["%!PS-Adobe", "<svg></svg>", "push graphic-context", "P5 1 1 255 a", ""] {
      let found = try DecodedPicture.decode(Array(text.utf8), named: "file")
      #expect(found.map(\.format) == nil)
    }
  }
}

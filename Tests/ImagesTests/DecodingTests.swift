import Foundation
import Images
import TestSupport
import Testing

/// JPEG and PNG files, compared with Pillow's results.
@Suite struct DecodingTests {
  private func decode(_ name: String, _ bytes: [UInt8]) throws -> Picture {
    name.hasSuffix(".png")
      ? try PNG.decode(bytes, named: name) : try JPEG.decode(bytes, named: name)
  }

  @Test func filesAreReadAsPillowReadsThem() throws {
    let golden = try Golden("images.h5")
    for name in try golden.names(in: "/files") {
      let file = try golden.values("/files/\(name)/file").map { UInt8($0) }
      let picture = try decode(name, file)
      #expect(
        [picture.height, picture.width, picture.channels]
          == (try golden.shape("/files/\(name)/pixels")), "\(name)")
      let pixels = try golden.values("/files/\(name)/pixels")
      let difference = zip(picture.bytes, pixels).map { abs(Double($0) - $1) }
      // Codecs may round the inverse transform differently.
      #expect(difference.reduce(0, +) / Double(pixels.count) < 0.05, "\(name)")
      #expect(difference.max() ?? 0 <= (name.hasSuffix(".png") ? 0 : 4), "\(name)")
    }
  }

  /// The reason of the error for bytes that are not a picture.
  private func reason(_ data: Data, as name: String) -> String {
    do {
      _ = try decode(name, [UInt8](data))
      return "read"
    } catch {
      return "\(error)"
    }
  }

  @Test("A file cut anywhere is no picture, nor is one with a hole")
  func damage() throws {
    let picture = PictureFiles.pattern(1, height: 40, width: 50)
    for (name, file) in [
      ("a.jpg", try PictureFiles.jpeg(picture)), ("a.png", try PictureFiles.png(picture)),
    ] {
      for length in stride(from: 3, to: file.count - 12, by: 97) {
        let text = reason(file.prefix(length), as: name)
        #expect(text.hasPrefix("\(name): cannot be read as a "), "\(name) of \(length) bytes")
      }
      var holed = file
      for index in file.count / 2..<file.count / 2 + 40 { holed[index] = 0 }
      #expect(reason(holed, as: name).hasPrefix("\(name): cannot be read as a "))
    }
  }

  @Test func whatIsNotDecodedIsNamed() throws {
    #expect(
      reason(try PictureFiles.cmykJPEG(height: 20, width: 30), as: "a.jpg")
        == "a.jpg: cannot be read as a JPEG file: found CMYK colours, expected RGB or grey")
    #expect(
      reason(try PictureFiles.png16(height: 20, width: 30), as: "a.png")
        == "a.png: cannot be read as a PNG file: found 16 bits a channel, expected 8 or fewer")
    // Only the header holds the sides; its checksum must fit.
    var huge = try PictureFiles.jpeg(PictureFiles.pattern(1, height: 16, width: 16))
    let frame = try #require(huge.firstRange(of: Data([0xff, 0xc0])))
    huge.replaceSubrange(frame.upperBound + 3..<frame.upperBound + 7, with: [0xff, 0, 0xff, 0])
    #expect(
      reason(huge, as: "a.jpg")
        == "a.jpg: cannot be read as a JPEG file: found 65280x65280 pixels, "
        + "expected no more than 64 million")
  }

  @Test("A camera's note turns the picture as viewers show it", arguments: 1...8)
  func orientation(_ note: Int) throws {
    // A dark picture with a bright corner at the left top, so that each note moves the corner.
    var picture = Picture(height: 16, width: 32, channels: 1)
    for y in 0..<8 { for x in 0..<8 { picture.bytes[y * 32 + x] = 255 } }
    let file = try PictureFiles.jpeg(picture, orientation: UInt8(note))
    let found = try #require(try Picture.decode([UInt8](file), named: "a.jpg"))
    let shown = found.picture
    #expect(shown.height == (note < 5 ? 16 : 32) && shown.width == (note < 5 ? 32 : 16))
    #expect(found.changes == (note == 1 ? [] : .turned))
    func isBright(_ y: Int, _ x: Int) -> Bool { shown.bytes[y * shown.width + x] > 128 }
    let (bottom, right) = (shown.height - 4, shown.width - 4)
    let corners = [
      isBright(3, 3), isBright(3, right), isBright(bottom, right), isBright(bottom, 3),
    ]
    // EXIF 2.32, 4.6.4: which side of the shown picture the first row and column are.
    let corner = [0, 1, 2, 3, 0, 1, 2, 3][note - 1]
    #expect(corners.enumerated().allSatisfy { $1 == ($0 == corner) }, "\(corners)")
  }

  @Test func transparentPixelsLieOnTheBackground() throws {
    let pixels: [UInt8] = [0, 0, 0, 0, 10, 20, 30, 255, 200, 100, 0, 51, 0, 0, 0, 255]
    let file = [UInt8](try PictureFiles.pngWithAlpha(pixels, height: 2, width: 2))
    func bytes(_ background: String) throws -> [UInt8] {
      let colour = try #require(Background(background))
      let found = try #require(try Picture.decode(file, named: "a.png", background: colour))
      #expect(found.changes == .laidOnBackground)
      return found.picture.bytes
    }
    #expect(try bytes("white") == [255, 255, 255, 10, 20, 30, 244, 224, 204, 0, 0, 0])
    #expect(try bytes("black") == [0, 0, 0, 10, 20, 30, 40, 20, 0, 0, 0, 0])
    #expect(try bytes("ff0080") == [255, 0, 128, 10, 20, 30, 244, 20, 102, 0, 0, 0])
    #expect(Background("blue") == nil && Background("12345") == nil)
    let opaque = [UInt8](
      try PictureFiles.pngWithAlpha([1, 2, 3, 255], height: 1, width: 1))
    let found = try #require(try Picture.decode(opaque, named: "a.png"))
    #expect(found.changes == [] && found.picture.bytes == [1, 2, 3])
  }
}

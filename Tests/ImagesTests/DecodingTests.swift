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
}

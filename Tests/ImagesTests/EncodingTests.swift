import Foundation
import TestSupport
import Testing

@testable import Images

@Suite("PNG files in memory") struct EncodingTests {
  @Test(arguments: [1, 3]) func sixteenBitsComeBack(channels: Int) throws {
    let (height, width) = (13, 29)
    let stored = (0..<height * width * channels).map {
      UInt16(truncatingIfNeeded: $0 &* 40_503 >> 3)
    }
    let bytes = try PNG.encode(
      stored.map { Float($0) / 65535 }, height: height, width: width, channels: channels, bits: 16,
      named: "x.png")
    let found = try PictureFiles.values16(bytes)
    #expect(found.values == stored)
    #expect(found.height == height && found.width == width && found.channels == channels)
  }

  @Test func sixteenBitsAreClipped() throws {
    let bytes = try PNG.encode(
      [-1, 0, 0.5, 1, 7, .nan], height: 2, width: 3, channels: 1, bits: 16, named: "x.png")
    #expect(try PictureFiles.values16(bytes).values == [0, 0, 32768, 65535, 65535, 0])
  }

  @Test(arguments: [1, 3]) func eightBitsComeBackWithTheirTexts(channels: Int) throws {
    let bytes = (0..<31 * 17 * channels).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435 >> 5) }
    let picture = Picture(height: 31, width: 17, channels: channels, bytes: bytes)
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.png").path
      try PNG.write(picture, texts: [("Software", "cleave"), ("Title", "a b c")], to: path)
      #expect(try PNG.read(path) == picture)
      #expect(PNG.texts(in: path) == ["Software": "cleave", "Title": "a b c"])
      try PNG.write(picture, to: path)
      #expect(PNG.texts(in: path) == [:])
      try Data("no picture".utf8).write(to: URL(filePath: path))
      #expect(PNG.texts(in: path) == nil)
    }
    #expect(
      try PNG.decode(
        PNG.encode(
          bytes.map { Float($0) / 255 }, height: 31, width: 17, channels: channels, bits: 8,
          named: "x"), named: "x") == picture)
  }

  /// Smooth pictures come back from another size nearly as they were; the size is exact.
  @Test(arguments: [(Fit.stretch, 48, 60), (.pad, 40, 80), (.pad, 80, 40), (.stretch, 7, 300)])
  func sizesComeBack(fit: Fit, height: Int, width: Int) {
    func smooth(_ y: Double, _ x: Double) -> Float { Float(0.5 + 0.3 * sin(3 * y) * cos(2 * x)) }
    let original = (0..<height).flatMap { y in
      (0..<width).map {
        smooth((Double(y) + 0.5) / Double(height), (Double($0) + 0.5) / Double(width))
      }
    }
    let (h, w) = (64, 64)
    var image = [Float](repeating: 0, count: h * w)
    let ratio = min(Double(h) / Double(height), Double(w) / Double(width))
    let inner =
      fit == .stretch
      ? (h, w)
      : (
        Int((Double(height) * ratio).rounded()), Int((Double(width) * ratio).rounded())
      )
    let small = FloatResize(from: (height, width), to: inner)(original, channels: 1)
    for y in 0..<inner.0 {
      for x in 0..<inner.1 {
        image[((h - inner.0) / 2 + y) * w + (w - inner.1) / 2 + x] = small[y * inner.1 + x]
      }
    }
    let back = fit.restore(
      image, height: h, width: w, channels: 1, to: (height: height, width: width))
    #expect(back.height == height && back.width == width)
    let worst = zip(back.values, original).map { abs($0 - $1) }.max() ?? 1
    #expect(worst < 0.05, "\(worst)")
  }

  @Test func aCropGivesWhatItKept() {
    let image = [Float](repeating: 0.25, count: 16 * 16 * 3)
    let back = Fit.crop.restore(
      image, height: 16, width: 16, channels: 3, to: (height: 100, width: 50))
    #expect(back.height == 50 && back.width == 50)
    #expect(back.values.allSatisfy { abs($0 - 0.25) < 1e-6 })
  }

  @Test func equalSizesChangeNothing() {
    let image = (0..<12).map { Float($0) / 7 }
    for fit in Fit.allCases {
      let back = fit.restore(image, height: 4, width: 3, channels: 1, to: (height: 4, width: 3))
      #expect(back.values == image)
    }
  }
}

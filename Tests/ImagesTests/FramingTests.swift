import Foundation
import Images
import TestSupport
import Testing

/// Crops and sizes, compared with Pillow's results.
@Suite struct FramingTests {
  private func image(of picture: Picture, _ framing: Framing) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: framing.count) { buffer, initialized in
      if let start = buffer.baseAddress { framing.apply(to: picture, into: start) }
      initialized = framing.count
    }
  }

  @Test func imagesAreThoseOfPillow() throws {
    let golden = try Golden("images.h5")
    for name in try golden.names(in: "/framing") {
      let group = "/framing/\(name)"
      let shape = try golden.shape("\(group)/picture")
      let picture = Picture(
        height: shape[0], width: shape[1], channels: shape[2],
        bytes: try golden.values("\(group)/picture").map { UInt8($0) })
      func number(_ attribute: String) throws -> Int {
        Int(try #require(try golden.number(attribute, of: group)))
      }
      let framing = Framing(
        size: try number("size"), crop: try number("crop"), isGrey: try number("grey") == 1,
        stretchesContrast: try number("stretch") == 1)
      let expected = try golden.values("\(group)/image")
      let found = image(of: picture, framing)
      try #require(found.count == expected.count, "\(name)")
      let difference = zip(found, expected).map { abs(Double($0) - $1) }
      let mean = difference.reduce(0, +) / Double(expected.count)
      #expect(mean < 0.01 && difference.max() ?? 0 <= 1, "\(name): mean difference \(mean)")
    }
  }

  @Test("A margin that cannot be halved is narrower at the left and at the top")
  func margins() {
    let picture = Picture(height: 6, width: 5, channels: 1, bytes: Array(0..<30))
    let framing = Framing(size: 2, crop: 2, isGrey: true)
    #expect(image(of: picture, framing) == [11, 12, 16, 17])
    let largest = Framing(size: 5, isGrey: true)
    #expect(image(of: picture, largest) == Array(0..<25))
    #expect(!Framing(size: 2, crop: 6).fits(picture) && Framing(size: 9, crop: 5).fits(picture))
  }

  @Test("An even picture stays even, whatever becomes of it")
  func evenPictures() {
    for value in [UInt8(0), 1, 128, 254, 255] {
      let picture = Picture(height: 37, width: 41, channels: 3, fill: value)
      for size in [1, 5, 36, 64] {
        #expect(image(of: picture, Framing(size: size)).allSatisfy { $0 == value })
      }
    }
  }

  @Test("Other forms are cut, padded or stretched")
  func fits() {
    // 2 high, 4 wide; columns 0, 10, 20, 30.
    let picture = Picture(
      height: 2, width: 4, channels: 1, bytes: [0, 10, 20, 30, 0, 10, 20, 30])
    func framing(_ height: Int, _ width: Int, _ fit: Fit) -> Framing {
      Framing(height: height, width: width, fit: fit, isGrey: true)
    }
    #expect(image(of: picture, framing(2, 2, .crop)) == [10, 20, 10, 20])
    #expect(
      image(of: picture, framing(4, 4, .pad))
        == [255, 255, 255, 255, 0, 10, 20, 30, 0, 10, 20, 30, 255, 255, 255, 255])
    #expect(image(of: picture, framing(2, 4, .stretch)) == picture.bytes)
    #expect(image(of: picture, framing(1, 4, .stretch)) == [0, 10, 20, 30])
    #expect(framing(2, 2, .crop).reshapes(height: 2, width: 4))
    #expect(framing(4, 4, .pad).reshapes(height: 2, width: 4))
    #expect(framing(2, 2, .stretch).reshapes(height: 2, width: 4))
    for fit in Fit.allCases {
      #expect(!framing(4, 8, fit).reshapes(height: 2, width: 4))
    }
    // In colour, the background is the one asked for.
    let padded = Framing(
      height: 2, width: 1, fit: .pad, background: Background("0000ff") ?? .white)
    let dot = Picture(height: 1, width: 1, channels: 1, bytes: [7])
    #expect([[7, 7, 7, 0, 0, 255], [0, 0, 255, 7, 7, 7]].contains(image(of: dot, padded)))
  }

  @Test("16 bits become floats without a loss, and are resized like 8 bits")
  func deepPictures() {
    let deep = DeepPicture(
      height: 1, width: 4, channels: 1, values: [0, 1, 65534, 65535])
    func floats(_ picture: DeepPicture, _ framing: Framing) -> [Float] {
      [Float](unsafeUninitializedCapacity: framing.count) { buffer, count in
        if let start = buffer.baseAddress { framing.apply(to: picture, into: start) }
        count = framing.count
      }
    }
    let same = Framing(height: 1, width: 4, isGrey: true)
    #expect(floats(deep, same) == deep.values.map { Float($0) / 65535 })
    let picture = Picture(
      height: 9, width: 11, channels: 3, bytes: (0..<297).map { UInt8($0 * 83 % 256) })
    let wide = DeepPicture(
      height: 9, width: 11, channels: 3, values: picture.bytes.map { UInt16($0) * 257 })
    for framing in [Framing(size: 5), Framing(height: 4, width: 7, isGrey: true)] {
      let bytes = image(of: picture, framing)
      for (byte, float) in zip(bytes, floats(wide, framing)) {
        #expect(abs(Float(byte) / 255 - float) < 1.6 / 255)
      }
    }
  }
}

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
}

import Foundation
import TestSupport
import Testing

@testable import Images

@Suite struct PNGTests {
  @Test("What is written is read back, byte for byte", arguments: [1, 3])
  func roundTrip(channels: Int) throws {
    for (height, width) in [(1, 1), (7, 13), (64, 64), (301, 200)] {
      let bytes = (0..<height * width * channels).map {
        UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7)
      }
      let picture = Picture(height: height, width: width, channels: channels, bytes: bytes)
      try withTemporaryFolder { folder in
        let path = folder.appending(path: "picture.png").path
        try PNG.write(picture, to: path)
        #expect(try PNG.read(path) == picture)
      }
    }
  }

  @Test func aFileThatIsNoPNGIsNamed() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "text.png").path
      try Data("not a picture".utf8).write(to: URL(filePath: path))
      let error = #expect(throws: ImageError.self) { try PNG.read(path) }
      #expect(error?.description.hasPrefix("\(path): cannot be read as a PNG file: ") == true)
    }
  }

  @Test func aMissingFolderIsNamedWithTheReason() {
    let path = "/nonexistent/folder/picture.png"
    let reason = "No such file or directory"
    let expected = ImageError(
      path: path, operation: .written, reason: reason.lowercased(), errorNumber: ENOENT)
    #expect(throws: expected) {
      try PNG.write(Picture(height: 1, width: 1, channels: 1), to: path)
    }
    #expect(throws: ImageError(path: path, operation: .read, reason: reason)) {
      try PNG.read(path)
    }
  }
}

@Suite struct ImageGridTests {
  @Test func cellsAndGapsLieWhereTheyShould() {
    // Three 2 x 2 images in two columns with a gap of 1: 5 x 5 pixels.
    let values = (0..<3).flatMap { image in [Float](repeating: Float(image + 1) / 255, count: 4) }
    let grid = ImageGrid(values, count: 3, height: 2, width: 2, channels: 1, columns: 2, gap: 1)
    let g: UInt8 = 96
    #expect(
      grid.picture.bytes == [
        1, 1, g, 2, 2,
        1, 1, g, 2, 2,
        g, g, g, g, g,
        3, 3, g, g, g,
        3, 3, g, g, g,
      ])
  }

  @Test func colourIsInterleaved() {
    var grid = ImageGrid(rows: 1, columns: 2, height: 1, width: 1, channels: 3, gap: 0)
    grid.placeRow([1, 0, 0, 0, 0, 1], count: 2, row: 0)
    #expect(grid.picture.bytes == [255, 0, 0, 0, 0, 255])
  }

  @Test func valuesAreClippedAndRounded() {
    #expect(ImageGrid.byte(-3) == 0)
    #expect(ImageGrid.byte(.nan) == 0)
    #expect(ImageGrid.byte(0.5) == 128)
    #expect(ImageGrid.byte(7) == 255)
    #expect((0...255).allSatisfy { ImageGrid.byte(Float($0) / 255) == UInt8($0) })
  }
}

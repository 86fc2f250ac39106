import TestSupport
import Testing

@testable import Images

@Suite("Sheets of labelled images") struct ComparisonSheetTests {
  @Test func everyCharacterHasItsOwnGlyph() {
    let characters = (32..<127).map { Character(UnicodeScalar(UInt8($0))) }
    let glyphs = characters.map(BitmapFont.glyph)
    #expect(glyphs.allSatisfy { $0.count == BitmapFont.height })
    #expect(Set(glyphs).count == characters.count, "two characters look alike")
    #expect(BitmapFont.glyph("\u{e9}") != BitmapFont.glyph("e"))
  }

  @Test func aLetterIsDrawnAsItsGlyphSays() {
    var picture = Picture(height: 8, width: 6, channels: 1)
    BitmapFont.draw("T", on: &picture, left: 0, top: 0, value: 9)
    let rows = (0..<8).map { y in
      String((0..<6).map { picture.bytes[y * 6 + $0] == 9 ? "#" : "." })
    }
    #expect(
      rows == ["#####.", "..#...", "..#...", "..#...", "..#...", "..#...", "..#...", "......"])
  }

  @Test func textBeyondThePictureIsLeftOut() {
    var picture = Picture(height: 4, width: 3, channels: 3)
    BitmapFont.draw("####", on: &picture, left: -8, top: -3, value: 9, scale: 3)
    #expect(picture.bytes.contains(9))
  }

  @Test func linesAreCutBetweenWords() {
    #expect(BitmapFont.lines("one two three", width: 7) == ["one two", "three"])
    #expect(BitmapFont.lines("abcdefgh i", width: 3) == ["abc", "def", "gh", "i"])
    #expect(BitmapFont.lines("a\nb", width: 9) == ["a", "b"])
    #expect(BitmapFont.lines("", width: 9) == [""])
  }

  @Test("Signed values are on grey, and the note tells the scale")
  func signed() {
    let column = ComparisonSheet.Column.signed("S", [0, 0.31, -0.2, 0])
    #expect(column.range == -0.5...0.5)
    #expect(column.note == "grey 0, white 0.5, black -0.5")
    #expect(ComparisonSheet.Column.signed("S", [0, 0]).range == -1...1)
    #expect(ComparisonSheet.Column.signed("S", [1, -0.1]).range == -1...1)
    #expect(ComparisonSheet.Column.signed("S", [0.02]).note.contains("white 0.02"))
    #expect(ComparisonSheet.Column.signed("S", [7]).note == "grey 0, white 10, black -10")
  }

  /// The values of the images are found in the picture, enlarged, each where it belongs.
  @Test(arguments: [1, 3]) func imagesAreWhereTheyBelong(channels: Int) throws {
    let (rows, height, width) = (3, 20, 44)
    let count = rows * height * width * channels
    let first = (0..<count).map { Float(UInt8(truncatingIfNeeded: $0 &* 37)) / 255 }
    let second = first.map { $0 - 0.5 }
    let sheet = ComparisonSheet(
      title: "a title", columns: [.init("X", first), .init("S", second, range: -0.5...0.5)],
      labels: ["row 0", "row 1", "row 2"], rows: rows, height: height, width: width,
      channels: channels)
    let picture = sheet.picture()
    let zoom = 3  // 132 / 44
    // Finds the first image by its bytes; the others lie at equal distances.
    func line(_ y: Int, _ x: Int) -> [UInt8] {
      (0..<width).flatMap { u in
        (0..<channels).map { picture.bytes[(y * picture.width + x + u * zoom) * channels + $0] }
      }
    }
    func wanted(_ row: Int, _ y: Int) -> [UInt8] {
      let start = (row * height + y) * width * channels
      return first[start..<start + width * channels].map(ImageGrid.byte)
    }
    let places = (0..<picture.height - zoom * height).flatMap { y in
      (0..<picture.width - zoom * width).map { (y, $0) }
    }
    let place = try #require(places.first { y, x in line(y, x) == wanted(0, 0) })
    let step = zoom * height + 8
    for row in 0..<rows {
      for y in 0..<height {
        for sub in 0..<zoom {
          let top = place.0 + row * step + y * zoom + sub
          #expect(line(top, place.1) == wanted(row, y))
          #expect(line(top, place.1 + zoom * width + 8) == wanted(row, y), "the shifted column")
        }
      }
    }
  }

  @Test func largeImagesAreReducedToTheirMeans() {
    let values = (0..<700 * 2).map { Float($0 / 2 % 3 == 0 ? 1 : 0) }
    let picture = ComparisonSheet(
      title: "", columns: [.init("X", values)], rows: 1, height: 700, width: 2, channels: 1
    ).picture()
    #expect(picture.height < 400)
    #expect(picture.bytes.contains(85), "the mean of 1, 0, 0 is a third")
  }

  @Test func aTitleKeepsThePictureBelowIt() {
    let picture = Picture(height: 2, width: 400, channels: 1, fill: 77)
    let titled = picture.titled("samples of a run, written for all to see")
    #expect(titled.width == 400)
    #expect(titled.bytes.suffix(800).allSatisfy { $0 == 77 })
    #expect(titled.bytes.contains(235))
    #expect(Picture(height: 3, width: 10, channels: 3, fill: 7).titled("x").width == 720)
  }
}

/// Letters of 5 x 8 pixels for texts in pictures: the printable characters of ASCII.
public enum BitmapFont {
  /// Pixels from one character to the next, and from one line to the next.
  public static let advance = 6, lineHeight = 10
  /// Rows of a glyph; the last one holds what hangs below the line.
  static let height = 8

  /// Draws a line of text; `left` and `top` are the place of its first pixel.
  ///
  /// What lies outside the picture is left out. Characters that are not ASCII become a box.
  ///
  /// - Parameters:
  ///   - value: the 8-bit value of the letters, in every channel.
  ///   - scale: pixels of the picture a pixel of the font, on each side.
  public static func draw(
    _ text: String, on picture: inout Picture, left: Int, top: Int, value: UInt8, scale: Int = 1
  ) {
    for (index, character) in text.enumerated() {
      for (y, bits) in glyph(character).enumerated() {
        for x in 0..<5 where bits & (16 >> x) != 0 {
          picture.fill(
            top: top + y * scale, left: left + (index * advance + x) * scale, height: scale,
            width: scale, value)
        }
      }
    }
  }

  /// The text in lines of at most `width` characters, cut between words where that is possible.
  public static func lines(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        var word = Substring(word)
        if !line.isEmpty, line.count + 1 + word.count <= width {
          line += " " + word
          continue
        }
        if !line.isEmpty { lines.append(line) }
        while word.count > max(width, 1) {
          lines.append(String(word.prefix(max(width, 1))))
          word = word.dropFirst(max(width, 1))
        }
        line = String(word)
      }
      lines.append(line)
    }
    return lines
  }

  /// The rows of a character, top to bottom; bit 4 is the left pixel.
  static func glyph(_ character: Character) -> [UInt8] {
    guard let code = character.asciiValue, (32..<127).contains(code) else {
      return [31, 17, 17, 17, 17, 17, 31, 0]
    }
    return glyphs[Int(code) - 32]
  }

  /// The glyphs from the blank on, read from the drawings.
  private static let glyphs: [[UInt8]] = {
    var glyphs: [[UInt8]] = []
    for group in drawings.split(separator: "\n\n") {
      let rows = group.split(separator: "\n").map { $0.split(separator: " ") }
      for column in rows[0].indices {
        glyphs.append(
          rows.map { row in row[column].reduce(0) { $0 << 1 | ($1 == "#" ? 1 : 0) } })
      }
    }
    return glyphs
  }()

  private static let drawings = """
    ..... ..#.. .#.#. .#.#. ..#.. ##... .##.. ..#.. ...#. .#... ..... .....
    ..... ..#.. .#.#. .#.#. .#### ##..# #..#. ..#.. ..#.. ..#.. ..#.. ..#..
    ..... ..#.. .#.#. ##### #.#.. ...#. #.#.. ..... .#... ...#. #.#.# ..#..
    ..... ..#.. ..... .#.#. .###. ..#.. .#... ..... .#... ...#. .###. #####
    ..... ..#.. ..... ##### ..#.# .#... #.#.# ..... .#... ...#. #.#.# ..#..
    ..... ..... ..... .#.#. ####. #..## #..#. ..... ..#.. ..#.. ..#.. ..#..
    ..... ..#.. ..... .#.#. ..#.. ...## .##.# ..... ...#. .#... ..... .....
    ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

    ..... ..... ..... ..... .###. ..#.. .###. ##### ...#. ##### ..##. #####
    ..... ..... ..... ....# #...# .##.. #...# ...#. ..##. #.... .#... ....#
    ..... ..... ..... ...#. #..## ..#.. ....# ..#.. .#.#. ####. #.... ...#.
    ..... ##### ..... ..#.. #.#.# ..#.. ...#. ...#. #..#. ....# ####. ..#..
    ..... ..... ..... .#... ##..# ..#.. ..#.. ....# ##### ....# #...# .#...
    .##.. ..... .##.. #.... #...# ..#.. .#... #...# ...#. #...# #...# .#...
    ..#.. ..... .##.. ..... .###. .###. ##### .###. ...#. .###. .###. .#...
    .#... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

    .###. .###. ..... ..... ...#. ..... .#... .###. .###. .###. ####. .###.
    #...# #...# .##.. .##.. ..#.. ..... ..#.. #...# #...# #...# #...# #...#
    #...# #...# .##.. .##.. .#... ##### ...#. ....# #.### #...# #...# #....
    .###. .#### ..... ..... #.... ..... ....# ...#. #.#.# ##### ####. #....
    #...# ....# .##.. .##.. .#... ##### ...#. ..#.. #.### #...# #...# #....
    #...# ...#. .##.. ..#.. ..#.. ..... ..#.. ..... #.... #...# #...# #...#
    .###. .##.. ..... .#... ...#. ..... .#... ..#.. .###. #...# ####. .###.
    ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

    ####. ##### ##### .###. #...# .###. ..### #...# #.... #...# #...# .###.
    #...# #.... #.... #...# #...# ..#.. ...#. #..#. #.... ##.## ##..# #...#
    #...# #.... #.... #.... #...# ..#.. ...#. #.#.. #.... #.#.# #.#.# #...#
    #...# ####. ####. #.### ##### ..#.. ...#. ##... #.... #.#.# #..## #...#
    #...# #.... #.... #...# #...# ..#.. ...#. #.#.. #.... #...# #...# #...#
    #...# #.... #.... #...# #...# ..#.. #..#. #..#. #.... #...# #...# #...#
    ####. ##### #.... .#### #...# .###. .##.. #...# ##### #...# #...# .###.
    ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

    ####. .###. ####. .#### ##### #...# #...# #...# #...# #...# ##### .###.
    #...# #...# #...# #.... ..#.. #...# #...# #...# #...# #...# ....# .#...
    #...# #...# #...# #.... ..#.. #...# #...# #...# .#.#. .#.#. ...#. .#...
    ####. #...# ####. .###. ..#.. #...# #...# #.#.# ..#.. ..#.. ..#.. .#...
    #.... #.#.# #.#.. ....# ..#.. #...# #...# #.#.# .#.#. ..#.. .#... .#...
    #.... #..#. #..#. ....# ..#.. #...# .#.#. ##.## #...# ..#.. #.... .#...
    #.... .##.# #...# ####. ..#.. .###. ..#.. #...# #...# ..#.. ##### .###.
    ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... ..... .....

    ..... .###. ..#.. ..... .#... ..... #.... ..... ....# ..... ..##. .....
    #.... ...#. .#.#. ..... ..#.. ..... #.... ..... ....# ..... .#..# .....
    .#... ...#. #...# ..... ...#. .###. #.##. .###. .##.# .###. .#... .####
    ..#.. ...#. ..... ..... ..... ....# ##..# #.... #..## #...# ###.. #...#
    ...#. ...#. ..... ..... ..... .#### #...# #.... #...# ##### .#... #...#
    ....# ...#. ..... ..... ..... #...# #...# #...# #...# #.... .#... .####
    ..... .###. ..... ..... ..... .#### ####. .###. .#### .###. .#... ....#
    ..... ..... ..... ##### ..... ..... ..... ..... ..... ..... ..... .###.

    #.... ..#.. ...#. #.... .##.. ..... ..... ..... ..... ..... ..... .....
    #.... ..... ..... #.... ..#.. ..... ..... ..... ..... ..... ..... .....
    #.##. .##.. ..##. #..#. ..#.. ##.#. #.##. .###. #.##. .##.# #.##. .####
    ##..# ..#.. ...#. #.#.. ..#.. #.#.# ##..# #...# ##..# #..## ##..# #....
    #...# ..#.. ...#. ##... ..#.. #.#.# #...# #...# #...# #...# #.... .###.
    #...# ..#.. ...#. #.#.. ..#.. #...# #...# #...# ####. .#### #.... ....#
    #...# .###. #..#. #..#. .###. #...# #...# .###. #.... ....# #.... ####.
    ..... ..... .##.. ..... ..... ..... ..... ..... #.... ....# ..... .....

    .#... ..... ..... ..... ..... ..... ..... ..##. ..#.. .##.. .....
    .#... ..... ..... ..... ..... ..... ..... ..#.. ..#.. ..#.. .....
    ###.. #...# #...# #...# #...# #...# ##### ..#.. ..#.. ..#.. .#..#
    .#... #...# #...# #...# .#.#. #...# ...#. .#... ..#.. ...#. #.##.
    .#... #...# #...# #.#.# ..#.. .#### ..#.. ..#.. ..#.. ..#.. .....
    .#..# #..## .#.#. #.#.# .#.#. ....# .#... ..#.. ..#.. ..#.. .....
    ..##. .##.# ..#.. .#.#. #...# #...# ##### ..##. ..#.. .##.. .....
    ..... ..... ..... ..... ..... .###. ..... ..... ..... ..... .....
    """
}

extension Picture {
  /// Gives a rectangle one value in every channel; what lies outside the picture is left out.
  mutating func fill(top: Int, left: Int, height: Int, width: Int, _ value: UInt8) {
    let columns = max(left, 0)..<max(min(left + width, self.width), max(left, 0))
    for y in max(top, 0)..<max(min(top + height, self.height), max(top, 0)) {
      let start = y * self.width
      for i in (start + columns.lowerBound) * channels..<(start + columns.upperBound) * channels {
        bytes[i] = value
      }
    }
  }
}

/// How much room text takes: the advance widths of DejaVu Sans, a wide typeface.
///
/// A reader's machine may have another one of the list in `Style`; those are as wide or narrower.
enum TextWidth {
  /// Thousandths of the font size, and the characters of that width.
  private static let table: [(Double, String)] = [
    (275, "'"), (278, "ijl"), (295, "IJ"), (318, " ,."), (337, "/:;\\|"), (352, "f"), (361, "-"),
    (390, "()[]"), (392, "t"), (401, "!"), (411, "r"), (460, "\""), (500, "*_`"), (521, "s"),
    (525, "z"), (531, "?"), (550, "c"), (557, "L"), (575, "F"), (579, "k"), (592, "vxy"),
    (603, "P"), (612, "aoTY"), (615, "e"), (632, "E"), (636, "$0123456789{}hnubdgpqS"),
    (656, "K"), (686, "ABVXZ"), (698, "CR"), (732, "U"), (752, "HN"), (787, "DGOQ&"),
    (838, "w#+<=>^~"), (863, "M"), (950, "%"), (1000, "mW@"),
  ]

  private static let ascii: [Double] = {
    var widths = [Double](repeating: 0.85, count: 128)
    for (width, characters) in table {
      for byte in characters.utf8 { widths[Int(byte)] = width / 1000 }
    }
    return widths
  }()

  /// The width of a text in pixels, at a font size in pixels; not too small for most scripts.
  static func of(_ text: String, _ size: Double) -> Double {
    size
      * text.unicodeScalars.reduce(0) { sum, scalar in
        if scalar.value < 128 { return sum + ascii[Int(scalar.value)] }
        // From Hangul on, most characters fill a square.
        return sum + (scalar.value < 0x1100 || (0x2000..<0x2E80).contains(scalar.value) ? 0.85 : 1)
      }
  }

  /// The text, or its beginning and its end around an ellipsis: series often differ at the end.
  static func shortened(_ text: String, to width: Double, _ size: Double) -> String {
    guard of(text, size) > width else { return text }
    // No text of that many characters fits; it keeps the search short.
    let characters = Array(text)
    var kept = min(characters.count - 1, Int(width / size / 0.2))
    while kept > 0 {
      let short =
        String(characters.prefix((kept + 1) / 2)) + "…" + String(characters.suffix(kept / 2))
      if of(short, size) <= width { return short }
      kept -= 1
    }
    return "…"
  }

  /// The text in at most `most` lines, broken between words; the last is shortened.
  static func lines(_ text: String, _ width: Double, _ size: Double, most: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, of("\(last) \(word)", size) <= width || lines.count == most {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.map { shortened($0, to: width, size) }
  }
}

/// A text file of words in lines, as the lists that come with CelebA.
///
/// Words are separated by blanks; empty lines do not count. Everything stays in bytes, because such
/// a list holds eight million words.
struct TextTable {
  /// A line that is not empty.
  struct Line {
    /// Its number in the file, from 1.
    let number: Int
    /// Its words.
    let words: [ArraySlice<UInt8>]

    /// The first word, a file name say.
    var name: String { String(decoding: words[0], as: UTF8.self) }

    /// The line as it is quoted in a message, cut where it is long.
    var quoted: String {
      let text = words.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
      return text.count > 40 ? text.prefix(40) + "..." : text
    }
  }

  /// The file.
  let path: String
  private let bytes: [UInt8]

  /// Reads a file.
  ///
  /// - Throws: `DatasetError` where it cannot be read.
  init(_ path: String) throws(DatasetError) {
    self.path = path
    bytes = try SourceFile.read(path)
  }

  /// Calls `body` with every line in turn.
  func forEachLine(_ body: (Line) throws(DatasetError) -> Void) throws(DatasetError) {
    var (number, start) = (0, bytes.startIndex)
    while start < bytes.endIndex {
      number += 1
      let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      let words = bytes[start..<end].split { $0 <= UInt8(ascii: " ") }
      if !words.isEmpty { try body(Line(number: number, words: words)) }
      start = end + 1
    }
  }

  /// The error of a line that is not what it must be.
  func mismatch(_ line: Line, expected: String) -> DatasetError {
    .mismatch(
      file: path, item: "line \(line.number)", found: "\"\(line.quoted)\"", expected: expected)
  }
}

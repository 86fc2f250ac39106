/// A text file with words in lines, such as the lists of CelebA.
///
/// Blanks and commas separate words; empty lines do not count. All words stay bytes, because such
/// a list holds eight million words.
struct TextTable {
  /// A line that is not empty.
  struct Line {
    /// The number of the line in the file, from 1.
    let number: Int
    /// The words of the line.
    let words: [ArraySlice<UInt8>]

    /// The first word, often a file name.
    var name: String { String(decoding: words[0], as: UTF8.self) }

    /// Whether the line has the names of columns, as Kaggle's lists have them.
    var isHeading: Bool { name == "image_id" }

    /// The line as a quotation for messages; a long line is cut.
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
  /// - Throws: `DatasetError` if the file cannot be read.
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
      let words = bytes[start..<end].split { $0 <= UInt8(ascii: " ") || $0 == UInt8(ascii: ",") }
      if !words.isEmpty { try body(Line(number: number, words: words)) }
      start = end + 1
    }
  }

  /// The error of a wrong line.
  func mismatch(_ line: Line, expected: String) -> DatasetError {
    .mismatch(
      file: path, item: "line \(line.number)", found: "\"\(line.quoted)\"", expected: expected)
  }
}

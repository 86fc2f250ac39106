import Foundation
import Support

/// A table of numbers as text: a row for each image or row of features, with its values and, in
/// columns aside, its label, its group and its name.
///
/// Commas, semicolons or tabs separate columns. The first line may name them: it does if more than
/// one name is no number, or if the others count the columns from 0 or 1. A first column without a
/// name, as pandas writes its index, is left out. A field in double quotes may hold separators,
/// line ends and, doubled, quotes (RFC 4180).
struct CSVTable {
  /// The values of all columns but those aside, `[N, D]`.
  let images: MemoryArray
  /// The column of the labels.
  var labels: MemoryArray? { asides[.labels] }
  /// The columns aside.
  let asides: [Aside: MemoryArray]

  /// What a column aside has of each row.
  enum Aside: String, CaseIterable {
    case labels, groups, names

    /// Names by which such a column is found.
    var known: [String] {
      switch self {
      case .labels: ["label", "labels", "class", "target", "y"]
      case .groups: ["group", "groups", "query", "queries", "qid"]
      case .names: ["name", "names", "file", "filename"]
      }
    }

    /// The option that names the column.
    var option: String { "--\(rawValue)" }

    /// How the column is called as an array of a table.
    func array(_ table: String, _ column: String) -> String {
      self == .labels ? "\(table) \(column)" : "\(table) \(rawValue) \(column)"
    }
  }

  /// The word for no column aside.
  static let noColumn = "none"

  /// Reads a table of images.
  ///
  /// - Parameters:
  ///   - bytes: the bytes of the file.
  ///   - file: the file in errors.
  ///   - name: the name of the table.
  ///   - column: the name or the number, from 1, of the column of labels; nil to find it.
  /// - Throws: `DatasetError` with the first line that is wrong.
  init(
    _ bytes: [UInt8], file: String, name: String, labels column: String?
  ) throws(DatasetError) {
    try self.init(
      bytes, file: file, name: name, asides: [.labels: column], rowName: "image")
  }

  /// Reads a table with columns aside.
  ///
  /// - Parameters:
  ///   - wanted: of each kind of column that the table may have its name or its number, from 1; nil
  ///     to find it, "none" for no such column.
  ///   - rowName: what a line is; that of features has no other text than columns aside.
  /// - Throws: `DatasetError` with the first line that is wrong.
  init(
    _ bytes: [UInt8], file: String, name: String, asides wanted: [Aside: String?], rowName: String
  ) throws(DatasetError) {
    let isImages = rowName == "image"
    var lines = Lines(bytes, file: file)
    guard let first = try lines.next() else {
      throw .mismatch(file: file, item: "lines", found: "none", expected: "one for each \(rowName)")
    }
    let separator =
      Self.separators.max { a, b in
        bytes[first].count { $0 == a } < bytes[first].count { $0 == b }
      } ?? Self.separators[0]
    let heading = Self.fields(bytes[first], separator).map { Self.text($0) }
    let width = heading.count
    let words = wanted.values.compactMap { $0 }.filter { isImages || $0 != Self.noColumn }
    let hasHeading = Self.areNames(heading, wanted: words)
    let index = hasHeading && Self.isIndex(heading[0]) && width > 1 ? 0 : nil
    var columns: [Int: (aside: Aside, name: String)] = [:]
    for aside in Aside.allCases {
      guard let word = wanted[aside], isImages || word != Self.noColumn else { continue }
      let found = try Self.place(
        of: aside, word, heading: hasHeading ? heading : nil, index: index, width: width,
        file: file, isSquare: isImages)
      guard let found else { continue }
      if let other = columns[found.place]?.aside {
        throw .option(
          aside.option, found: found.name, expected: "another than that of \(other.option)")
      }
      columns[found.place] = (aside, found.name)
    }
    var values: [Float] = []
    var texts: [Aside: [String]] = [:]
    var areIntegers = true
    var rows = 0
    var line: Range<Int>? = hasHeading ? try lines.next() : first
    while let current = line {
      let fields = Self.fields(bytes[current], separator)
      guard fields.count == width else {
        throw .mismatch(
          file: file, item: "line \(lines.number)", found: "\(fields.count) columns",
          expected: "\(width), as in line 1")
      }
      for (column, field) in fields.enumerated() {
        if column == index { continue }
        if let aside = columns[column]?.aside {
          texts[aside, default: []].append(Self.text(field))
          continue
        }
        if let whole = Self.digits(field) {
          values.append(Float(whole))
        } else if let value = Self.plain(field) ?? Self.number(Self.text(field)) {
          values.append(Float(value))
          if value != value.rounded() { areIntegers = false }
        } else {
          let text = Self.text(field)
          throw .mismatch(
            file: file, item: "line \(lines.number), column \(column + 1)",
            found: text.isEmpty ? "nothing" : "\"\(String(text.prefix(20)).printable)\"",
            expected: "a number "
              + (isImages
                ? "(--labels names the column of labels)"
                : "(--labels, --groups and --names tell the columns aside)"))
        }
      }
      rows += 1
      line = try lines.next()
    }
    guard rows > 0 else {
      throw .mismatch(
        file: file, item: "lines", found: "names of columns alone",
        expected: "one for each \(rowName)")
    }
    var images = MemoryArray(
      file: file, name: name,
      extents: [rows, width - columns.count - (index == nil ? 0 : 1)],
      typeName: areIntegers ? "integer" : "decimal", values: .floats(values))
    images.areIntegers = areIntegers
    images.isTable = true
    images.note =
      (hasHeading
        ? "line 1 taken as names" : "line 1 taken as \(isImages ? "an" : "a") \(rowName)")
      + (index == nil ? "" : ", column 1 without a name left out")
    self.images = images
    var asides: [Aside: MemoryArray] = [:]
    for (aside, column) in columns.values {
      var found = Self.column(texts[aside] ?? [], file: file, name: aside.array(name, column))
      found.aside = aside
      asides[aside] = found
    }
    self.asides = asides
  }

  /// A column as an array: whole numbers where all fields are, else text.
  private static func column(_ texts: [String], file: String, name: String) -> MemoryArray {
    let numbers = texts.compactMap { number($0).flatMap { Int64(exactly: $0) } }
    let areNumbers = numbers.count == texts.count
    var found = MemoryArray(
      file: file, name: name, extents: [texts.count], typeName: areNumbers ? "integer" : "text",
      values: areNumbers ? .integers(numbers) : .text(texts))
    if areNumbers { found.texts = texts }
    return found
  }

  /// Whether the fields of the first line are names of columns.
  ///
  /// - Parameter wanted: names or numbers of columns aside.
  private static func areNames(_ fields: [String], wanted: [String]) -> Bool {
    if wanted.contains(where: { number($0) == nil && fields.contains($0) }) { return true }
    let numbered = Set(wanted.compactMap { Int($0) })
    let texts = fields.enumerated().count { place, field in
      !field.isEmpty && number(field) == nil && (wanted.count < 2 || !numbered.contains(place + 1))
    }
    // A label may be text in any line; names of columns are text in more than one.
    return texts > 1 || areNumbered(fields)
  }

  /// Whether fields count the columns from 0 or 1, but for those of an index and of labels.
  private static func areNumbered(_ fields: [String]) -> Bool {
    var rest = fields[...]
    if isIndex(fields[0]) { rest = rest.dropFirst() }
    let numbers = rest.compactMap { Int($0) }
    guard numbers.count > 1, numbers.count + 1 >= rest.count, (0...1).contains(numbers[0]) else {
      return false
    }
    let isCounted = zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
    let known = Aside.allCases.flatMap(\.known)
    return isCounted && rest.allSatisfy { Int($0) != nil || known.contains($0.lowercased()) }
  }

  /// Whether a name of the first column is that of an index.
  private static func isIndex(_ name: String) -> Bool { name.isEmpty || name == "Unnamed: 0" }

  /// The column of a kind, from 0, and its name; nil if there is none.
  ///
  /// - Parameter isSquare: whether a square of values tells that one more is a label.
  private static func place(
    of aside: Aside, _ column: String?, heading: [String]?, index: Int?, width: Int, file: String,
    isSquare: Bool
  ) throws(DatasetError) -> (place: Int, name: String)? {
    let known = aside.known
    if let column {
      if let place = heading?.firstIndex(of: column) { return (place, "column \(column)") }
      guard let number = Int(column), (1...width).contains(number) else {
        throw .option(
          aside.option, found: column,
          expected: heading.map {
            "the name of a column of \(file): " + $0.prefix(4).joined(separator: ", ") + "…"
          }
            ?? "the number of a column of \(file), from 1 to \(width)")
      }
      return (number - 1, "column \(number)")
    }
    if let heading,
      !areNumbered(heading) || heading.contains(where: { known.contains($0.lowercased()) })
    {
      let places = heading.indices.filter { known.contains(heading[$0].lowercased()) }
      return places.count == 1 ? (places[0], "column \(heading[places[0]])") : nil
    }
    guard isSquare else { return nil }
    // Without names: a square and one more column are a label and an image.
    let first = index == nil ? 0 : 1
    let values = width - first
    let isLabelled = !ArrayImages.isSquare(values) && ArrayImages.isSquare(values - 1)
    return isLabelled ? (first, "column \(first + 1)") : nil
  }

  /// The lines of a file that are not empty, ended by a line feed, a carriage return or both; a
  /// line end within quotes ends none.
  private struct Lines {
    private let bytes: [UInt8]
    private let file: String
    private var start = 0
    /// The number of the line that begins next, from 1.
    private var nextNumber = 1
    /// The number of the last line.
    private(set) var number = 0

    init(_ bytes: [UInt8], file: String) {
      self.bytes = bytes
      self.file = file
      if bytes.starts(with: [0xef, 0xbb, 0xbf]) { start = 3 }
    }

    /// - Throws: `DatasetError` for a quote that is not closed.
    mutating func next() throws(DatasetError) -> Range<Int>? {
      while start < bytes.count {
        number = nextNumber
        let line = start
        var end = line
        var quotes = Quotes()
        while end < bytes.count, quotes.isOpen || !Self.isLineEnd(bytes[end]) {
          if closesLine(end) { nextNumber += 1 }
          quotes.take(bytes[end], isSeparator: CSVTable.separators.contains(bytes[end]))
          end += 1
        }
        guard !quotes.isOpen else {
          throw .mismatch(
            file: file, item: "line \(number)", found: "a quote that is not closed",
            expected: "fields in pairs of double quotes, or none")
        }
        if end < bytes.count, closesLine(end) { nextNumber += 1 }
        start = end + 1
        while end > line, bytes[end - 1] <= UInt8(ascii: " ") { end -= 1 }
        if end > line { return line..<end }
      }
      return nil
    }

    private static func isLineEnd(_ byte: UInt8) -> Bool {
      byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r")
    }

    /// Whether a line end is the last byte of it: of both, the line feed.
    private func closesLine(_ place: Int) -> Bool {
      Self.isLineEnd(bytes[place])
        && !(bytes[place] == UInt8(ascii: "\r") && place + 1 < bytes.count
          && bytes[place + 1] == UInt8(ascii: "\n"))
    }
  }

  private static let quote = UInt8(ascii: "\"")
  private static let separators = [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")]

  /// Whether a byte lies within quotes: they open at the begin of a field alone, elsewhere a quote
  /// is a letter.
  private struct Quotes {
    private(set) var isOpen = false
    private var startsField = true
    private var hasJustClosed = false

    mutating func take(_ byte: UInt8, isSeparator: Bool) {
      if byte == CSVTable.quote {
        if isOpen {
          (isOpen, hasJustClosed) = (false, true)
        } else if startsField || hasJustClosed {
          (isOpen, hasJustClosed) = (true, false)
        }
        startsField = false
        return
      }
      hasJustClosed = false
      if !isOpen { startsField = isSeparator || (startsField && byte == UInt8(ascii: " ")) }
    }
  }

  private static func fields(_ line: ArraySlice<UInt8>, _ separator: UInt8) -> [ArraySlice<UInt8>] {
    guard line.contains(quote) else {
      return line.split(separator: separator, omittingEmptySubsequences: false)
    }
    var fields: [ArraySlice<UInt8>] = []
    var (first, quotes) = (line.startIndex, Quotes())
    for (place, byte) in zip(line.indices, line) {
      if byte == separator, !quotes.isOpen {
        fields.append(line[first..<place])
        first = place + 1
      }
      quotes.take(byte, isSeparator: byte == separator)
    }
    return fields + [line[first...]]
  }

  /// A field without blanks around it and without its quotes.
  private static func text(_ field: ArraySlice<UInt8>) -> String {
    var text = String(decoding: field, as: UTF8.self)
      .trimmingCharacters(in: [" ", "\t", "\r"])
    if text.count > 1, text.hasPrefix("\""), text.hasSuffix("\"") {
      text = text.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
    }
    return text.printable
  }

  /// A decimal number with nothing around it, as most are; nil for other text.
  private static func plain(_ field: ArraySlice<UInt8>) -> Double? {
    let digits = UInt8(ascii: "+")...UInt8(ascii: "9")
    guard field.allSatisfy({ digits.contains($0) || $0 | 0x20 == UInt8(ascii: "e") }) else {
      return nil
    }
    return Double(String(decoding: field, as: UTF8.self))
  }

  /// A decimal number; nil for other text, hexadecimal numbers too.
  private static func number(_ text: String) -> Double? {
    text.contains { $0 == "x" || $0 == "X" } ? nil : Double(text)
  }

  /// A whole number of at most six digits; nil for other text.
  private static func digits(_ field: ArraySlice<UInt8>) -> Int? {
    guard (1...6).contains(field.count) else { return nil }
    var value = 0
    for byte in field {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = 10 * value + Int(byte - UInt8(ascii: "0"))
    }
    return value
  }
}

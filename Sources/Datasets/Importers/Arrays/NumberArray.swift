import Foundation
import HDF5
import Support

/// An array of a file, known by its name: images, labels, or neither.
protocol NumberArray {
  /// The file, and the array's name in it.
  var file: String { get }
  var name: String { get }
  /// The extents; the first counts rows.
  var extents: [Int] { get }
  /// The type of a value in numpy's words.
  var typeName: String { get }
  /// What the values are.
  var kind: NumberKind { get }

  /// Whether a part of the values was never written, and reads as one value.
  var isPartlyWritten: Bool { get }
  /// What a reader should know about the array, in words; nil for nothing.
  var note: String? { get }
  /// What a column of a table has beside the rows; nil for all other arrays.
  var aside: CSVTable.Aside? { get }
  /// Whether the array has the rows of a table.
  var isTable: Bool { get }

  /// Checks that the values are there, before memory is taken for them.
  ///
  /// - Throws: `HDF5Error` or `DatasetError` if they were never written, or lie in files that are
  ///   missing.
  func check() throws
  /// The values of some rows; whole numbers of 24 bits are exact.
  func floats(_ rows: Range<Int>) throws -> [Float]
  /// All values as whole numbers; nil if some are not.
  func integers() throws -> [Int64]?
  /// All values as text, where `kind` is text; of whole numbers their digits.
  func strings() throws -> [String]
}

/// What the values of an array are.
enum NumberKind {
  case integers, floats, text, other
}

extension NumberArray {
  var isPartlyWritten: Bool { false }
  var note: String? { nil }
  var aside: CSVTable.Aside? { nil }
  var isTable: Bool { false }

  func check() throws {}

  /// The values of a row.
  var rowCount: Int { extents.dropFirst().reduce(1, *) }

  /// Rows that are read at once: some megabytes.
  var rowsAtOnce: Int { max(1, (1 << 22) / max(1, rowCount)) }

  /// Calls `body` with all rows in turn, some megabytes at a time.
  func forEachBlock(_ body: (Range<Int>, [Float]) throws -> Void) throws {
    for first in stride(from: 0, to: extents[0], by: rowsAtOnce) {
      let rows = first..<min(first + rowsAtOnce, extents[0])
      try body(rows, try floats(rows))
    }
  }

  /// An error about the array.
  func mismatch(found: String, expected: String) -> DatasetError {
    .mismatch(file: file, item: name, found: found, expected: expected)
  }
}

/// An array in memory: numbers, or text.
struct MemoryArray: NumberArray {
  /// The values, row-major.
  enum Values {
    case bytes([UInt8])
    case floats([Float])
    case integers([Int64])
    case text([String])
  }

  let file: String
  let name: String
  let extents: [Int]
  let typeName: String
  let values: Values
  /// Whether floats are whole numbers in the file, as those of a table without points.
  var areIntegers = false
  /// Whole numbers as the file has them, where these may have to be told apart as text.
  var texts: [String]?
  var note: String?
  var aside: CSVTable.Aside?
  var isTable = false

  var kind: NumberKind {
    switch values {
    case .bytes, .integers: .integers
    case .floats: areIntegers ? .integers : .floats
    case .text: .text
    }
  }

  func floats(_ rows: Range<Int>) -> [Float] {
    let places = rows.lowerBound * rowCount..<rows.upperBound * rowCount
    switch values {
    case .bytes(let bytes): return bytes[places].map { Float($0) }
    case .floats(let floats): return Array(floats[places])
    case .integers(let integers): return integers[places].map { Float($0) }
    case .text: return []
    }
  }

  func integers() -> [Int64]? {
    switch values {
    case .bytes(let bytes): return bytes.map { Int64($0) }
    case .integers(let integers): return integers
    case .floats(let floats):
      let exact = floats.compactMap { Int64(exactly: $0) }
      return exact.count == floats.count ? exact : nil
    case .text: return nil
    }
  }

  func strings() -> [String] {
    if let texts { return texts }
    guard case .text(let strings) = values else { return (integers() ?? []).map { "\($0)" } }
    return strings
  }
}

/// A dataset of an HDF5 file.
struct DatasetArray: NumberArray {
  let dataset: Dataset
  var file: String { dataset.file.path }
  var name: String { dataset.path }
  var extents: [Int] { dataset.shape }
  var typeName: String { "\(dataset.type)" }

  var kind: NumberKind {
    switch dataset.type {
    case .uint8, .int8, .int32, .int64: return .integers
    case .float16, .float32, .float64: return .floats
    case .string: return .text
    case .other(let name):
      if name == "bool" || name.hasPrefix("int") || name.hasPrefix("uint") { return .integers }
      return name.hasSuffix("float") ? .floats : .other
    }
  }

  var isPartlyWritten: Bool { dataset.allocation == .part }

  func check() throws {
    // Eight bytes of a value, as all are read.
    guard let bytes = (extents + [8]).product else {
      throw mismatch(found: "\(extents)", expected: "extents of an array that is stored")
    }
    let count = bytes / 8
    guard dataset.allocation != .none else {
      throw mismatch(
        found: "values that were never written", expected: "values; HDF5 would read one everywhere")
    }
    // Filters pack a thousand values in a byte at most; a forged file may announce any number.
    let stored = dataset.packedBytes
    guard stored == 0 || count / (1 << 16) <= stored else {
      throw mismatch(
        found: "\(extents) in \(stored) bytes", expected: "values, most of which were written")
    }
    let row = max(1, rowCount) * 8
    if let available = ProcessMemory.available, row > available / 2 {
      throw mismatch(
        found: "rows of \(Quantity.bytes(row))",
        expected: "no more than half of the \(Quantity.bytes(available)) of memory that are free")
    }
    try dataset.checkSources()
  }

  func floats(_ rows: Range<Int>) throws -> [Float] {
    dataset.type == .other("bool")
      ? try dataset.readBools(rows: rows).map { Float($0) } : try dataset.read(rows: rows)
  }

  func integers() throws -> [Int64]? {
    let rows = 0..<(extents.first ?? 1)
    switch kind {
    case .integers:
      return dataset.type == .other("bool")
        ? try dataset.readBools(rows: rows).map { Int64($0) } : try dataset.read(rows: rows)
    case .floats:
      let values: [Double] = try dataset.read(rows: rows)
      let exact = values.compactMap { Int64(exactly: $0) }
      return exact.count == values.count ? exact : nil
    case .text, .other: return nil
    }
  }

  func strings() throws -> [String] {
    kind == .text ? try dataset.readStrings() : try (integers() ?? []).map { "\($0)" }
  }
}

/// The files of arrays that are read beside HDF5, by the endings of their names.
enum ArrayKind: String, CaseIterable {
  case npy, npz, csv

  /// The kind of a file, `.gz` left aside; nil for another ending.
  init?(of path: String) {
    var name = path.lowercased()
    if name.hasSuffix(".gz") { name.removeLast(3) }
    let known = Self.allCases.first { name.hasSuffix("." + $0.rawValue) }
    guard let known = known ?? (name.hasSuffix(".tsv") ? .csv : nil) else { return nil }
    self = known
  }
}

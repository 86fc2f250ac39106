import Foundation
import Support

/// Reads an array of NumPy, the format `.npy`.
///
/// The file begins with 0x93 `NUMPY`, its version, and a header of text: type, order and extents.
enum NPYFile {
  /// Reads an array.
  ///
  /// - Parameters:
  ///   - bytes: the bytes of the file.
  ///   - file: the file in errors.
  ///   - name: the array's name.
  /// - Throws: `DatasetError` if the file is cut short, or of a kind that is not read.
  static func read(
    _ bytes: [UInt8], file: String, name: String
  ) throws(DatasetError) -> MemoryArray {
    func mismatch(_ item: String, _ found: String, _ expected: String) -> DatasetError {
      .mismatch(file: file, item: "\(name): \(item)", found: found, expected: expected)
    }
    guard bytes.starts(with: [0x93] + Array("NUMPY".utf8)), bytes.count >= 12 else {
      throw mismatch(
        "header", bytes.isEmpty ? "no byte" : "another beginning", "that of .npy files")
    }
    let wide = bytes[6] >= 2
    guard (1...3).contains(bytes[6]) else {
      throw mismatch("version", "\(bytes[6])", "1 to 3")
    }
    let length = bytes[8..<(wide ? 12 : 10)].reversed().reduce(0) { $0 << 8 | Int($1) }
    let start = (wide ? 12 : 10) + length
    guard start <= bytes.count else {
      throw mismatch("size", "\(bytes.count) bytes", "at least \(start), its header")
    }
    let header = String(decoding: bytes[(wide ? 12 : 10)..<start], as: UTF8.self)
    guard let descr = field("descr", of: header), let order = field("fortran_order", of: header),
      let shape = field("shape", of: header)
    else {
      throw mismatch(
        "header", "\"\(String(header.prefix(40)).printable)\"",
        "descr, fortran_order and shape")
    }
    // Python 2 wrote 3L.
    let extents = shape.split(separator: ",").map { $0.filter { $0 != " " && $0 != "L" } }
      .filter { !$0.isEmpty }.map { Int($0) ?? -1 }
    guard let type = ValueType(descr) else {
      throw mismatch(
        "type", descr.contains("O") ? "Python objects" : String(descr.prefix(20)).printable,
        "whole numbers, floats, booleans or text of fixed length")
    }
    var count = 1
    for extent in extents {
      let (product, overflows) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflows, product <= bytes.count else {
        throw mismatch(
          "shape", "(\(String(shape.prefix(40)).printable))",
          "extents from 0 on, of no more values than the \(bytes.count) bytes have")
      }
      count = product
    }
    let (size, overflows) = count.multipliedReportingOverflow(by: type.size)
    guard !overflows, bytes.count - start == size else {
      throw mismatch(
        "size", "\(bytes.count - start) bytes of values",
        "\(overflows ? Int.max : size) by its header, \(type.name) \(extents)")
    }
    let values = type.values(bytes[start...], count: count)
    let array = MemoryArray(
      file: file, name: name, extents: extents.isEmpty ? [1] : extents, typeName: type.name,
      values: values)
    return order == "True" && extents.count > 1 ? reordered(array) : array
  }

  /// The value of a key in the header, without quotes and brackets.
  private static func field(_ key: String, of header: String) -> String? {
    guard let place = header.range(of: "'\(key)':") else { return nil }
    let rest = header[place.upperBound...].drop { $0 == " " }
    switch rest.first {
    case "'": return String(rest.dropFirst().prefix { $0 != "'" })
    case "(": return String(rest.dropFirst().prefix { $0 != ")" })
    case "[": return "fields"
    default: return String(rest.prefix(while: \.isLetter))
    }
  }

  /// The type of a value.
  private struct ValueType {
    let name: String
    let size: Int
    let letter: Character
    let isBig: Bool

    init?(_ descr: String) {
      let order = descr.first ?? "|"
      let isMarked = "<>|=".contains(order)
      let text = isMarked ? descr.dropFirst() : descr[...]
      guard let letter = text.first, let length = Int(text.dropFirst()), length > 0 else {
        return nil
      }
      self.letter = letter
      isBig = order == ">"
      switch (letter, length) {
      case ("b", 1): (name, size) = ("bool", 1)
      case ("u", 1), ("u", 2), ("u", 4), ("u", 8): (name, size) = ("uint\(8 * length)", length)
      case ("i", 1), ("i", 2), ("i", 4), ("i", 8): (name, size) = ("int\(8 * length)", length)
      case ("f", 2), ("f", 4), ("f", 8): (name, size) = ("float\(8 * length)", length)
      case ("U", 1...4096): (name, size) = ("text", 4 * length)
      case ("S", 1...4096): (name, size) = ("text", length)
      default: return nil
      }
    }

    func values(_ bytes: ArraySlice<UInt8>, count: Int) -> MemoryArray.Values {
      if size == 1 && (letter == "u" || letter == "b") { return .bytes(Array(bytes)) }
      func word(_ place: Int, _ size: Int) -> UInt64 {
        let at = bytes.startIndex + place
        var word: UInt64 = 0
        for i in 0..<size { word = word << 8 | UInt64(bytes[isBig ? at + i : at + size - 1 - i]) }
        return word
      }
      switch letter {
      case "U":
        return .text(
          (0..<count).map { row in
            var text = String.UnicodeScalarView()
            for place in stride(from: row * size, to: (row + 1) * size, by: 4) {
              let scalar = word(place, 4)
              if scalar == 0 { break }
              text.append(Unicode.Scalar(UInt32(scalar)) ?? "\u{FFFD}")
            }
            return String(text)
          })
      case "S":
        return .text(
          (0..<count).map { row in
            let at = bytes.startIndex + row * size
            return String(decoding: bytes[at..<at + size].prefix { $0 != 0 }, as: UTF8.self)
          })
      case "f":
        return .floats(
          (0..<count).map { i in
            let word = word(i * size, size)
            switch size {
            case 2: return Float(Float16(bitPattern: UInt16(word)))
            case 4: return Float(bitPattern: UInt32(word))
            default: return Float(Double(bitPattern: word))
            }
          })
      default:
        let shift = UInt64(64 - 8 * size)
        return .integers(
          (0..<count).map { i in
            let word = word(i * size, size)
            if letter == "i" { return Int64(bitPattern: word << shift) >> Int64(shift) }
            return Int64(clamping: word)
          })
      }
    }
  }

  /// An array whose first index runs first, in the usual order.
  private static func reordered(_ array: MemoryArray) -> MemoryArray {
    func turned<Value>(_ values: [Value]) -> [Value] {
      var result: [Value] = []
      result.reserveCapacity(values.count)
      var index = [Int](repeating: 0, count: array.extents.count)
      var steps: [Int] = []
      var step = 1
      for extent in array.extents {
        steps.append(step)
        step *= extent
      }
      for _ in values.indices {
        result.append(values[zip(index, steps).reduce(0) { $0 + $1.0 * $1.1 }])
        for axis in index.indices.reversed() {
          index[axis] += 1
          if index[axis] < array.extents[axis] { break }
          index[axis] = 0
        }
      }
      return result
    }
    let values: MemoryArray.Values =
      switch array.values {
      case .bytes(let values): .bytes(turned(values))
      case .floats(let values): .floats(turned(values))
      case .integers(let values): .integers(turned(values))
      case .text(let values): .text(turned(values))
      }
    return MemoryArray(
      file: array.file, name: array.name, extents: array.extents, typeName: array.typeName,
      values: values)
  }
}

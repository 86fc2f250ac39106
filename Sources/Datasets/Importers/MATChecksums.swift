import CZlib
import Foundation

/// The checksums of compressed variables in MATLAB files of versions 5 to 7.
///
/// matio does not compare them: it stops reading after the last number. A changed byte would change
/// pixels without an error.
enum MATChecksums {
  private static let headerBytes = 128
  private static let tagBytes = 8
  /// The format's numbers for two types of variables.
  private static let (matrix, compressed) = (14, 15)

  /// Unpacks every compressed variable of a file and forgets it; other versions have no such
  /// variables.
  ///
  /// - Throws: `DatasetError.damaged` if a variable is cut off or its checksum is wrong.
  static func check(_ path: String) throws(DatasetError) {
    let bytes = try SourceFile.readRaw(path)
    // The header ends with the version, 1, and the number "MI".
    let ending = bytes.prefix(headerBytes).suffix(4)
    let isLittle = ending.elementsEqual([0, 1, 0x49, 0x4d])
    guard isLittle || ending.elementsEqual([1, 0, 0x4d, 0x49]) else { return }
    func number(at place: Int) -> Int {
      let digits = bytes[place..<place + 4]
      return (isLittle ? digits.reversed() : Array(digits)).reduce(0) { $0 << 8 | Int($1) }
    }
    var place = headerBytes
    while place + tagBytes <= bytes.count {
      let (type, size) = (number(at: place), number(at: place + 4))
      guard type == matrix || type == compressed else { return }
      place += tagBytes
      guard size <= bytes.count - place else {
        throw .damaged(
          file: path, problem: "found \(bytes.count - place) bytes of a variable, expected \(size)")
      }
      if type == compressed && !isWhole(bytes[place..<place + size]) {
        throw .damaged(file: path, problem: "damaged compressed data: its checksum does not hold")
      }
      place += size
    }
  }

  /// Whether `packed` is complete zlib data with a correct checksum at the end.
  ///
  /// The C function is `inflate`.
  private static func isWhole(_ packed: ArraySlice<UInt8>) -> Bool {
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return false
    }
    defer { inflateEnd(&stream) }
    return packed.withUnsafeBufferPointer { input in
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 16) { output in
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.avail_in = UInt32(input.count)
        var status = Z_OK
        while status == Z_OK {
          stream.next_out = output.baseAddress
          stream.avail_out = UInt32(output.count)
          status = inflate(&stream, Z_NO_FLUSH)
        }
        return status == Z_STREAM_END && stream.avail_in == 0
      }
    }
  }
}

import CPNG
import CZlib
import Foundation
import Support

/// PNG files in memory: 8 and 16 bits a value, and texts within them.
extension PNG {
  /// The bytes of a PNG file of a picture.
  ///
  /// The C function is `png_image_write_to_memory`.
  ///
  /// - Parameters:
  ///   - texts: keywords and texts that the file holds beside the picture (`tEXt`).
  ///   - path: the name of the file in errors.
  /// - Throws: `ImageError` if the picture is too large for PNG.
  public static func encode(
    _ picture: Picture, texts: [(keyword: String, text: String)] = [], named path: String
  ) throws(ImageError) -> [UInt8] {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = picture.channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    // Deflate makes incompressible data a little larger; a row has a byte more.
    var size = picture.bytes.count + picture.bytes.count / 512 + picture.height + 1024
    var bytes = [UInt8](repeating: 0, count: size)
    let isEncoded = bytes.withUnsafeMutableBytes { file in
      picture.bytes.withUnsafeBytes { pixels in
        png_image_write_to_memory(
          &image, file.baseAddress, &size, 0, pixels.baseAddress, 0, nil) != 0
      }
    }
    guard isEncoded else {
      throw ImageError(path: path, operation: .written, reason: message(of: image))
    }
    bytes.removeLast(bytes.count - size)
    // The header is the first chunk: 8 bytes of signature, 25 of the header.
    bytes.insert(contentsOf: texts.flatMap { textChunk($0.keyword, $0.text) }, at: 33)
    return bytes
  }

  /// The bytes of a PNG file of values from 0 to 1, `[height, width, channels]`, clipped and
  /// rounded to 8 or 16 bits.
  ///
  /// Traps unless channels are 1 or 3, and bits 8 or 16.
  ///
  /// - Throws: `ImageError` if the picture is too large for PNG.
  public static func encode(
    _ values: [Float], height: Int, width: Int, channels: Int, bits: Int, named path: String
  ) throws(ImageError) -> [UInt8] {
    precondition(values.count == height * width * channels, "\(values.count) values")
    guard bits == 16 else {
      precondition(bits == 8, "\(bits) bits a value")
      return try encode(
        Picture(
          height: height, width: width, channels: channels, bytes: values.map(ImageGrid.byte)),
        named: path)
    }
    precondition(channels == 1 || channels == 3, "\(channels) channels; expected 1 or 3")
    let rows = rows16(values, height: height, length: width * channels, channels: channels)
    guard let data = deflated(rows) else {
      throw ImageError(path: path, operation: .written, reason: "found no memory to compress it in")
    }
    let header =
      bigEndian(width) + bigEndian(height) + [16, channels == 1 ? 0 : 2, 0, 0, 0] as [UInt8]
    return [137, 80, 78, 71, 13, 10, 26, 10] + chunk("IHDR", header) + chunk("IDAT", data)
      + chunk("IEND", [])
  }

  /// Rows of 16-bit values, most significant byte first; each begins with its filter: 1, the
  /// difference to the pixel at the left.
  private static func rows16(
    _ values: [Float], height: Int, length: Int, channels: Int
  ) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(height * (2 * length + 1))
    let distance = 2 * channels
    var row = [UInt8](repeating: 0, count: 2 * length)
    for y in 0..<height {
      for x in 0..<length {
        let value = values[y * length + x]
        let stored = value > 0 ? UInt16((min(value, 1) * 65535).rounded()) : 0
        row[2 * x] = UInt8(stored >> 8)
        row[2 * x + 1] = UInt8(stored & 255)
      }
      bytes.append(1)
      for i in row.indices { bytes.append(row[i] &- (i < distance ? 0 : row[i - distance])) }
    }
    return bytes
  }

  /// The C function is `compress2`.
  private static func deflated(_ bytes: [UInt8]) -> [UInt8]? {
    var size = compressBound(uLong(bytes.count))
    var result = [UInt8](repeating: 0, count: Int(size))
    guard compress2(&result, &size, bytes, uLong(bytes.count), 6) == Z_OK else { return nil }
    result.removeLast(result.count - Int(size))
    return result
  }

  /// A chunk of a text in Latin-1; other characters become question marks.
  private static func textChunk(_ keyword: String, _ text: String) -> [UInt8] {
    let latin = (keyword + "\0" + text).unicodeScalars.map { scalar in
      scalar.value < 256 ? UInt8(scalar.value) : UInt8(ascii: "?")
    }
    return chunk("tEXt", latin)
  }

  private static func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(kind.utf8) + data
    return bigEndian(data.count) + body + bigEndian(Int(crc32(0, body, uInt(body.count))))
  }

  private static func bigEndian(_ value: Int) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: - Files

  /// Writes a picture with texts in it.
  ///
  /// The file appears completely or not at all; it replaces a file of the same name.
  ///
  /// - Throws: `ImageError` if the picture is too large for PNG or the file cannot be written.
  public static func write(
    _ picture: Picture, texts: [(keyword: String, text: String)], to path: String
  ) throws(ImageError) {
    let bytes = try encode(picture, texts: texts, named: path)
    do throws(FileError) { try TemporaryFile.write(bytes, to: path) } catch {
      throw ImageError(
        path: path, operation: .written, reason: error.reason, errorNumber: error.errorNumber)
    }
  }

  /// The texts in a PNG file, by their keywords; nil for another kind of file.
  ///
  /// Only what stands before the picture is read, and no more than some kilobytes.
  public static func texts(in path: String) -> [String: String]? {
    guard let descriptor = try? RegularFile.open(path, followingLinks: true) else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 8, bytes[..<8] == [137, 80, 78, 71, 13, 10, 26, 10] else { return nil }
    var texts: [String: String] = [:]
    var place = 8
    while place + 8 <= count {
      let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      let kind = String(decoding: bytes[place + 4..<place + 8], as: UTF8.self)
      let end = place + 8 + length
      guard kind != "IDAT", end <= count else { break }
      if kind == "tEXt" {
        let parts = bytes[place + 8..<end].split(
          separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { texts[latin1(parts[0])] = latin1(parts[1]) }
      }
      place = end + 4
    }
    return texts
  }

  private static func latin1(_ bytes: ArraySlice<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }
}

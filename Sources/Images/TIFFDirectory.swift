/// The first directory of a TIFF file, which EXIF data are, too.
struct TIFFDirectory {
  private var fields: [Int: [Int]] = [:]
  /// Whether further directories follow: further pictures.
  private(set) var hasMore = false

  /// The fields of whole numbers in the first directory; nil if there is none.
  ///
  /// - Parameter most: how many values of a field are taken.
  init?(_ data: ArraySlice<UInt8>, most: Int = 8) {
    guard data.count >= 8 else { return nil }
    let start = data.startIndex
    let isLittle = data[start] == UInt8(ascii: "I")
    func number(_ offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset <= data.count - size else { return nil }
      let field = data[(start + offset)..<(start + offset + size)]
      return isLittle
        ? field.reversed().reduce(0) { $0 << 8 | Int($1) } : field.reduce(0) { $0 << 8 | Int($1) }
    }
    guard let first = number(4, 4), let count = number(first, 2) else { return nil }
    for entry in 0..<count {
      let offset = first + 2 + 12 * entry
      guard let tag = number(offset, 2), let kind = number(offset + 2, 2),
        let length = number(offset + 4, 4)
      else { return }
      // Bytes, short and long whole numbers.
      guard let size = [1: 1, 3: 2, 4: 4][kind] else { continue }
      let place = length * size <= 4 ? offset + 8 : number(offset + 8, 4) ?? data.count
      fields[tag] = (0..<min(length, most)).compactMap { number(place + $0 * size, size) }
    }
    hasMore = (number(first + 2 + 12 * count, 4) ?? 0) != 0
  }

  /// The values of a field, by its number; nil if there is no such field.
  func values(_ tag: Int) -> [Int]? { fields[tag].flatMap { $0.isEmpty ? nil : $0 } }

  /// The first value of a field.
  func value(_ tag: Int) -> Int? { values(tag)?[0] }
}

/// The tag Orientation in the EXIF data of a file: 1 to 8; 1 where there is none.
enum Orientation {
  /// The orientation of a file.
  static func of(_ bytes: [UInt8], _ format: ImageError.Format) -> Int {
    let found =
      switch format {
      case .jpeg: ofJPEG(bytes)
      case .png: ofPNG(bytes)
      case .tiff: ofTIFF(bytes[...])
      case .webp: ofWebP(bytes)
      case .bmp, .gif: 1
      }
    return (1...8).contains(found) ? found : 1
  }

  /// The orientation of a JPEG file.
  private static func ofJPEG(_ bytes: [UInt8]) -> Int {
    var at = 2
    while at + 4 <= bytes.count, bytes[at] == 0xff {
      let marker = bytes[at + 1]
      if marker == 0xff {
        at += 1
        continue
      }
      // The picture's data begin; EXIF comes before.
      if marker == 0xda || marker == 0xd9 { break }
      if marker == 0x01 || (0xd0...0xd8).contains(marker) {
        at += 2
        continue
      }
      let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
      let end = at + 2 + length
      guard length >= 2, end <= bytes.count else { break }
      if marker == 0xe1, bytes[(at + 4)..<end].starts(with: Array("Exif\0\0".utf8)) {
        return ofTIFF(bytes[(at + 10)..<end])
      }
      at = end
    }
    return 1
  }

  /// The orientation of a PNG file, from its chunk eXIf.
  private static func ofPNG(_ bytes: [UInt8]) -> Int {
    var at = 8
    while at + 12 <= bytes.count {
      let length = bytes[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - at - 12 else { break }
      if bytes[(at + 4)..<(at + 8)].elementsEqual("eXIf".utf8) {
        return ofTIFF(bytes[(at + 8)..<(at + 8 + length)])
      }
      at += 12 + length
    }
    return 1
  }

  /// The orientation of a WebP file, from its chunk EXIF.
  private static func ofWebP(_ bytes: [UInt8]) -> Int {
    var at = 12
    while at + 8 <= bytes.count {
      let length = bytes[(at + 4)..<(at + 8)].reversed().reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - at - 8 else { break }
      if bytes[at..<(at + 4)].elementsEqual("EXIF".utf8) {
        let data = bytes[(at + 8)..<(at + 8 + length)]
        let mark = Array("Exif\0\0".utf8)
        return ofTIFF(data.starts(with: mark) ? data.dropFirst(mark.count) : data)
      }
      at += 8 + length + length % 2
    }
    return 1
  }

  /// The orientation in EXIF data, which have the form of a TIFF file.
  private static func ofTIFF(_ data: ArraySlice<UInt8>) -> Int {
    TIFFDirectory(data)?.value(0x0112) ?? 1
  }
}

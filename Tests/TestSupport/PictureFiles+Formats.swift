import CGraphicsMagick
import Foundation
import Images

/// Files of the formats that GraphicsMagick reads and writes.
extension PictureFiles {
  private static let isReady = cgm_start() != 0

  /// A picture as a file of a format, such as `TIFF`; WebP without loss.
  ///
  /// - Parameters:
  ///   - orientation: the orientation of EXIF, 1 to 8, in a TIFF file.
  ///   - pages: how many equal pictures the file holds.
  ///   - isPacked: whether a TIFF file is compressed.
  public static func file<Value: BitwiseCopyable>(
    _ format: String, _ picture: Raster<Value>, orientation: Int = 1, pages: Int = 1,
    isPacked: Bool = false
  ) throws -> Data {
    try file(
      format, picture.values, height: picture.height, width: picture.width,
      map: picture.channels == 1 ? "I" : "RGB", orientation: orientation, pages: pages,
      isPacked: isPacked)
  }

  /// Pixels of red, green, blue and alpha as a file of a format.
  public static func fileWithAlpha<Value: BitwiseCopyable>(
    _ format: String, _ pixels: [Value], height: Int, width: Int
  ) throws -> Data {
    try file(
      format, pixels, height: height, width: width, map: "RGBA", orientation: 1, pages: 1,
      isPacked: false)
  }

  private static func file<Value: BitwiseCopyable>(
    _ format: String, _ pixels: [Value], height: Int, width: Int, map: String, orientation: Int,
    pages: Int, isPacked: Bool
  ) throws -> Data {
    guard isReady else { throw Failure(description: "GraphicsMagick does not start") }
    var count = 0
    let bytes = pixels.withUnsafeBytes {
      cgm_encode(
        format, UInt(width), UInt(height), map, MemoryLayout<Value>.size == 2 ? 1 : 0,
        $0.baseAddress, Int32(orientation), isPacked ? ZipCompression : NoCompression, &count)
    }
    guard let bytes else { throw Failure(description: "GraphicsMagick wrote no \(format) file") }
    defer { free(bytes) }
    let file = [UInt8](Data(bytes: bytes, count: count))
    return Data(pages == 1 ? file : repeated(file, format, pages))
  }

  /// A file of one picture as one of several, where its format has that: those of GIF lie between
  /// its header and its last byte; in TIFF the directory of a picture ends with the place of the
  /// next one, here itself.
  private static func repeated(_ file: [UInt8], _ format: String, _ pages: Int) -> [UInt8] {
    if format == "GIF" {
      let start = 13 + (file[10] >= 128 ? 3 << (Int(file[10] & 7) + 1) : 0)
      let picture = file[start..<file.count - 1]
      return Array(file[..<start]) + repeatElement(picture, count: pages).joined()
        + file.suffix(1)
    }
    guard format == "TIFF" else { return file }
    func number(_ at: Int, _ bytes: Int) -> Int {
      (0..<bytes).reduce(0) { $0 + Int(file[at + $1]) << (8 * $1) }
    }
    let directory = number(4, 4)
    var result = file
    let end = directory + 2 + 12 * number(directory, 2)
    result.replaceSubrange(end..<end + 4, with: file[4..<8])
    return result
  }

  /// A 16-bit picture with smooth colours; each `index` gives a different picture.
  public static func deepPattern(
    _ index: Int, height: Int, width: Int, channels: Int = 1
  ) -> DeepPicture {
    let values = (0..<height * width * channels).map {
      UInt16(truncatingIfNeeded: ($0 &* 2654 &+ index &* 977) ^ 0x1234)
    }
    return DeepPicture(height: height, width: width, channels: channels, values: values)
  }
}

import CGraphicsMagick

/// Decodes TIFF, BMP, GIF, WebP and 16-bit PNG files, through GraphicsMagick.
///
/// Its decoders are called by name: a file never chooses one of the many others. A picture is
/// refused by its size before memory is taken; nothing is put on a disk.
enum MagickDecoder {
  /// Starts the library, once; false if it cannot.
  private static let isReady: Bool = {
    guard cgm_start() != 0 else { return false }
    let limits: [(ResourceType, Int)] = [
      (PixelsResource, Picture.maximumPixels), (DiskResource, 0), (MapResource, 0),
      (ThreadsResource, 1), (ReadResource, 1 << 31),
    ]
    return limits.allSatisfy { cgm_limit($0.0, Int64($0.1)) != 0 }
  }()

  /// The values of the first picture, as it is stored.
  ///
  /// - Parameter isTransparent: becomes true if pixels were laid on the background.
  /// - Throws: `ImageError` if the file is damaged or cut short.
  static func decode<Value>(
    _ bytes: [UInt8], _ header: PictureHeader, named path: String, background: Background,
    as type: Value.Type, _ isTransparent: inout Bool
  ) throws(ImageError) -> Raster<Value> {
    func failure(_ reason: String) -> ImageError {
      ImageError(path: path, operation: .read, format: header.format, reason: reason)
    }
    guard isReady else { throw failure("GraphicsMagick does not start") }
    var reading = cgm_reading()
    cgm_read(&reading, header.format.decoder, bytes, bytes.count)
    defer { cgm_end(&reading) }
    // Warnings tell of notes in the file; but of a damaged picture libraries only warn, too.
    let severity = cgm_severity(&reading)
    let isDamaged =
      severity >= ErrorException.rawValue || severity == CorruptImageWarning.rawValue
    guard reading.image != nil, !isDamaged else { throw failure(Self.reason(&reading)) }
    let (height, width) = (cgm_height(&reading), cgm_width(&reading))
    let stored = header.stored
    guard header.format == .gif || (height, width) == stored else {
      throw failure(
        "found \(width)x\(height) pixels, expected \(stored.width)x\(stored.height) by its header")
    }
    let hasAlpha = cgm_is_transparent(&reading) != 0
    let map = (header.channels == 1 ? "I" : "RGB") + (hasAlpha ? "A" : "")
    let samples = header.channels + (hasAlpha ? 1 : 0)
    guard
      var values: [Value] = copy(&reading, map, count: height * width * samples, header.format)
    else { throw failure(Self.reason(&reading)) }
    if hasAlpha {
      values = Raster.flattened(values, header.channels, on: background, &isTransparent)
    }
    let picture = Raster(height: height, width: width, channels: header.channels, values: values)
    return (height, width) == stored
      ? picture
      : place(
        picture, top: cgm_top(&reading), left: cgm_left(&reading), stored, background,
        &isTransparent)
  }

  /// All values of a picture; nil if the library fails.
  ///
  /// Palettes of TIFF files have 16 bits. Some programs leave the low byte 0, others repeat the high
  /// one: the high byte is the colour.
  private static func copy<Value: FixedWidthInteger>(
    _ reading: inout cgm_reading, _ map: String, count: Int, _ format: ImageError.Format
  ) -> [Value]? {
    if Value.bitWidth == 8, format == .tiff {
      var wide = [UInt16](repeating: 0, count: count)
      let status = wide.withUnsafeMutableBytes { cgm_copy(&reading, map, 1, $0.baseAddress) }
      return status == 0 ? nil : wide.map { Value(truncatingIfNeeded: $0 >> 8) }
    }
    var values = [Value](repeating: 0, count: count)
    let isDeep: Int32 = Value.bitWidth == 16 ? 1 : 0
    let status = values.withUnsafeMutableBytes { cgm_copy(&reading, map, isDeep, $0.baseAddress) }
    return status == 0 ? nil : values
  }

  /// A picture of a GIF file that is smaller than the whole: the rest is transparent.
  private static func place<Value>(
    _ picture: Raster<Value>, top: Int, left: Int, _ canvas: (height: Int, width: Int),
    _ background: Background, _ isTransparent: inout Bool
  ) -> Raster<Value> {
    isTransparent = true
    let colour = [background.red, background.green, background.blue].map {
      Value($0) * (Value.max / 255)
    }
    var result = Raster<Value>(
      height: canvas.height, width: canvas.width, channels: 3,
      values: (0..<canvas.height * canvas.width).flatMap { _ in colour })
    for y in max(0, -top)..<max(0, -top, min(picture.height, canvas.height - top)) {
      for x in max(0, -left)..<max(0, -left, min(picture.width, canvas.width - left)) {
        for channel in 0..<3 {
          result.values[((y + top) * canvas.width + x + left) * 3 + channel] =
            picture.values[(y * picture.width + x) * 3 + channel]
        }
      }
    }
    return result
  }

  /// What the library says, in one line.
  private static func reason(_ reading: inout cgm_reading) -> String {
    let parts = [cgm_reason(&reading), cgm_detail(&reading)].compactMap { $0 }
      .map { String(cString: $0) }.filter { !$0.isEmpty }
    guard !parts.isEmpty else { return "found no picture, or a file cut short" }
    return parts.joined(separator: ": ").split { $0.isNewline }.joined(separator: " ")
  }
}

extension ImageError.Format {
  /// The name of the library's decoder.
  fileprivate var decoder: String {
    switch self {
    case .png: "PNG"
    case .jpeg: "JPEG"
    case .tiff: "TIFF"
    case .bmp: "BMP"
    case .gif: "GIF"
    case .webp: "WEBP"
    }
  }
}

import CPNG
import CTurboJPEG
import CZip
import Foundation
import Images

/// Image files and zip archives for tests, written by the libraries.
public enum PictureFiles {
  /// The failure of a library to write.
  public struct Failure: Error, CustomStringConvertible {
    /// The message of the library.
    public let description: String
  }

  /// A picture with smooth colours; each `index` gives a different picture.
  public static func pattern(
    _ index: Int, height: Int, width: Int, channels: Int = 3
  ) -> Picture {
    var picture = Picture(height: height, width: width, channels: channels)
    for y in 0..<height {
      for x in 0..<width {
        for channel in 0..<channels {
          let phase = Double(y * (channel + 2) + 3 * x) / 17 + Double(index * (channel + 1))
          picture.bytes[(y * width + x) * channels + channel] = UInt8(127.5 + 120 * sin(phase))
        }
      }
    }
    return picture
  }

  /// A JPEG file, grey or in colour; colour has a quarter of its chroma samples.
  public static func jpeg(_ picture: Picture, quality: Int = 92) throws -> Data {
    let isGrey = picture.channels == 1
    return try compress(
      picture.bytes, height: picture.height, width: picture.width,
      format: isGrey ? TJPF_GRAY : TJPF_RGB, subsampling: isGrey ? TJSAMP_GRAY : TJSAMP_420,
      quality: quality)
  }

  /// A JPEG file with four colours for printing (CMYK).
  public static func cmykJPEG(height: Int, width: Int) throws -> Data {
    let bytes = (0..<height * width * 4).map { UInt8(truncatingIfNeeded: $0 / 3) }
    return try compress(
      bytes, height: height, width: width, format: TJPF_CMYK, subsampling: TJSAMP_444, quality: 90)
  }

  private static func compress(
    _ bytes: [UInt8], height: Int, width: Int, format: TJPF, subsampling: TJSAMP, quality: Int
  ) throws -> Data {
    guard let codec = tjInitCompress() else { throw Failure(description: "no JPEG codec") }
    defer { tjDestroy(codec) }
    var buffer: UnsafeMutablePointer<UInt8>?
    defer { tjFree(buffer) }
    var size: UInt = 0
    let status = tjCompress2(
      codec, bytes, Int32(width), 0, Int32(height), format.rawValue, &buffer, &size,
      Int32(subsampling.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    guard status == 0, let buffer else {
      throw Failure(description: String(cString: tjGetErrorStr2(codec)))
    }
    return Data(bytes: buffer, count: Int(size))
  }

  /// A PNG file of 8 bits.
  public static func png(_ picture: Picture) throws -> Data {
    try withTemporaryFolder { folder in
      let file = folder.appending(path: "picture.png")
      try PNG.write(picture, to: file.path)
      return try Data(contentsOf: file)
    }
  }

  /// A PNG file of 8 bits with alpha: `[height, width, 4]`.
  public static func pngWithAlpha(_ pixels: [UInt8], height: Int, width: Int) throws -> Data {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.height = UInt32(height)
    image.width = UInt32(width)
    image.format = UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
    return try withTemporaryFolder { folder in
      let file = folder.appending(path: "picture.png")
      guard png_image_write_to_file(&image, file.path, 0, pixels, 0, nil) != 0 else {
        throw Failure(description: "libpng wrote no file with alpha")
      }
      return try Data(contentsOf: file)
    }
  }

  /// A JPEG file with a note of orientation, 1 to 8, as cameras write it.
  public static func jpeg(_ picture: Picture, orientation: UInt8) throws -> Data {
    let file = try jpeg(picture, quality: 98)
    let tiff: [UInt8] =
      [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]
      + [0, 0, 0, 0]
    let segment = Array("Exif\0\0".utf8) + tiff
    let length = segment.count + 2
    return file.prefix(2) + Data([0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + segment)
      + file.dropFirst(2)
  }

  /// A grey PNG file of 16 bits.
  public static func png16(height: Int, width: Int) throws -> Data {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.height = UInt32(height)
    image.width = UInt32(width)
    image.format = UInt32(PNG_FORMAT_FLAG_LINEAR)
    let values = (0..<height * width).map { UInt16(truncatingIfNeeded: $0 * 77) }
    return try withTemporaryFolder { folder in
      let file = folder.appending(path: "picture.png")
      guard png_image_write_to_file(&image, file.path, 0, values, 0, nil) != 0 else {
        throw Failure(description: "libpng wrote no 16-bit file")
      }
      return try Data(contentsOf: file)
    }
  }

  /// The values of a PNG file of 16 bits, `[height, width, channels]`, as they are stored.
  public static func values16(
    _ bytes: [UInt8]
  ) throws -> (values: [UInt16], height: Int, width: Int, channels: Int) {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    guard png_image_begin_read_from_memory(&image, bytes, bytes.count) != 0 else {
      throw Failure(description: "libpng reads no header")
    }
    guard image.format & UInt32(PNG_FORMAT_FLAG_LINEAR) != 0 else {
      throw Failure(description: "not a file of 16 bits")
    }
    let channels = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) == 0 ? 1 : 3
    var values = [UInt16](
      repeating: 0, count: Int(image.height) * Int(image.width) * channels)
    guard png_image_finish_read(&image, nil, &values, 0, nil) != 0 else {
      throw Failure(description: "libpng reads no pixels")
    }
    return (values, Int(image.height), Int(image.width), channels)
  }

  /// Writes a zip archive; its entries are stored or deflated.
  public static func zip(
    _ entries: [(name: String, data: Data)], to path: String, deflated: Bool = false
  ) throws {
    var code: Int32 = 0
    guard let archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code) else {
      throw Failure(description: "libzip: error \(code)")
    }
    var isClosed = false
    defer { if !isClosed { zip_discard(archive) } }
    // libzip reads the data only when it closes the archive.
    let buffers = entries.map { entry in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: entry.data.count, alignment: 1)
      buffer.copyBytes(from: entry.data)
      return buffer
    }
    defer { for buffer in buffers { buffer.deallocate() } }
    for (entry, buffer) in Swift.zip(entries, buffers) {
      let source = zip_source_buffer(archive, buffer.baseAddress, zip_uint64_t(buffer.count), 0)
      let index = zip_file_add(archive, entry.name, source, 0)
      guard index >= 0 else {
        zip_source_free(source)
        throw Failure(description: String(cString: zip_strerror(archive)))
      }
      let method = deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE
      guard zip_set_file_compression(archive, zip_uint64_t(index), method, 0) == 0 else {
        throw Failure(description: String(cString: zip_strerror(archive)))
      }
    }
    guard zip_close(archive) == 0 else {
      throw Failure(description: String(cString: zip_strerror(archive)))
    }
    isClosed = true
  }
}

import CPNG
import Foundation

/// A picture that could not be written or read.
public struct ImageError: Error, Equatable, CustomStringConvertible {
  /// What was tried.
  public enum Operation: String, Sendable { case read, written }

  /// The file.
  public let path: String
  /// What was tried with it.
  public let operation: Operation
  /// The reason, in the words of libpng or of the operating system.
  public let reason: String

  /// One line that names the file and what went wrong.
  public var description: String { "\(path): cannot be \(operation) as a PNG file: \(reason)" }
}

/// An 8-bit picture in memory: rows from top to bottom, channels interleaved.
public struct Picture: Equatable, Sendable {
  /// Rows of pixels.
  public let height: Int
  /// Pixels in a row.
  public let width: Int
  /// Values of a pixel: 1 is grey, 3 is red, green, blue.
  public let channels: Int
  /// `[height, width, channels]`, row-major.
  public var bytes: [UInt8]

  /// A picture of one value, black unless another is given.
  ///
  /// Traps where `channels` is neither 1 nor 3, or where a side is not positive.
  public init(height: Int, width: Int, channels: Int, fill: UInt8 = 0) {
    self.init(
      height: height, width: width, channels: channels,
      bytes: [UInt8](repeating: fill, count: height * width * channels))
  }

  /// A picture of the given bytes, `[height, width, channels]`.
  ///
  /// Traps where the number of bytes does not fit the sides.
  public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    precondition(channels == 1 || channels == 3, "\(channels) channels; expected 1 or 3")
    precondition(height > 0 && width > 0, "a picture of \(height) x \(width) pixels")
    precondition(
      bytes.count == height * width * channels,
      "\(bytes.count) bytes for \(height) x \(width) x \(channels)")
    self.height = height
    self.width = width
    self.channels = channels
    self.bytes = bytes
  }
}

/// PNG files of 8-bit grey or RGB pictures, through libpng's simplified interface.
public enum PNG {
  /// Writes a picture.
  ///
  /// The file appears whole or not at all, and replaces one of the same name. The C function is
  /// `png_image_write_to_file`.
  ///
  /// - Throws: `ImageError` where the picture is too large for PNG or the file cannot be written.
  public static func write(_ picture: Picture, to path: String) throws(ImageError) {
    let target = URL(filePath: path)
    let temporary = target.deletingLastPathComponent()
      .appending(path: ".\(target.lastPathComponent).\(getpid())").path
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = picture.channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    // On failure libpng removes what it has written.
    let written = picture.bytes.withUnsafeBytes { pixels in
      png_image_write_to_file(&image, temporary, 0, pixels.baseAddress, 0, nil)
    }
    guard written != 0 else {
      throw ImageError(path: path, operation: .written, reason: message(of: image))
    }
    guard rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(errno))
      unlink(temporary)
      throw ImageError(path: path, operation: .written, reason: reason)
    }
  }

  /// Reads a PNG file as 8-bit grey, or as RGB where it holds colour; transparency is laid on black.
  ///
  /// The C functions are `png_image_begin_read_from_file` and `png_image_finish_read`.
  ///
  /// - Throws: `ImageError` where the file is missing or is not a PNG file.
  public static func read(_ path: String) throws(ImageError) -> Picture {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    guard png_image_begin_read_from_file(&image, path) != 0 else {
      throw ImageError(path: path, operation: .read, reason: message(of: image))
    }
    // Only colour or its absence is kept: libpng expands palettes and drops alpha and 16 bits.
    image.format &= UInt32(PNG_FORMAT_FLAG_COLOR)
    var picture = Picture(
      height: Int(image.height), width: Int(image.width), channels: image.format == 0 ? 1 : 3)
    var background = png_color(red: 0, green: 0, blue: 0)
    let done = picture.bytes.withUnsafeMutableBytes { pixels in
      png_image_finish_read(&image, &background, pixels.baseAddress, 0, nil)
    }
    guard done != 0 else {
      throw ImageError(path: path, operation: .read, reason: message(of: image))
    }
    return picture
  }

  private static func message(of image: png_image) -> String {
    withUnsafeBytes(of: image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

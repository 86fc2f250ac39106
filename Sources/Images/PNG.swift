import CPNG
import Foundation
import Support

/// PNG files of 8-bit grey or RGB pictures, through libpng's simplified interface.
public enum PNG {
  /// Writes a picture.
  ///
  /// The file appears completely or not at all; it replaces a file of the same name. The C function
  /// is `png_image_write_to_stdio`.
  ///
  /// - Throws: `ImageError` if the picture is too large for PNG or the file cannot be written.
  public static func write(_ picture: Picture, to path: String) throws(ImageError) {
    let temporary = TemporaryFile.name(beside: path)
    guard let stream = fopen(temporary, "wxe") else { throw failure(path) }
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = picture.channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    errno = 0
    let isEncoded = picture.bytes.withUnsafeBytes { pixels in
      png_image_write_to_stdio(&image, stream, 0, pixels.baseAddress, 0, nil) != 0
    }
    var error = isEncoded ? nil : failure(path, message(of: image))
    errno = 0
    // Some file systems report a full disk at the end alone.
    if fflush(stream) != 0 || fsync(fileno(stream)) != 0 && errno != EINVAL {
      error = error ?? failure(path)
    }
    if fclose(stream) != 0 { error = error ?? failure(path) }
    if error == nil && rename(temporary, path) != 0 { error = failure(path) }
    if let error {
      unlink(temporary)
      throw error
    }
  }

  /// The error of a C function that has just failed.
  ///
  /// - Parameter reason: what libpng says, if the operating system says nothing.
  private static func failure(_ path: String, _ reason: String = "unknown error") -> ImageError {
    let number = errno
    return ImageError(
      path: path, operation: .written,
      reason: number == 0 ? reason : String(cString: strerror(number)).lowercased(),
      errorNumber: number)
  }

  /// Reads a PNG file: a file with colours gives RGB, any other file 8-bit grey.
  ///
  /// Transparent pixels are laid on white. The C functions are `png_image_begin_read_from_file` and
  /// `png_image_finish_read`.
  ///
  /// - Throws: `ImageError` if the file is missing, is not a PNG file, or has 16 bits a channel.
  public static func read(_ path: String) throws(ImageError) -> Picture {
    var isTransparent = false
    return try read(named: path, .white, &isTransparent) {
      png_image_begin_read_from_file(&$0, path)
    }
  }

  /// Decodes the bytes of a PNG file like `read(_:)`; `path` is the name of the file in errors.
  ///
  /// The C functions are `png_image_begin_read_from_memory` and `png_image_finish_read`.
  ///
  /// - Throws: `ImageError` if the bytes are truncated or damaged, or have 16 bits a channel.
  public static func decode(_ bytes: [UInt8], named path: String) throws(ImageError) -> Picture {
    var isTransparent = false
    return try decode(bytes, named: path, background: .white, &isTransparent)
  }

  /// Decodes the bytes of a PNG file and lays transparent pixels on a background.
  ///
  /// - Parameter isTransparent: becomes true if there are such pixels.
  static func decode(
    _ bytes: [UInt8], named path: String, background: Background, _ isTransparent: inout Bool
  ) throws(ImageError) -> Picture {
    var found = false
    defer { isTransparent = found }
    return try bytes.withUnsafeBufferPointer { (buffer) throws(ImageError) in
      try read(named: path, background, &found) {
        png_image_begin_read_from_memory(&$0, buffer.baseAddress, buffer.count)
      }
    }
  }

  private static func read(
    named path: String, _ background: Background, _ isTransparent: inout Bool,
    begin: (inout png_image) -> Int32
  ) throws(ImageError) -> Picture {
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    guard begin(&image) != 0 else {
      throw ImageError(path: path, operation: .read, reason: message(of: image))
    }
    // libpng would read 16-bit values as linear light and change the visible brightness.
    guard image.format & UInt32(PNG_FORMAT_FLAG_LINEAR) == 0 else {
      throw ImageError(
        path: path, operation: .read, reason: "found 16 bits a channel, expected 8 or fewer")
    }
    let (height, width) = (Int(image.height), Int(image.width))
    guard height * width <= Picture.maximumPixels else {
      throw ImageError(
        path: path, operation: .read, reason: Picture.tooLarge(height: height, width: width))
    }
    // Without the other flags libpng expands palettes. Alpha is read, and laid on the background
    // here: libpng would do that in linear light, viewers do not.
    image.format &= UInt32(PNG_FORMAT_FLAG_COLOR | PNG_FORMAT_FLAG_ALPHA)
    let hasAlpha = image.format & UInt32(PNG_FORMAT_FLAG_ALPHA) != 0
    let channels = image.format & UInt32(PNG_FORMAT_FLAG_COLOR) == 0 ? 1 : 3
    let stored = channels + (hasAlpha ? 1 : 0)
    var bytes = [UInt8](repeating: 0, count: height * width * stored)
    let done = bytes.withUnsafeMutableBytes { pixels in
      png_image_finish_read(&image, nil, pixels.baseAddress, 0, nil)
    }
    guard done != 0 else {
      throw ImageError(path: path, operation: .read, reason: message(of: image))
    }
    if hasAlpha {
      bytes = Picture.flattened(bytes, channels, on: background, &isTransparent)
    }
    return Picture(height: height, width: width, channels: channels, bytes: bytes)
  }

  static func message(of image: png_image) -> String {
    withUnsafeBytes(of: image.message) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

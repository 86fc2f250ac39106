import CPNG
import Foundation

/// PNG files of 8-bit grey or RGB pictures, through libpng's simplified interface.
public enum PNG {
  /// Writes a picture.
  ///
  /// The file appears completely or not at all; it replaces a file of the same name. The C function
  /// is `png_image_write_to_stdio`.
  ///
  /// - Throws: `ImageError` if the picture is too large for PNG or the file cannot be written.
  public static func write(_ picture: Picture, to path: String) throws(ImageError) {
    let target = URL(filePath: path)
    let temporary = target.deletingLastPathComponent()
      .appending(path: ".\(target.lastPathComponent).\(getpid())").path
    var image = png_image()
    image.version = UInt32(PNG_IMAGE_VERSION)
    image.width = UInt32(picture.width)
    image.height = UInt32(picture.height)
    image.format = picture.channels == 1 ? 0 : UInt32(PNG_FORMAT_FLAG_COLOR)
    guard let file = fopen(temporary, "wx") else { throw failure(path) }
    errno = 0
    let isEncoded = picture.bytes.withUnsafeBytes { pixels in
      png_image_write_to_stdio(&image, file, 0, pixels.baseAddress, 0, nil) != 0
    }
    var error = isEncoded ? nil : failure(path, message(of: image))
    errno = 0
    // Some file systems report a full disk at the end alone.
    if fflush(file) != 0 || fsync(fileno(file)) != 0 && errno != EINVAL {
      error = error ?? failure(path)
    }
    if fclose(file) != 0 { error = error ?? failure(path) }
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
  /// Transparent pixels are laid on black. The C functions are `png_image_begin_read_from_file` and
  /// `png_image_finish_read`.
  ///
  /// - Throws: `ImageError` if the file is missing, is not a PNG file, or has 16 bits a channel.
  public static func read(_ path: String) throws(ImageError) -> Picture {
    try read(named: path) { png_image_begin_read_from_file(&$0, path) }
  }

  /// Decodes the bytes of a PNG file like `read(_:)`; `path` is the name of the file in errors.
  ///
  /// The C functions are `png_image_begin_read_from_memory` and `png_image_finish_read`.
  ///
  /// - Throws: `ImageError` if the bytes are truncated or damaged, or have 16 bits a channel.
  public static func decode(_ bytes: [UInt8], named path: String) throws(ImageError) -> Picture {
    try bytes.withUnsafeBufferPointer { (buffer) throws(ImageError) in
      try read(named: path) {
        png_image_begin_read_from_memory(&$0, buffer.baseAddress, buffer.count)
      }
    }
  }

  private static func read(
    named path: String, begin: (inout png_image) -> Int32
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
    // Only the colour flag is kept, so libpng expands palettes and drops alpha.
    image.format &= UInt32(PNG_FORMAT_FLAG_COLOR)
    var picture = Picture(height: height, width: width, channels: image.format == 0 ? 1 : 3)
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

import CTurboJPEG

/// JPEG files, through libjpeg-turbo's TurboJPEG interface.
public enum JPEG {
  /// Decodes the bytes of a file: a grey file gives grey, any other file RGB.
  ///
  /// Decoding uses the accurate inverse transform and smooth chroma upsampling: the defaults of
  /// libjpeg and Pillow. Damage is an error here, even if libjpeg only warns and paints over it: a
  /// file cut short, for example.
  ///
  /// CMYK is refused, because its colours depend on the program that wrote the file. A camera's
  /// note of orientation is not applied here: see ``Picture/decode(_:named:background:)``. The C
  /// function is `tjDecompress2`.
  ///
  /// - Parameter path: the name of the file in errors.
  /// - Throws: `ImageError` if the bytes are truncated or damaged, not JPEG, or CMYK.
  public static func decode(_ bytes: [UInt8], named path: String) throws(ImageError) -> Picture {
    guard let codec = tjInitDecompress() else {
      throw failure(path, "out of memory")
    }
    defer { tjDestroy(codec) }
    let header = try header(of: bytes, codec, path)
    var picture = Picture(
      height: header.height, width: header.width, channels: header.isGrey ? 1 : 3)
    let format = header.isGrey ? TJPF_GRAY : TJPF_RGB
    let flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
    let status = bytes.withUnsafeBufferPointer { source in
      picture.bytes.withUnsafeMutableBufferPointer { pixels in
        tjDecompress2(
          codec, source.baseAddress, UInt(source.count), pixels.baseAddress, Int32(header.width), 0,
          Int32(header.height), format.rawValue, flags)
      }
    }
    guard status == 0 else { throw failure(path, message(of: codec)) }
    return picture
  }

  /// Reads the sides and the colours of a file, of which the first bytes suffice.
  ///
  /// - Throws: like `decode(_:named:)`.
  static func header(
    of bytes: [UInt8], named path: String
  ) throws(ImageError) -> (height: Int, width: Int, isGrey: Bool) {
    guard let codec = tjInitDecompress() else { throw failure(path, "out of memory") }
    defer { tjDestroy(codec) }
    return try header(of: bytes, codec, path)
  }

  /// Reads the sides and the colours of the file at `codec`.
  ///
  /// The C function is `tjDecompressHeader3`.
  private static func header(
    of bytes: [UInt8], _ codec: tjhandle, _ path: String
  ) throws(ImageError) -> (height: Int, width: Int, isGrey: Bool) {
    var (width, height, subsampling, colours) = (Int32(0), Int32(0), Int32(0), Int32(0))
    let status = bytes.withUnsafeBufferPointer { source in
      tjDecompressHeader3(
        codec, source.baseAddress, UInt(source.count), &width, &height, &subsampling, &colours)
    }
    guard status == 0 else { throw failure(path, message(of: codec)) }
    // A file without an image, only with tables, has no sides.
    guard width > 0, height > 0 else {
      throw failure(path, "found no picture, or a file cut short")
    }
    if [TJCS_CMYK, TJCS_YCCK].contains(where: { Int32($0.rawValue) == colours }) {
      throw failure(path, "found CMYK colours, expected RGB or grey")
    }
    let pixels = Int(width) * Int(height)
    guard pixels <= Picture.maximumPixels else {
      throw failure(path, Picture.tooLarge(height: Int(height), width: Int(width)))
    }
    return (Int(height), Int(width), colours == Int32(TJCS_GRAY.rawValue))
  }

  private static func failure(_ path: String, _ reason: String) -> ImageError {
    ImageError(path: path, operation: .read, format: .jpeg, reason: reason)
  }

  private static func message(of codec: tjhandle) -> String {
    tjGetErrorStr2(codec).map { String(cString: $0) } ?? "no reason given"
  }
}

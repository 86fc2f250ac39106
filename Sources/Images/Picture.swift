/// An 8-bit picture in memory: rows from top to bottom, channels interleaved.
public struct Picture: Equatable, Sendable {
  /// Rows of pixels.
  public let height: Int
  /// Pixels in each row.
  public let width: Int
  /// Values of one pixel: 1 is grey, 3 is red, green, blue.
  public let channels: Int
  /// `[height, width, channels]`, row-major.
  public var bytes: [UInt8]

  /// A picture filled with one value; the default is black.
  ///
  /// Traps if `channels` is neither 1 nor 3, or if a side is not positive.
  public init(height: Int, width: Int, channels: Int, fill: UInt8 = 0) {
    self.init(
      height: height, width: width, channels: channels,
      bytes: [UInt8](repeating: fill, count: height * width * channels))
  }

  /// A picture of the given bytes, `[height, width, channels]`.
  ///
  /// Traps if the number of bytes does not fit the sides.
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

  /// Pixels of the largest decoded picture; the limit keeps a small file from using all memory.
  static let maximumPixels = 1 << 26

  /// The reason for not decoding a picture with more pixels.
  static func tooLarge(height: Int, width: Int) -> String {
    "found \(width)x\(height) pixels, expected no more than \(maximumPixels >> 20) million"
  }
}

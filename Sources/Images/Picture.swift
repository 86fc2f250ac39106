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

  /// Pixels of the largest picture that is decoded, so that a small file cannot ask for all memory.
  static let maximumPixels = 1 << 26

  /// Why a picture of more pixels is not decoded.
  static func tooLarge(height: Int, width: Int) -> String {
    "found \(width)x\(height) pixels, expected no more than \(maximumPixels >> 20) million"
  }
}

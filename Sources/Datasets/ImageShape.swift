/// The sides of one image; its values lie `[height, width, channels]`, row-major.
public struct ImageShape: Equatable, Sendable, Codable, CustomStringConvertible {
  /// Rows of pixels.
  public let height: Int
  /// Pixels in each row.
  public let width: Int
  /// Values of one pixel: 1 or 3.
  public let channels: Int

  /// A shape; all sides must be positive.
  public init(height: Int, width: Int, channels: Int) {
    precondition(
      height > 0 && width > 0 && channels > 0, "an image of \(height)x\(width)x\(channels)")
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Height, width and channels.
  public var sides: [Int] { [height, width, channels] }

  /// Values of one image: height x width x channels.
  public var count: Int { height * width * channels }

  /// Images to compute together when a run goes over a data set: 500 of MNIST, fewer larger images.
  public var blockRows: Int { max(1, min(500, 500 * 784 / count)) }

  /// The shape as text: `28x28x1`.
  public var description: String { "\(height)x\(width)x\(channels)" }
}

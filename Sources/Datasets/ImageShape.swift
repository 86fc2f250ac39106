import Support

/// The sides of one image; its values lie `[height, width, channels]`, row-major.
///
/// A row of features has the shape of an image of one line, and says so.
public struct ImageShape: Equatable, Sendable, Codable, CustomStringConvertible {
  /// Rows of pixels.
  public let height: Int
  /// Pixels in each row.
  public let width: Int
  /// Values of one pixel: 1 or 3.
  public let channels: Int
  /// Whether the values are features: any finite numbers, which have no neighbours, in place of
  /// pixels in [0, 1].
  public let isFeatures: Bool

  /// A shape; all sides must be positive.
  public init(height: Int, width: Int, channels: Int) {
    self.init(height, width, channels, isFeatures: false)
  }

  /// The shape of a row of some features, at least one.
  public init(features count: Int) { self.init(1, count, 1, isFeatures: true) }

  private init(_ height: Int, _ width: Int, _ channels: Int, isFeatures: Bool) {
    precondition(
      height > 0 && width > 0 && channels > 0, "an image of \(height)x\(width)x\(channels)")
    self.height = height
    self.width = width
    self.channels = channels
    self.isFeatures = isFeatures
  }

  /// Height, width and channels.
  public var sides: [Int] { [height, width, channels] }

  /// Values of one image: height x width x channels.
  public var count: Int { height * width * channels }

  /// The extents of `rows` rows in a file: [rows, H, W, C], of features [rows, D].
  public func extents(of rows: Int) -> [Int] { [rows] + (isFeatures ? [count] : sides) }

  /// Images to compute together when a run goes over a data set: 500 of MNIST, fewer larger images.
  public var blockRows: Int { max(1, min(500, 500 * 784 / count)) }

  /// The shape as text: `28x28x1`, `64 features`.
  public var description: String {
    isFeatures ? Quantity.count(count, "feature") : "\(height)x\(width)x\(channels)"
  }

  /// What a row of this shape is called.
  public var rowName: String { isFeatures ? "row" : "image" }

  /// Number and shape of some rows: `600 images of 28x28x1`, `500 rows of 64 features`.
  public func extent(of rows: Int) -> String { Quantity.count(rows, rowName) + " of \(self)" }
}

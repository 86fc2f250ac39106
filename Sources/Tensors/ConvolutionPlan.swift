import CKernels

/// How convolutions between a batch of images [B, H, W, C] and grids [B, h, w, F] are computed.
///
/// It serves both directions: a convolution takes images to grids, a transposed convolution grids to
/// images, and each is the other's gradient. Weights are [kernel, kernel, C, F], channels are last
/// everywhere. Work goes in chunks of rows, so the workspace does not grow with the batch;
/// sums over chunks are formed in their order, which depends on the shapes alone.
public struct ConvolutionPlan: Equatable, Sendable {
  /// What the products are formed of.
  public enum Method: Hashable, Sendable {
    /// Each window is gathered into a row of a matrix (im2col).
    case patches
    /// Windows of 4x4 with stride 2 and padding 1, channels and features multiples of 16: the two
    /// phases of an axis are convolved with two taps each, by Winograd's F(tile, 2), whose
    /// four combinations in two dimensions add up inside one product of depth 4 C.
    ///
    /// A tile of 2x2 takes 9 products for 16, one of 4x4 takes 25 for 64. Lavin & Gray, "Fast
    /// Algorithms for Convolutional Neural Networks", CVPR 2016, for stride 1.
    case winograd(tile: Int)
  }

  /// B.
  public let images: Int
  /// H, W and C.
  public let height: Int, width: Int, channels: Int
  /// h, w and F.
  public let rows: Int, columns: Int, features: Int
  /// What moves over the images.
  public let window: Window
  /// What the products are formed of.
  public let method: Method
  /// Rows of windows or tiles taken at once.
  let chunk: Int

  /// Floats of windows, which stay in the second-level cache.
  private static let patchFloats = 1 << 19
  /// Tiles that make good products, and floats of them that stay in the third-level cache.
  private static let chunkTiles = 128, tileFloats = 5 << 20

  /// A plan between images and the grids that the window makes of them.
  ///
  /// - Parameter method: nil for what is expected to be fastest; traps where it does not apply.
  public init(
    images: Int, height: Int, width: Int, channels: Int, features: Int, window: Window,
    method: Method? = nil
  ) {
    self.images = images
    self.height = height
    self.width = width
    self.channels = channels
    self.features = features
    self.window = window
    rows = window.places(along: height)
    columns = window.places(along: width)
    let choice = Self.methods(channels: channels, features: features, window: window)
    let (rows, columns) = (rows, columns)
    func cost(_ method: Method) -> Double {
      Self.cost(
        method, images: images, rows: rows, columns: columns, channels: channels,
        features: features)
    }
    if let method {
      precondition(choice.contains(method), "\(method) for \(channels) -> \(features), \(window)")
    }
    self.method = method ?? choice.min { cost($0) < cost($1) } ?? .patches
    switch self.method {
    case .patches:
      let row = columns * window.kernel * window.kernel * channels
      chunk = Self.chunk(images, of: rows, limit: Self.patchFloats / row)
    case .winograd(let tile):
      let tiles = Self.tileFloats / ((tile + 1) * (tile + 1) * (4 * channels + features))
      chunk = Self.chunk(
        images, of: Self.tiles(rows, tile),
        limit: min(Self.chunkTiles, tiles) / Self.tiles(columns, tile))
    }
  }

  /// Rows to take at once: of an image, or of whole images where one is within the limit, in equal parts.
  private static func chunk(_ images: Int, of rows: Int, limit: Int) -> Int {
    guard limit >= rows else { return max(1, limit) }
    let parts = max(1, tiles(images, limit / rows))
    return max(1, tiles(images, parts)) * rows
  }

  /// What can be done for a window.
  public static func methods(channels: Int, features: Int, window: Window) -> [Method] {
    let applies =
      window == Window(kernel: 4, stride: 2, padding: 1)
      && channels.isMultiple(of: 16) && features.isMultiple(of: 16)
    return applies ? [.patches, .winograd(tile: 2), .winograd(tile: 4)] : [.patches]
  }

  /// Expected time of a product, in products of matrices [1, 4 C] and [4 C, F].
  ///
  /// It counts the rows of all planes; transforming a float of them takes as long as 6 multiplications do in a
  /// product, and the weights of a plane as long as 24 rows.
  private static func cost(
    _ method: Method, images: Int, rows: Int, columns: Int, channels: Int, features: Int
  ) -> Double {
    guard case .winograd(let tile) = method else { return Double(4 * images * rows * columns) }
    let tiles = Double(images * Self.tiles(rows, tile) * Self.tiles(columns, tile))
    let transforms = 6 / Double(features) + 1.5 / Double(channels)
    return Double((tile + 1) * (tile + 1)) * (tiles * (1 + transforms) + 24)
  }

  /// Parts of at most `tile` that make up `extent`.
  static func tiles(_ extent: Int, _ tile: Int) -> Int { (extent + tile - 1) / tile }
}

// MARK: - Sizes

extension ConvolutionPlan {
  /// Floats of an image.
  public var imageCount: Int { height * width * channels }
  /// Floats of a grid.
  public var gridCount: Int { rows * columns * features }
  /// Floats of the weights.
  public var weightCount: Int { window.kernel * window.kernel * channels * features }

  /// Products that one is made of.
  var planes: Int {
    if case .winograd(let tile) = method { (tile + 1) * (tile + 1) } else { 1 }
  }

  /// What each of them sums over.
  var depth: Int {
    if case .winograd = method { 4 * channels } else { window.kernel * window.kernel * channels }
  }

  /// Rows of windows or tiles of an image, and how many are in one.
  var imageRows: Int {
    if case .winograd(let tile) = method { Self.tiles(rows, tile) } else { rows }
  }
  var rowWidth: Int {
    if case .winograd(let tile) = method { Self.tiles(columns, tile) } else { columns }
  }

  /// Floats from one plane to the next; the odd lines in between keep them out of each other's cache sets.
  private static let skew = 80
  var imagePlane: Int { chunk * rowWidth * depth + Self.skew }
  var gridPlane: Int { chunk * rowWidth * features + Self.skew }
  var weightPlane: Int { depth * features + Self.skew }

  /// Floats of the weights as the products take them; 0 where that is the weights themselves.
  public var preparedCount: Int { method == .patches ? 0 : planes * weightPlane }

  /// Floats of workspace, which do not depend on the number of images once that exceeds a chunk.
  ///
  /// - Parameter weightGradient: whether it is for a gradient by the weights too.
  public func workspaceCount(weightGradient: Bool) -> Int {
    if method == .patches { return imagePlane }
    return planes * (imagePlane + gridPlane) + max(channels, features)
      + (weightGradient ? preparedCount : 0)
  }

  /// The kernels' name for the geometry.
  var geometry: ck_convolution {
    ck_convolution(
      height: height, width: width, channels: channels, rows: rows, columns: columns,
      features: features, kernel: window.kernel, stride: window.stride, padding: window.padding)
  }
}

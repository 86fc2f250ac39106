import CKernels

/// A plan for convolutions between a batch of images [B, H, W, C] and grids [B, h, w, F].
///
/// It serves both directions. A convolution takes images to grids, a transposed convolution takes
/// grids to images. Each is the gradient of the opposite direction. Weights are [kernel, kernel, C,
/// F]; channels are last in all arrays.
///
/// Work goes in chunks of rows, so the workspace does not grow with the batch. Chunks are summed in
/// order. The order depends only on the shapes.
public struct ConvolutionPlan: Equatable, Sendable {
  /// The form of the products.
  public enum Method: Hashable, Sendable {
    /// Each window is gathered into a row of a matrix (im2col).
    case patches
    /// Winograd's F(tile, 2) for windows of 4x4 with stride 2 and padding 1.
    ///
    /// Channels and features are multiples of 16. Each axis has two phases; each phase is convolved
    /// with two taps. In two dimensions, the four combinations add up inside one product of depth 4
    /// C.
    ///
    /// A 2x2 tile takes 9 products instead of 16, a 4x4 tile 25 instead of 64. Lavin & Gray, "Fast
    /// Algorithms for Convolutional Neural Networks", CVPR 2016, for stride 1.
    case winograd(tile: Int)
  }

  /// B.
  public let images: Int
  /// H, W and C.
  public let height: Int, width: Int, channels: Int
  /// h, w and F.
  public let rows: Int, columns: Int, features: Int
  /// The window that moves over the images.
  public let window: Window
  /// The form of the products.
  public let method: Method
  /// Rows of windows or tiles in one chunk.
  let chunk: Int

  /// Floats of the windows of a chunk, which stay in the second-level cache.
  private static let patchFloats = 1 << 19
  /// Tiles of a chunk that make fast products; floats of tiles that stay in the third-level cache.
  private static let chunkTiles = 128, tileFloats = 5 << 20

  /// A plan between images and the grids that the window makes of them.
  ///
  /// - Parameter method: nil for the fastest method by estimate; traps if it does not apply.
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

  /// Rows of a chunk: part of an image, or whole images if one image is within the limit.
  ///
  /// Whole images are divided into nearly equal chunks.
  private static func chunk(_ images: Int, of rows: Int, limit: Int) -> Int {
    guard limit >= rows else { return max(1, limit) }
    let parts = max(1, tiles(images, limit / rows))
    return max(1, tiles(images, parts)) * rows
  }

  /// The methods that apply to a window.
  public static func methods(channels: Int, features: Int, window: Window) -> [Method] {
    let applies =
      window == Window(kernel: 4, stride: 2, padding: 1)
      && channels.isMultiple(of: 16) && features.isMultiple(of: 16)
    return applies ? [.patches, .winograd(tile: 2), .winograd(tile: 4)] : [.patches]
  }

  /// Expected time of a product, in units of a product of matrices [1, 4 C] and [4 C, F].
  ///
  /// It counts the rows of all planes. Transforming one float takes as long as 6 multiplications of
  /// a product. Transforming a plane of weights takes as long as 24 rows.
  private static func cost(
    _ method: Method, images: Int, rows: Int, columns: Int, channels: Int, features: Int
  ) -> Double {
    guard case .winograd(let tile) = method else { return Double(4 * images * rows * columns) }
    let tiles = Double(images * Self.tiles(rows, tile) * Self.tiles(columns, tile))
    let transforms = 6 / Double(features) + 1.5 / Double(channels)
    return Double((tile + 1) * (tile + 1)) * (tiles * (1 + transforms) + 24)
  }

  /// The number of parts of at most `tile` that make up `extent`.
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

  /// The number of planes, each with its own product.
  var planes: Int {
    if case .winograd(let tile) = method { (tile + 1) * (tile + 1) } else { 1 }
  }

  /// The number of terms in each sum of a product.
  var depth: Int {
    if case .winograd = method { 4 * channels } else { window.kernel * window.kernel * channels }
  }

  /// Rows of windows or tiles of an image; then the windows or tiles in a row.
  var imageRows: Int {
    if case .winograd(let tile) = method { Self.tiles(rows, tile) } else { rows }
  }
  var rowWidth: Int {
    if case .winograd(let tile) = method { Self.tiles(columns, tile) } else { columns }
  }

  /// Floats between planes; the odd cache lines keep planes in different cache sets.
  private static let skew = 80
  var imagePlane: Int { chunk * rowWidth * depth + Self.skew }
  var gridPlane: Int { chunk * rowWidth * features + Self.skew }
  var weightPlane: Int { depth * features + Self.skew }

  /// Floats of the prepared weights; 0 if the products read the weights directly.
  public var preparedCount: Int { method == .patches ? 0 : planes * weightPlane }

  /// Floats of workspace; more images than one chunk do not increase the number.
  ///
  /// - Parameter weightGradient: whether a weight gradient is computed too.
  public func workspaceCount(weightGradient: Bool) -> Int {
    if method == .patches { return imagePlane }
    return planes * (imagePlane + gridPlane) + max(channels, features)
      + (weightGradient ? preparedCount : 0)
  }

  /// The geometry as the kernels read it.
  var geometry: ck_convolution {
    ck_convolution(
      height: height, width: width, channels: channels, rows: rows, columns: columns,
      features: features, kernel: window.kernel, stride: window.stride, padding: window.padding)
  }
}

import CKernels

/// A square window that moves over an image.
public struct Window: Equatable, Hashable, Sendable {
  /// Its side in pixels, the step between two places, and the zeros around the image.
  public let kernel: Int, stride: Int, padding: Int

  /// A window; the step must not exceed its side.
  public init(kernel: Int, stride: Int, padding: Int) {
    precondition(
      kernel > 0 && stride > 0 && padding >= 0 && padding < kernel,
      "a window of \(kernel), stride \(stride), padding \(padding)")
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }
}

/// How a convolution between images [H, W, C] and grids [h, w, F] is computed, channels last.
///
/// It serves both directions: a convolution takes images to grids, a transposed convolution grids to images, and each is
/// the other's gradient. Weights are [kernel, kernel, C, F]. Work goes in chunks of images, so the
/// workspace does not grow with the batch, and sums over chunks are formed in order.
///
/// The general way gathers each window into a column (im2col) for one matrix product. Windows of 4x4 with stride 2 and padding
/// 1 take Winograd's F(2x2, 2x2) instead: along an axis such a convolution is y[o] = w1 E[o] + w3 E[o+1] + w0
/// O[o-1] + w2 O[o] on the even and odd pixels E and O, two convolutions of two taps, which give two outputs for
/// three products: m0 = (d0 - d1) g0, m1 = d1 (g0 + g1), m2 = (d2 - d1) g1; y0 = m0 + m1, y1 = m1 + m2. In two
/// dimensions that is 9 products where there were 16, and the four phases add up inside one product
/// of depth 4 C. (Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, for stride 1.)
public struct ConvolutionPlan: Equatable, Sendable {
  /// The image.
  public let height: Int, width: Int, channels: Int
  /// The grid.
  public let rows: Int, columns: Int, features: Int
  /// What moves over the image.
  public let window: Window
  /// Whether 9 products do for 16.
  public let isWinograd: Bool
  /// Images taken at once.
  let chunk: Int

  /// A plan between images and the grid that the window makes of them.
  ///
  /// - Parameter winograd: false for the general way in any case, to compare.
  public init(
    height: Int, width: Int, channels: Int, features: Int, window: Window, winograd: Bool = true
  ) {
    func places(_ side: Int) -> Int {
      (side + 2 * window.padding - window.kernel) / window.stride + 1
    }
    precondition(
      height + 2 * window.padding >= window.kernel && width + 2 * window.padding >= window.kernel,
      "a window of \(window.kernel) on \(height) x \(width)")
    self.height = height
    self.width = width
    self.channels = channels
    self.features = features
    self.window = window
    rows = places(height)
    columns = places(width)
    isWinograd =
      winograd && window == Window(kernel: 4, stride: 2, padding: 1)
      && height % 4 == 0 && width % 4 == 0 && channels >= 16 && features >= 16
    if isWinograd {
      // At least 256 tiles make a good product; few channels take more, up to 4 MiB.
      let tileFloats = 9 * (4 * channels + features)
      let tiles = max(256, (1 << 20) / tileFloats)
      chunk = max(1, tiles / (rows * columns / 4))
    } else {
      chunk = max(1, (1 << 19) / (rows * columns * window.kernel * window.kernel * channels))
    }
  }

  /// Floats of an image and of a grid.
  public var imageCount: Int { height * width * channels }
  /// Floats of a grid.
  public var gridCount: Int { rows * columns * features }
  private var depth: Int { window.kernel * window.kernel * channels }
  private func tiles(_ images: Int) -> Int { images * rows * columns / 4 }

  /// Floats of the weights as the products take them; 0 where that is the weights themselves.
  public var preparedCount: Int { isWinograd ? 36 * channels * features : 0 }

  /// Floats of workspace that the products below need.
  public var workspaceCount: Int {
    isWinograd
      ? 9 * tiles(chunk) * (4 * channels + features) + channels + preparedCount
      : chunk * rows * columns * depth
  }

  /// Brings weights into the form of the products.
  public func prepare(
    _ weights: UnsafePointer<Float>, into prepared: UnsafeMutablePointer<Float>
  ) { ck_winograd_weights(prepared, weights, channels, features) }

  /// Calls `body` with the first image and the number of images of each chunk.
  private func forEachChunk(_ images: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    for first in stride(from: 0, to: images, by: chunk) { body(first, min(chunk, images - first)) }
  }

  /// grid = convolution of the images; `finish` sees each part of the grid, as rows of `features`, while it is in cache.
  ///
  /// - Parameter weights: prepared where `preparedCount` is not 0.
  public func imagesToGrids(
    _ images: Int, _ x: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    into grid: UnsafeMutablePointer<Float>, workspace: UnsafeMutablePointer<Float>,
    finish: (UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    forEachChunk(images) { first, count in
      let (source, target) = (x + first * imageCount, grid + first * gridCount)
      if isWinograd {
        let v = gathered(source, count, workspace)
        let m = v + 9 * tiles(chunk) * 4 * channels
        let t = tiles(count)
        for k in 0..<9 {
          BLAS.gemm(
            t, features, 4 * channels, v + k * t * 4 * channels, 4 * channels, false,
            weights + k * 4 * channels * features, features, false, m + k * t * features, features)
        }
        ck_winograd_output(target, m, count, rows, columns, features)
      } else {
        unfold(source, count, into: workspace)
        BLAS.gemm(
          count * rows * columns, features, depth, workspace, depth, false, weights, features,
          false, target, features)
      }
      finish(target, count * rows * columns)
    }
  }

  /// images (or, with `adds`, what is added to them) = transposed convolution of the grids.
  ///
  /// - Parameters:
  ///   - weights: prepared where `preparedCount` is not 0.
  ///   - finish: sees each part of the images, as rows of `channels`.
  public func gridsToImages(
    _ images: Int, _ grid: UnsafePointer<Float>, weights: UnsafePointer<Float>,
    into x: UnsafeMutablePointer<Float>, adds: Bool, workspace: UnsafeMutablePointer<Float>,
    finish: (UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    forEachChunk(images) { first, count in
      let (source, target) = (grid + first * gridCount, x + first * imageCount)
      if !adds { ck_fill(target, 0, count * imageCount) }
      if isWinograd {
        let v = workspace
        let m = v + 9 * tiles(chunk) * 4 * channels
        let sink = m + 9 * tiles(chunk) * features
        let t = tiles(count)
        ck_winograd_output_adjoint(m, source, count, rows, columns, features)
        for k in 0..<9 {
          BLAS.gemm(
            t, 4 * channels, features, m + k * t * features, features, false,
            weights + k * 4 * channels * features, features, true, v + k * t * 4 * channels,
            4 * channels)
        }
        ck_winograd_scatter(target, v, sink, count, height, width, channels)
      } else {
        BLAS.gemm(
          count * rows * columns, depth, features, source, features, false, weights, features,
          true, workspace, depth)
        ck_col2im(
          target, workspace, count, height, width, channels, window.kernel, window.stride,
          window.padding, rows, columns)
      }
      finish(target, count * height * width)
    }
  }

  /// weights (or, with `adds`, what is added to them) = gradient by the weights, of images and gradients by the
  /// grids, or of gradients by the images and grids.
  public func weightGradient(
    _ images: Int, _ x: UnsafePointer<Float>, _ grid: UnsafePointer<Float>,
    into weights: UnsafeMutablePointer<Float>, adds: Bool, workspace: UnsafeMutablePointer<Float>
  ) {
    let prepared = workspace + 9 * tiles(chunk) * (4 * channels + features) + channels
    if images == 0 && !adds { ck_fill(weights, 0, depth * features) }
    if images == 0 { return }
    forEachChunk(images) { first, count in
      let (image, gradient) = (x + first * imageCount, grid + first * gridCount)
      if isWinograd {
        let v = gathered(image, count, workspace)
        let m = v + 9 * tiles(chunk) * 4 * channels
        let t = tiles(count)
        ck_winograd_output_adjoint(m, gradient, count, rows, columns, features)
        for k in 0..<9 {
          BLAS.gemm(
            4 * channels, features, t, v + k * t * 4 * channels, 4 * channels, true,
            m + k * t * features, features, false, prepared + k * 4 * channels * features,
            features, beta: first == 0 ? 0 : 1)
        }
      } else {
        unfold(image, count, into: workspace)
        BLAS.gemm(
          depth, features, count * rows * columns, workspace, depth, true, gradient, features,
          false, weights, features, beta: first == 0 && !adds ? 0 : 1)
      }
    }
    if isWinograd {
      ck_winograd_weights_adjoint(weights, prepared, channels, features, adds ? 1 : 0)
    }
  }

  private func gathered(
    _ source: UnsafePointer<Float>, _ count: Int, _ workspace: UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    let zeros = workspace + 9 * tiles(chunk) * (4 * channels + features)
    ck_fill(zeros, 0, channels)
    ck_winograd_gather(workspace, source, zeros, count, height, width, channels)
    return workspace
  }

  private func unfold(
    _ source: UnsafePointer<Float>, _ count: Int, into columns: UnsafeMutablePointer<Float>
  ) {
    ck_im2col(
      columns, source, count, height, width, channels, window.kernel, window.stride,
      window.padding, rows, self.columns)
  }
}

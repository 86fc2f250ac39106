import Foundation
import Tensors

/// The structural similarity index of images.
///
/// Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE
/// Transactions on Image Processing 2004: a Gaussian window of 11 x 11 pixels with sigma 1.5, K1 =
/// 0.01, K2 = 0.03. Pixels range from 0 to 1. Each channel has its own index, and the mean of the
/// channels is that of the image. Variances are those of the window's weights, by their sum.
///
/// Only windows that lie within the image count, so no border is made up. Equal to scikit-image's
/// `structural_similarity` with `gaussian_weights`, `sigma=1.5`, `use_sample_covariance=False` and
/// `data_range=1`. For an image with a side below 11 pixels, the window is the largest odd number
/// that fits, with the same sigma; scikit-image refuses such images.
public struct StructuralSimilarity {
  private static let (c1, c2) = (0.01 * 0.01, 0.03 * 0.03)
  private let height: Int, width: Int, channels: Int
  /// The filters of columns [h, H] and of rows [w, W]; h and w are the places of the window.
  private let down: [Double], across: [Double]

  /// Images of H x W pixels with C channels; traps unless all are at least 1.
  public init(height: Int, width: Int, channels: Int) {
    precondition(height > 0 && width > 0 && channels > 0, "\(height) x \(width) x \(channels)")
    (self.height, self.width, self.channels) = (height, width, channels)
    let side = min(11, height, width)
    let window = side % 2 == 1 ? side : side - 1
    (down, across) = (Self.filter(height, window), Self.filter(width, window))
  }

  /// The Gaussian at all places within `size` pixels, [size - window + 1, size].
  private static func filter(_ size: Int, _ window: Int) -> [Double] {
    let radius = window / 2
    let weights = (-radius...radius).map { exp(-Double($0 * $0) / (2 * 1.5 * 1.5)) }
    let sum = weights.reduce(0, +)
    let places = size - window + 1
    var filter = [Double](repeating: 0, count: places * size)
    for place in 0..<places {
      for (i, weight) in weights.enumerated() { filter[place * size + place + i] = weight / sum }
    }
    return filter
  }

  /// The index of each image against its clean image, [B], at most 1.
  ///
  /// - Parameters:
  ///   - images: [B, H, W, C], or rows of H W C pixels.
  ///   - clean: the same shape.
  /// - Throws: `StatisticsError` for unlike shapes, and for numbers that are not finite.
  public func indices(of images: Tensor, to clean: Tensor) throws(StatisticsError) -> [Double] {
    let pixels = height * width * channels
    for (tensor, name) in [(images, "images"), (clean, "clean images")] {
      try tensor.requireColumns(pixels, name)
      try tensor.requireFinite(name)
    }
    guard images.shape.rows == clean.shape.rows else {
      throw .rows(quantity: "images", found: images.shape.rows, needed: clean.shape.rows)
    }
    // Five planes a channel: x, y, x², y², x y, beside each other in [H, 5 C W].
    var planes = [Double](repeating: 0, count: 5 * pixels)
    return (0..<images.shape.rows).map { row in
      fill(&planes, images.pointer + row * pixels, clean.pointer + row * pixels)
      return index(planes)
    }
  }

  private func fill(
    _ planes: inout [Double], _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>
  ) {
    for i in 0..<height {
      for c in 0..<channels {
        let start = (i * channels + c) * 5 * width
        for j in 0..<width {
          let pixel = (i * width + j) * channels + c
          let (x, y) = (Double(x[pixel]), Double(y[pixel]))
          planes[start + j] = x
          planes[start + width + j] = y
          planes[start + 2 * width + j] = x * x
          planes[start + 3 * width + j] = y * y
          planes[start + 4 * width + j] = x * y
        }
      }
    }
  }

  /// The mean of the index over the places of the window and the channels.
  private func index(_ planes: [Double]) -> Double {
    let (rows, columns, lines) = (down.count / height, across.count / width, 5 * channels)
    var half = [Double](repeating: 0, count: rows * lines * width)
    DoubleAlgebra.multiply(rows, lines * width, height, down, planes, into: &half)
    // [h, 5 C W] is [h 5 C, W] as well.
    var means = [Double](repeating: 0, count: rows * lines * columns)
    DoubleAlgebra.multiply(
      rows * lines, columns, width, half, across, transposeB: true, into: &means)
    var sum = 0.0
    for first in stride(from: 0, to: means.count, by: 5 * columns) {
      for place in first..<first + columns {
        let (x, y) = (means[place], means[place + columns])
        let varianceX = means[place + 2 * columns] - x * x
        let varianceY = means[place + 3 * columns] - y * y
        let covariance = means[place + 4 * columns] - x * y
        sum +=
          (2 * x * y + Self.c1) * (2 * covariance + Self.c2)
          / ((x * x + y * y + Self.c1) * (varianceX + varianceY + Self.c2))
      }
    }
    return sum / Double(rows * columns * channels)
  }
}

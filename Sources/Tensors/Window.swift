/// A square window that moves over an image.
public struct Window: Equatable, Hashable, Sendable {
  /// The side, in pixels.
  public let kernel: Int
  /// Pixels between neighbouring places.
  public let stride: Int
  /// Zeros around the image, on each side.
  public let padding: Int

  /// A window; traps unless `kernel` and `stride` are positive and `padding` is less than `kernel`.
  public init(kernel: Int, stride: Int, padding: Int) {
    precondition(
      kernel > 0 && stride > 0 && padding >= 0 && padding < kernel,
      "a window of \(kernel), stride \(stride), padding \(padding)")
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  /// The number of places along a side of an image: the output side of a convolution.
  ///
  /// Traps if the window does not fit.
  public func places(along side: Int) -> Int {
    precondition(side + 2 * padding >= kernel, "a window of \(kernel) on \(side) pixels")
    return (side + 2 * padding - kernel) / stride + 1
  }

  /// The side of the image that a transposed convolution makes from so many places.
  ///
  /// - Parameter outputPadding: extra pixels at the end; less than the stride.
  public func side(of places: Int, outputPadding: Int = 0) -> Int {
    precondition((0..<stride).contains(outputPadding), "output padding \(outputPadding)")
    return (places - 1) * stride - 2 * padding + kernel + outputPadding
  }
}

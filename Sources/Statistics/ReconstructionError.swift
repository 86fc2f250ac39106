import Tensors

/// Squared errors of images (docs/systems.md, 8.6).
///
/// The error of an image is the mean over its D pixels. Add the errors to `SampleMoments`: its mean
/// is the error of a model, and its standard error the deviation by the root of the images.
public enum ReconstructionError {
  /// Mean squared errors of images against their clean images, both [B, D], [B].
  ///
  /// - Throws: `StatisticsError` for unlike shapes, and for numbers that are not finite.
  public static func squaredErrors(
    of images: Tensor, to clean: Tensor
  ) throws(StatisticsError) -> [Double] {
    let d = Double(clean.shape.columns)
    return try differences(images, clean).map { row in row.reduce(0) { $0 + $1 * $1 } / d }
  }

  /// Squared errors of all pixels, [B D].
  ///
  /// Their deviation by the root of the number of images, `standardError(of:)`, is the error that
  /// the adversarial autoencoders' code prints.
  ///
  /// - Throws: `StatisticsError` for unlike shapes, and for numbers that are not finite.
  public static func pixelErrors(
    of images: Tensor, to clean: Tensor
  ) throws(StatisticsError) -> [Double] {
    try differences(images, clean).flatMap { row in row.map { $0 * $0 } }
  }

  private static func differences(
    _ images: Tensor, _ clean: Tensor
  ) throws(StatisticsError) -> [[Double]] {
    let d = clean.shape.columns
    try images.requireColumns(d, "images")
    guard images.shape.rows == clean.shape.rows else {
      throw .rows(quantity: "images", found: images.shape.rows, needed: clean.shape.rows)
    }
    try images.requireFinite("images")
    try clean.requireFinite("clean images")
    return (0..<clean.shape.rows).map { row in
      (row * d..<(row + 1) * d).map { Double(images.pointer[$0]) - Double(clean.pointer[$0]) }
    }
  }
}

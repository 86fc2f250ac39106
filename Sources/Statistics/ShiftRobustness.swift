import CKernels
import Tensors

/// Robustness of codes to shifts of the image (docs/systems.md, 8.12).
public enum ShiftRobustness {
  /// Images moved down and to the right; pixels that come in are 0.
  ///
  /// - Parameters:
  ///   - images: [B, H, W, C].
  ///   - down: pixels; below 0 moves up.
  ///   - right: pixels; below 0 moves to the left.
  /// - Returns: [B, H, W, C]; all 0 where a shift is as long as the image.
  public static func shifted(_ images: Tensor, down: Int, right: Int) -> Tensor {
    precondition(images.shape.rank == 4, "images of shape \(images.shape)")
    let (height, width, channels) = (images.shape[1], images.shape[2], images.shape[3])
    let result = Tensor(images.shape)
    let columns = width - abs(right)
    guard columns > 0 else { return result }
    for image in 0..<images.shape[0] {
      for y in max(0, down)..<max(max(0, down), min(height, height + down)) {
        let target = ((image * height + y) * width + max(0, right)) * channels
        let source = ((image * height + y - down) * width + max(0, -right)) * channels
        ck_copy(result.pointer + target, images.pointer + source, columns * channels)
      }
    }
    return result
  }

  /// Cosines of the angles between codes and others, both [B, k], row by row: [B].
  ///
  /// Two codes of zeros have cosine 1; one of zeros and another have 0. Add the cosines to
  /// `SampleMoments`.
  ///
  /// - Throws: `StatisticsError` for unlike shapes, and for numbers that are not finite.
  public static func cosines(
    of codes: Tensor, to others: Tensor
  ) throws(StatisticsError) -> [Double] {
    let k = others.shape.columns
    try codes.requireColumns(k, "codes")
    guard codes.shape.rows == others.shape.rows else {
      throw .rows(quantity: "codes", found: codes.shape.rows, needed: others.shape.rows)
    }
    try codes.requireFinite("codes")
    try others.requireFinite("codes")
    return (0..<codes.shape.rows).map { row in
      var (xy, xx, yy) = (0.0, 0.0, 0.0)
      for j in row * k..<(row + 1) * k {
        let (x, y) = (Double(codes.pointer[j]), Double(others.pointer[j]))
        xy += x * y
        xx += x * x
        yy += y * y
      }
      if xx == 0, yy == 0 { return 1 }
      return xx == 0 || yy == 0 ? 0 : xy / (xx.squareRoot() * yy.squareRoot())
    }
  }
}

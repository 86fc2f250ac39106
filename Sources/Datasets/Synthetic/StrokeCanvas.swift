/// A grey 8-bit image for round strokes with smooth edges.
struct StrokeCanvas {
  /// The side in pixels.
  let side: Int
  /// The image, `side * side` bytes, row-major; the canvas does not own it.
  let pixels: UnsafeMutablePointer<UInt8>

  /// A black canvas over `pixels`.
  init(side: Int, pixels: UnsafeMutablePointer<UInt8>) {
    self.side = side
    self.pixels = pixels
    pixels.update(repeating: 0, count: side * side)
  }

  /// Draws a straight stroke with round ends; coordinates and `radius` are in pixels.
  ///
  /// A pixel has the brightness of the brightest stroke over it: full within the radius, then
  /// fading over one pixel.
  func draw(from a: SIMD2<Float>, to b: SIMD2<Float>, radius: Float) {
    let reach = radius + 0.5
    let low = pointwiseMin(a, b) - reach
    let high = pointwiseMax(a, b) + reach
    let columns = clamped(low.x, high.x)
    let along = b - a
    let lengthSquared = max((along * along).sum(), 1e-12)
    for y in clamped(low.y, high.y) {
      for x in columns {
        let offset = SIMD2(Float(x) + 0.5, Float(y) + 0.5) - a
        let t = min(max((offset * along).sum() / lengthSquared, 0), 1)
        let toStroke = offset - t * along
        let cover = min(max(reach - (toStroke * toStroke).sum().squareRoot(), 0), 1)
        let value = eightBit(cover)
        let pixel = pixels + y * side + x
        if value > pixel.pointee { pixel.pointee = value }
      }
    }
  }

  /// The pixels with centres between two coordinates.
  private func clamped(_ low: Float, _ high: Float) -> Range<Int> {
    let first = Int(max(low - 0.5, 0).rounded(.up))
    let last = Int(min(high - 0.5, Float(side - 1)).rounded(.down))
    return first..<max(first, last + 1)
  }
}

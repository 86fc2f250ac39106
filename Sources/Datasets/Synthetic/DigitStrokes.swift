import Foundation

/// The strokes of one digit: line segments in a box of height 1 and width 1, with y downwards.
///
/// Curves are cut into short segments, so all strokes are drawn by one kind of primitive.
struct DigitStrokes {
  /// A straight piece of a stroke.
  struct Segment {
    var start: SIMD2<Float>
    var end: SIMD2<Float>
  }

  /// The segments, in drawing order.
  private(set) var segments: [Segment] = []
  private var pen = SIMD2<Float>(0, 0)

  /// The strokes of digit `label` in a handwriting given by `style`.
  ///
  /// - Parameter style: eight draws from U[0, 1): proportions and lengths of curves.
  init(digit label: Int, style: SIMD8<Float>) {
    segments.reserveCapacity(64)
    // Each draw as a number around zero, within +-1.
    let v = style * 2 - 1
    switch label {
    case 0: drawZero(v)
    case 1: drawOne(v)
    case 2: drawTwo(v)
    case 3: drawThree(v)
    case 4: drawFour(v)
    case 5: drawFive(v)
    case 6: drawSix(v)
    case 7: drawSeven(v)
    case 8: drawEight(v)
    case 9: drawNine(v)
    default: preconditionFailure("digit \(label)")
    }
  }

  private mutating func drawZero(_ v: SIMD8<Float>) {
    let start = -100 + 25 * v[0]
    arc(0.5, 0.5, 0.31 + 0.07 * v[1], 0.45, from: start, to: start + 360 + 12 * v[2])
  }

  private mutating func drawOne(_ v: SIMD8<Float>) {
    if v[0] > 0 {  // with the upstroke
      move(0.3 + 0.06 * v[1], 0.24 + 0.05 * v[2])
      line(0.52, 0.05)
    } else {
      move(0.52, 0.05)
    }
    line(0.5, 0.95)
    if v[3] > 0.6 {  // with the foot
      move(0.3, 0.95)
      line(0.72, 0.95)
    }
  }

  private mutating func drawTwo(_ v: SIMD8<Float>) {
    let radius = 0.27 + 0.03 * v[0]
    arc(0.48, 0.31, radius, 0.25, from: 195 + 20 * v[1], to: 395)
    line(0.22 + 0.04 * v[3], 0.93)
    if v[2] > 0.2 {  // a loop at the foot
      arc(0.27, 0.88, 0.08, 0.06, from: 120, to: 330)
      line(0.8 + 0.05 * v[4], 0.93)
    } else {
      line(0.8 + 0.05 * v[4], 0.92 + 0.03 * v[5])
    }
  }

  private mutating func drawThree(_ v: SIMD8<Float>) {
    let waist = 0.47 + 0.03 * v[0]
    let upper = (waist - 0.05) / 2
    let lower = (0.96 - waist) / 2
    arc(0.47, 0.05 + upper, 0.25 + 0.03 * v[1], upper, from: 205 + 20 * v[2], to: 440)
    line(0.42, waist)
    arc(0.46, waist + lower, 0.3 + 0.03 * v[3], lower, from: -85, to: 145 + 20 * v[4])
  }

  private mutating func drawFour(_ v: SIMD8<Float>) {
    let bar = 0.62 + 0.06 * v[0]
    let stem = 0.66 + 0.04 * v[1]
    if v[2] > 0 {  // open at the top
      move(0.28 + 0.04 * v[3], 0.06)
      line(0.2, bar)
      line(0.88, bar - 0.03)
      move(stem, 0.16 + 0.1 * v[4])
    } else {
      move(stem, 0.05)
      line(0.15 + 0.04 * v[3], bar)
      line(0.9, bar)
      move(stem, 0.05)
    }
    line(stem - 0.02, 0.96)
  }

  private mutating func drawFive(_ v: SIMD8<Float>) {
    move(0.78 + 0.05 * v[0], 0.06 + 0.03 * v[1])
    line(0.3, 0.06)
    line(0.26 + 0.03 * v[2], 0.46)
    arc(0.46, 0.67, 0.31 + 0.03 * v[3], 0.27, from: -125, to: 145 + 18 * v[4])
  }

  private mutating func drawSix(_ v: SIMD8<Float>) {
    let loop = 0.26 + 0.03 * v[0]
    let height = 0.23 + 0.03 * v[1]
    // The back is the left side of a tall ellipse; it ends at the start of the loop.
    arc(0.5 + 0.18, 0.95 - height, 0.18 + loop, 0.9 - height, from: 285 - 12 * v[2], to: 180)
    arc(0.5, 0.95 - height, loop, height, from: 180, to: -190 + 10 * v[3])
  }

  private mutating func drawSeven(_ v: SIMD8<Float>) {
    move(0.18 + 0.04 * v[0], 0.1 + 0.04 * v[1])
    line(0.8, 0.08)
    line(0.42 + 0.08 * v[2], 0.96)
    if v[3] > 0.5 {  // with the crossbar
      move(0.35, 0.5)
      line(0.78, 0.48)
    }
  }

  private mutating func drawEight(_ v: SIMD8<Float>) {
    let waist = 0.47 + 0.04 * v[0]
    let upper = (waist - 0.05) / 2
    let lower = (0.95 - waist) / 2
    arc(0.5, 0.05 + upper, 0.22 + 0.04 * v[1], upper, from: 90, to: 450)
    arc(0.5, waist + lower, 0.27 + 0.04 * v[2], lower, from: -90, to: 270)
  }

  private mutating func drawNine(_ v: SIMD8<Float>) {
    let loop = 0.25 + 0.03 * v[0]
    let height = 0.23 + 0.03 * v[1]
    arc(0.48, 0.05 + height, loop, height, from: 0, to: -370)
    if v[2] > 0 {  // a straight leg
      move(0.48 + loop, 0.05 + height - 0.1)
      line(0.48 + loop - 0.06 + 0.06 * v[3], 0.96)
    } else {  // a leg that bends in
      move(0.48 + loop, 0.05 + height)
      arc(
        0.48 + loop - 0.3, 0.05 + height, 0.3, 0.9 - height, from: 0, to: 80 + 12 * v[3])
    }
  }

  private mutating func move(_ x: Float, _ y: Float) { pen = SIMD2(x, y) }

  private mutating func line(_ x: Float, _ y: Float) {
    let end = SIMD2(x, y)
    segments.append(Segment(start: pen, end: end))
    pen = end
  }

  /// An arc of an ellipse; the pen is lifted before it.
  ///
  /// Angles are in degrees: 0 to the right, 90 downwards.
  private mutating func arc(
    _ x: Float, _ y: Float, _ width: Float, _ height: Float, from start: Float, to end: Float
  ) {
    let pieces = max(2, Int(abs(end - start) / 18))
    for piece in 0...pieces {
      let angle = (start + (end - start) * Float(piece) / Float(pieces)) * .pi / 180
      let point = SIMD2(x + width * cosf(angle), y + height * sinf(angle))
      if piece == 0 { pen = point } else { line(point.x, point.y) }
    }
  }
}

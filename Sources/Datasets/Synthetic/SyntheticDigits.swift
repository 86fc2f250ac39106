import Foundation
import Tensors

/// Digits like handwriting, 28x28x1, with their labels, 0 to 9.
///
/// They are drawn from strokes with random proportions, slant, size, thickness and place.
public enum SyntheticDigits: SyntheticImages {
  /// `digits`.
  public static let kind = "digits"
  /// The help text.
  public static let help = """
    28x28 grey images of hand-like digits with their labels, drawn from strokes of varied slant,
    thickness and position.
    """
  /// 28x28x1.
  public static let shape = ImageShape(height: 28, width: 28, channels: 1)
  /// The digit.
  public static let notes = SyntheticNotes.label

  /// Draws one image, `[28, 28, 1]`, and notes which digit it is.
  public static func draw(
    _ index: Int, seed: UInt64, split: Split, into pixels: UnsafeMutablePointer<UInt8>,
    note: UnsafeMutablePointer<Int8>
  ) {
    let draws = Draws(seed: seed, purpose: .synthesis, time: split.index)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Hand.drawCount) { uniform in
      guard let first = uniform.baseAddress else { return }
      draws.uniform(row: index, into: first, count: Hand.drawCount)
      let label = min(Int(uniform[0] * 10), 9)
      let canvas = StrokeCanvas(side: shape.width, pixels: pixels)
      let hand = Hand(uniform)
      for segment in DigitStrokes(digit: label, style: hand.style).segments {
        canvas.draw(
          from: hand.place(segment.start), to: hand.place(segment.end), radius: hand.radius)
      }
      note.pointee = Int8(label)
    }
  }
}

/// The handwriting of one image: the proportions of its strokes, and the placing of the unit box.
private struct Hand {
  /// The number of draws for an image: the label, eight for the style, eleven for the placing.
  static let drawCount = 20

  /// Eight draws for the proportions of the strokes.
  let style: SIMD8<Float>
  /// Half the thickness of a stroke, in pixels.
  let radius: Float
  private let centre: SIMD2<Float>
  private let columns: (x: SIMD2<Float>, y: SIMD2<Float>)
  private let bend: (amount: SIMD2<Float>, phase: SIMD2<Float>)

  init(_ uniform: UnsafeMutableBufferPointer<Float>) {
    func within(_ i: Int, _ low: Float, _ high: Float) -> Float {
      low + uniform[i] * (high - low)
    }
    style = SIMD8((1...8).map { uniform[$0] })
    radius = within(9, 0.75, 1.7)
    centre = SIMD2(14 + within(10, -1.5, 1.5), 14 + within(11, -1.2, 1.2))
    let height = within(12, 17, 20.5)
    let width = height * within(13, 0.72, 1)
    let angle = within(14, -0.12, 0.12)
    let slant = within(15, -0.1, 0.35)
    // Scale, then slant to the right (-y is upwards), then rotation.
    let across = SIMD2(width, 0)
    let down = SIMD2(-slant * height, height)
    func turned(_ p: SIMD2<Float>) -> SIMD2<Float> {
      SIMD2(cosf(angle) * p.x - sinf(angle) * p.y, sinf(angle) * p.x + cosf(angle) * p.y)
    }
    columns = (turned(across), turned(down))
    bend = (
      SIMD2(within(16, -0.05, 0.05), within(17, -0.04, 0.04)),
      SIMD2(within(18, 0, 2 * .pi), within(19, 0, 2 * .pi))
    )
  }

  /// Maps the unit box to pixels: a gentle bend of the plane, then an affine map.
  func place(_ point: SIMD2<Float>) -> SIMD2<Float> {
    let x = point.x - 0.5 + bend.amount.x * sinf(4 * point.y + bend.phase.x)
    let y = point.y - 0.5 + bend.amount.y * sinf(4 * point.x + bend.phase.y)
    return centre + x * columns.x + y * columns.y
  }
}

import Foundation
import Tensors

/// C12: damage as photographs have it, on small images.
///
/// With probability p a rectangle, both sides uniform over 2...11 pixels, its centre uniform over
/// the image; then, with probability .6 p, a straight line of any angle, half a pixel to 1.5 pixels
/// to each side of it, its distance from the centre uniform up to half the image. The border cuts
/// both. Each has one colour: its channels are near white (.85...1 with probability .35), near
/// black (0...0.15 with .35), or uniform over [0, 1]. In training on patches it teaches a model to
/// look past damage.
struct Blotch: SlopedNoise {
  static let name = "blotch"
  static let summary = "with probability P a rectangle of one colour, with .6 P a line"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let probability: Double

  init(level: Double) { probability = level }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    // Words from 0 on are the rectangle's, from 10 on the line's.
    func fraction(_ element: Int) -> Float {
      Float(draws.word(row: row, element: element) >> 8) * 0x1p-24
    }
    func integer(_ bound: Int, _ element: Int) -> Int {
      draws.integer(below: bound, row: row, element: element)
    }
    func colour(_ element: Int) -> [Float] {
      let kind = fraction(element)
      return (1...shape.channels).map { channel in
        let value = fraction(element + channel)
        return kind < 0.35 ? 0.85 + 0.15 * value : kind < 0.7 ? 0.15 * value : value
      }
    }
    func paint(_ y: Int, _ x: Int, _ colour: [Float]) {
      let first = (y * shape.width + x) * shape.channels
      for (channel, value) in colour.enumerated() { values[first + channel] = value }
    }
    if Double(fraction(0)) < probability {
      let (height, width) = (2 + integer(10, 1), 2 + integer(10, 2))
      let top = integer(shape.height, 3) - height / 2
      let left = integer(shape.width, 4) - width / 2
      let colour = colour(5)
      for y in (top..<top + height).clamped(to: 0..<shape.height) {
        for x in (left..<left + width).clamped(to: 0..<shape.width) { paint(y, x, colour) }
      }
    }
    if Double(fraction(10)) < 0.6 * probability {
      let angle = .pi * fraction(11)
      let (down, across) = (sin(angle), cos(angle))
      let reach = Float(min(shape.height, shape.width)) / 2
      let (distance, half) = ((2 * fraction(12) - 1) * reach, 0.5 + fraction(13))
      let (middle, centre) = (Float(shape.height - 1) / 2, Float(shape.width - 1) / 2)
      let colour = colour(14)
      for y in 0..<shape.height {
        for x in 0..<shape.width
        where abs((Float(y) - middle) * down + (Float(x) - centre) * across - distance) <= half {
          paint(y, x, colour)
        }
      }
    }
  }
}

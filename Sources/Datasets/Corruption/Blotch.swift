import Tensors

/// C12: a rectangle of one colour on an image with probability p, both sides uniform over 2...11.
///
/// Its centre is uniform over the image, whose border may cut it. Its channels are near white
/// (.85...1 with probability .35), near black (0...0.15 with .35), or uniform over [0, 1] each. In
/// training on patches of dirty photographs it teaches a model to look past such damage.
struct Blotch: Noise {
  static let name = "blotch"
  static let summary = "with probability P a rectangle of one colour, sides 2 to 11"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let probability: Double

  init(level: Double) { probability = level }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    // Words 0 to 5 decide whether, size, centre and kind; those from 6 on are the channels'.
    func integer(_ bound: Int, _ element: Int) -> Int {
      draws.integer(below: bound, row: row, element: element)
    }
    func fraction(_ element: Int) -> Float {
      Float(draws.word(row: row, element: element) >> 8) * 0x1p-24
    }
    guard Double(fraction(0)) < probability else { return }
    let (height, width) = (2 + integer(10, 1), 2 + integer(10, 2))
    let top = integer(shape.height, 3) - height / 2
    let left = integer(shape.width, 4) - width / 2
    let kind = fraction(5)
    let colour = (0..<shape.channels).map { channel -> Float in
      let value = fraction(6 + channel)
      return kind < 0.35 ? 0.85 + 0.15 * value : kind < 0.7 ? 0.15 * value : value
    }
    for y in (top..<top + height).clamped(to: 0..<shape.height) {
      for x in (left..<left + width).clamped(to: 0..<shape.width) {
        let first = (y * shape.width + x) * shape.channels
        for (channel, value) in colour.enumerated() { values[first + channel] = value }
      }
    }
  }
}

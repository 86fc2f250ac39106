import Tensors

/// A shape of value 0 on a fraction of the images, at a random place: the common part of C7 and C8.
///
/// Rows are hit in groups of 20. After each group, the number of all hits so far is the fraction's
/// share of the rows, rounded down. The draws choose the rows within a group. So a set has its
/// exact share: 1176 of the first 1960 Frey faces at 0.6. A row's noise still depends only on the
/// row.
protocol Occlusion: SlopedNoise {
  /// The fraction of images that are hit.
  var fraction: Double { get }
  /// The pixels of an image that become 0; `integer(n, e)` is draw number e from 0..<n.
  func place(on shape: ImageShape, _ integer: (_ below: Int, _ element: Int) -> Int) -> Place
}

/// Pixels of an image: the pixels of a box for which `holds` is true.
struct Place {
  let rows: Range<Int>, columns: Range<Int>
  var holds: (_ row: Int, _ column: Int) -> Bool = { _, _ in true }
}

/// The number of images in a group with an exact number of hits.
private let groupSize = 20

extension Occlusion {
  static var levels: ClosedRange<Double>? { 0...1 }
  static var staysInUnitRange: Bool { true }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard hits(row, draws) else { return }
    let place = place(on: shape) { draws.integer(below: $0, row: row, element: 1 + $1) }
    for y in place.rows.clamped(to: 0..<shape.height) {
      for x in place.columns.clamped(to: 0..<shape.width) where place.holds(y, x) {
        let first = (y * shape.width + x) * shape.channels
        for channel in 0..<shape.channels { values[first + channel] = 0 }
      }
    }
  }

  /// Whether a row is hit: in a group, the rows with the smallest words number 0 are hit.
  private func hits(_ row: Int, _ draws: Draws) -> Bool {
    let group = row / groupSize
    func total(_ groups: Int) -> Int { Int((fraction * Double(groups * groupSize)).rounded(.down)) }
    let hits = total(group + 1) - total(group)
    let word = draws.word(row: row, element: 0)
    let before = (group * groupSize..<(group + 1) * groupSize).filter { other in
      let otherWord = draws.word(row: other, element: 0)
      return otherWord < word || (otherWord == word && other < row)
    }
    return before.count < hits
  }
}

/// C7: a filled disc; its centre is uniform over the image and its radius over 3...8 pixels.
///
/// The border may cut the disc.
struct Disc: Occlusion {
  static let name = "circle"
  static let summary = "a disc of 0, radius 3 to 8, on a fraction P of the images"
  let fraction: Double
  private let radii: ClosedRange<Int>

  init(level: Double) { self.init(level, radii: 3...8) }

  fileprivate init(_ fraction: Double, radii: ClosedRange<Int>) {
    self.fraction = fraction
    self.radii = radii
  }

  func place(on shape: ImageShape, _ integer: (_ below: Int, _ element: Int) -> Int) -> Place {
    let (y, x) = (integer(shape.height, 0), integer(shape.width, 1))
    let radius = radii.lowerBound + integer(radii.count, 2)
    return Place(rows: y - radius..<y + radius + 1, columns: x - radius..<x + radius + 1) {
      ($0 - y) * ($0 - y) + ($1 - x) * ($1 - x) <= radius * radius
    }
  }
}

/// C7 with a radius uniform over 4...12 pixels.
struct LargeDisc: Occlusion {
  static let name = "circle-large"
  static let summary = "the same with a radius of 4 to 12"
  private let disc: Disc
  var fraction: Double { disc.fraction }

  init(level: Double) { disc = Disc(level, radii: 4...12) }

  func place(on shape: ImageShape, _ integer: (_ below: Int, _ element: Int) -> Int) -> Place {
    disc.place(on: shape, integer)
  }
}

/// C8: a filled rectangle, 4...12 pixels wide and 4...16 high, both uniform.
///
/// Its place is uniform over the image.
struct Rectangle: Occlusion {
  static let name = "rectangle"
  static let summary = "a rectangle of 0, up to 12 by 16, on a fraction P of the images"
  let fraction: Double

  init(level: Double) { fraction = level }

  func place(on shape: ImageShape, _ integer: (_ below: Int, _ element: Int) -> Int) -> Place {
    let width = min(4 + integer(9, 0), shape.width)
    let height = min(4 + integer(13, 1), shape.height)
    let x = integer(shape.width - width + 1, 2)
    let y = integer(shape.height - height + 1, 3)
    return Place(rows: y..<y + height, columns: x..<x + width)
  }
}

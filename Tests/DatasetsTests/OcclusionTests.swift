import Tensors
import Testing

@testable import Datasets

/// C7 and C8: discs and rectangles.
@Suite struct OcclusionTests {
  private let shape = ImageShape(height: 28, width: 20, channels: 1)

  /// The pixels of a white image that become black.
  private func hit(_ noise: Corruption, _ row: Int, _ shape: ImageShape, seed: UInt64 = 595)
    -> [Bool]
  {
    var image = [Float](repeating: 1, count: shape.count)
    image.withUnsafeMutableBufferPointer {
      guard let start = $0.baseAddress else { return }
      noise.apply(
        to: start, shape: shape, row: row,
        draws: Draws(seed: seed, purpose: .staticCorruption, time: 0))
    }
    #expect(image.allSatisfy { $0 == 0 || $0 == 1 })
    return image.map { $0 == 0 }
  }

  /// The share is exact among any multiple of 20 rows, and within one row for other numbers.
  @Test(arguments: [0, 0.05, 0.2, 0.33, 0.4, 0.6, 1])
  func fractionOfImages(f: Double) {
    for noise in [Corruption.disc(f), .disc(f, large: true), .rectangle(f)] {
      let rows = (0..<1000).map { hit(noise, $0, shape).contains(true) }
      #expect(rows.filter { $0 }.count == Int((f * 1000).rounded(.down)))
      let first = rows[0..<400].filter { $0 }.count
      #expect(abs(Double(first) - f * 400) < 1 + 1e-9)
    }
    // The draws choose the rows that are hit.
    guard f == 0.4 else { return }
    let chosen = (0..<20).map { seed in hit(.disc(f), 7, shape, seed: seed).contains(true) }
    #expect(Set(chosen).count == 2)
  }

  /// A disc has the area and extent of a radius of 3 to 8 (or 4 to 12) pixels.
  ///
  /// The border may cut it.
  @Test(arguments: [(false, 3...8), (true, 4...12)])
  func discs(large: Bool, radii: ClosedRange<Int>) {
    let wide = ImageShape(height: 100, width: 90, channels: 1)
    var found: Set<Int> = []
    for row in 0..<300 {
      let pixels = hit(.disc(1, large: large), row, wide)
      let places = pixels.indices.filter { pixels[$0] }
      let ys = places.map { $0 / 90 }, xs = places.map { $0 % 90 }
      guard let top = ys.min(), let bottom = ys.max(), let left = xs.min(), let right = xs.max()
      else { continue }
      // Without a cut, the diameter is odd in both directions.
      guard top > 0, bottom < 99, left > 0, right < 89 else { continue }
      #expect(bottom - top == right - left && (bottom - top) % 2 == 0)
      let radius = (bottom - top) / 2
      found.insert(radius)
      let (y, x) = (top + radius, left + radius)
      let expected = (0..<9000).filter {
        let (dy, dx) = ($0 / 90 - y, $0 % 90 - x)
        return dy * dy + dx * dx <= radius * radius
      }
      #expect(places == expected)
    }
    #expect(found == Set(radii))
  }

  /// Rectangles of all widths and heights lie within the image; they cover smaller images.
  @Test func rectangles() {
    var (widths, heights): (Set<Int>, Set<Int>) = ([], [])
    for row in 0..<400 {
      let pixels = hit(.rectangle(1), row, shape)
      let places = pixels.indices.filter { pixels[$0] }
      let ys = Set(places.map { $0 / 20 }), xs = Set(places.map { $0 % 20 })
      #expect(places.count == ys.count * xs.count)
      widths.insert(xs.count)
      heights.insert(ys.count)
    }
    #expect(widths == Set(4...12) && heights == Set(4...16))
    let small = ImageShape(height: 3, width: 2, channels: 1)
    #expect(hit(.rectangle(1), 0, small).allSatisfy { $0 })
  }

  /// All channels of a pixel become 0 together.
  @Test func colours() {
    let colour = ImageShape(height: 28, width: 20, channels: 3)
    let pixels = hit(.disc(1), 3, colour)
    for p in 0..<560 { #expect(Set(pixels[3 * p..<3 * p + 3]).count == 1) }
    #expect((0..<560).filter { pixels[3 * $0] } == (0..<560).filter { hit(.disc(1), 3, shape)[$0] })
  }

  @Test func specifications() throws {
    #expect(try Corruption(parsing: "circle:0.6") == .disc(0.6))
    #expect(try Corruption(parsing: "circle-large:0.2") == .disc(0.2, large: true))
    #expect(try Corruption(parsing: "rectangle:1") == .rectangle(1))
    #expect(throws: DatasetError.self) { try Corruption(parsing: "circle:1.5") }
  }
}

import Images
import Testing

@Suite("Median filter")
struct MedianFilterTests {
  /// The definition, written out: sort the square around each value.
  private func expected(_ x: [Float], _ height: Int, _ width: Int, _ channels: Int, _ side: Int)
    -> [Float]
  {
    var result: [Float] = []
    for row in 0..<height {
      for column in 0..<width {
        for channel in 0..<channels {
          var square: [Float] = []
          for y in row - side / 2...row + side / 2 {
            for x0 in column - side / 2...column + side / 2 {
              let (v, u) = (min(max(y, 0), height - 1), min(max(x0, 0), width - 1))
              square.append(x[(v * width + u) * channels + channel])
            }
          }
          result.append(square.sorted()[side * side / 2])
        }
      }
    }
    return result
  }

  @Test(arguments: [(7, 5, 1, 3), (4, 6, 3, 3), (9, 9, 1, 5), (1, 1, 3, 3), (2, 3, 1, 7)])
  func isTheMiddleOfTheSortedSquare(height: Int, width: Int, channels: Int, side: Int) {
    var state: UInt32 = 7
    let x = (0..<height * width * channels).map { _ -> Float in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 24) / 255
    }
    var found = [Float](repeating: -1, count: x.count)
    MedianFilter.apply(
      x, to: &found, height: height, width: width, channels: channels, side: side)
    #expect(found == expected(x, height, width, channels, side))
  }

  @Test func removesASpeckAndKeepsAnEdge() {
    // Two halves, 0 and 1, with one wrong pixel in each.
    var x = (0..<64).map { Float($0 % 8 < 4 ? 0 : 1) }
    let clean = x
    x[8 * 3 + 1] = 1
    x[8 * 5 + 6] = 0
    var found = [Float](repeating: -1, count: 64)
    MedianFilter.apply(x, to: &found, height: 8, width: 8, channels: 1, side: 3)
    #expect(found == clean)
  }
}

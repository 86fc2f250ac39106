/// The median of the neighbours of each value: the plain way to remove specks from an image.
public enum MedianFilter {
  /// Filters one image, `[height, width, channels]` floats, each channel by itself.
  ///
  /// A value becomes the median of the `side` x `side` square around it. Beyond the edges the
  /// nearest value of the image counts, as in scipy's mode "nearest".
  ///
  /// Traps unless `side` is odd and from 1 to 15, or if `to` is the image itself.
  public static func apply(
    _ x: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>, height: Int, width: Int,
    channels: Int, side: Int
  ) {
    precondition(side % 2 == 1 && (1...15).contains(side), "a square of side \(side)")
    precondition(UnsafePointer(result) != x, "the median filter needs a second image")
    let reach = side / 2
    let middle = side * side / 2
    withUnsafeTemporaryAllocation(of: Float.self, capacity: side * side) { sorted in
      for row in 0..<height {
        for column in 0..<width {
          for channel in 0..<channels {
            var count = 0
            for dy in -reach...reach {
              let line = min(max(row + dy, 0), height - 1) * width
              for dx in -reach...reach {
                let place = line + min(max(column + dx, 0), width - 1)
                insert(x[place * channels + channel], into: sorted, &count)
              }
            }
            result[(row * width + column) * channels + channel] = sorted[middle]
          }
        }
      }
    }
  }

  /// Puts a value in its place among `count` sorted values.
  private static func insert(
    _ value: Float, into sorted: UnsafeMutableBufferPointer<Float>, _ count: inout Int
  ) {
    var place = count
    while place > 0, sorted[place - 1] > value {
      sorted[place] = sorted[place - 1]
      place -= 1
    }
    sorted[place] = value
    count += 1
  }
}

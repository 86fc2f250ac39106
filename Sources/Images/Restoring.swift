extension Fit {
  /// Brings an image back to the size of its original: pad loses its margins, and of a part that was
  /// cut out there is that part, in the original's pixels.
  ///
  /// - Parameters:
  ///   - values: `[height, width, channels]`.
  ///   - size: height and width of the original.
  ///   - crop: the side of the square that was cut out of the original, if one was given.
  /// - Returns: the values and their size; those given where the sizes agree.
  public func restore(
    _ values: [Float], height: Int, width: Int, channels: Int, to size: (height: Int, width: Int),
    crop: Int? = nil
  ) -> (values: [Float], height: Int, width: Int) {
    precondition(values.count == height * width * channels, "\(values.count) values")
    let part = part(of: size, for: (height, width), crop: crop)
    let inner = inner(for: part, in: (height, width))
    if part == inner && inner == (height, width) { return (values, height, width) }
    var kept = values
    if inner != (height, width) {
      kept.removeAll()
      let (top, left) = ((height - inner.height) / 2, (width - inner.width) / 2)
      for y in top..<top + inner.height {
        let start = (y * width + left) * channels
        kept += values[start..<start + inner.width * channels]
      }
    }
    let restored = FloatResize(from: inner, to: part)(kept, channels: channels)
    return (restored, part.height, part.width)
  }
}

/// Antialiased bilinear resampling of floats, with the weights of `BilinearResize`.
struct FloatResize {
  private typealias Tap = (first: Int, weights: [Float])
  private let source: (height: Int, width: Int)
  private let rows: [Tap]
  private let columns: [Tap]

  /// Prepares resampling from one size to another; sides must be positive.
  init(from source: (height: Int, width: Int), to target: (height: Int, width: Int)) {
    self.source = source
    rows = Self.taps(from: source.height, to: target.height)
    columns = Self.taps(from: source.width, to: target.width)
  }

  private static func taps(from source: Int, to target: Int) -> [Tap] {
    BilinearResize.taps(from: source, to: target).map { ($0.first, $0.weights.map { Float($0) }) }
  }

  /// Resamples one image, `[height, width, channels]`.
  func callAsFunction(_ values: [Float], channels: Int) -> [Float] {
    var narrow = [Float](repeating: 0, count: source.height * columns.count * channels)
    for y in 0..<source.height {
      for (x, tap) in columns.enumerated() {
        for channel in 0..<channels {
          var sum: Float = 0
          for (i, weight) in tap.weights.enumerated() {
            sum += weight * values[(y * source.width + tap.first + i) * channels + channel]
          }
          narrow[(y * columns.count + x) * channels + channel] = sum
        }
      }
    }
    let length = columns.count * channels
    var result = [Float](repeating: 0, count: rows.count * length)
    for (y, tap) in rows.enumerated() {
      for (i, weight) in tap.weights.enumerated() {
        for x in 0..<length {
          result[y * length + x] += weight * narrow[(tap.first + i) * length + x]
        }
      }
    }
    return result
  }
}

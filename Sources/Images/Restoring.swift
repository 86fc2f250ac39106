/// How pictures of any size were made images of one size.
public enum Fit: String, CaseIterable, Sendable {
  /// The largest part of the image's form, out of the middle of the picture.
  case crop
  /// The whole picture, with margins.
  case pad
  /// The whole picture, with another ratio of its sides.
  case stretch

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
    let part = part(of: size, height, width, crop)
    let inner = inner(for: part, height, width)
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

  /// The part of an original that is in the image.
  private func part(
    of size: (height: Int, width: Int), _ height: Int, _ width: Int, _ crop: Int?
  ) -> (height: Int, width: Int) {
    if let crop { return (min(crop, size.height), min(crop, size.width)) }
    guard self == .crop else { return size }
    return size.height * width >= size.width * height
      ? (Self.quotient(size.width * height, width), size.width)
      : (size.height, Self.quotient(size.height * width, height))
  }

  /// The sides of that part within the image.
  private func inner(
    for part: (height: Int, width: Int), _ height: Int, _ width: Int
  ) -> (height: Int, width: Int) {
    guard self == .pad else { return (height, width) }
    return part.height * width >= part.width * height
      ? (height, Self.quotient(part.width * height, part.height))
      : (Self.quotient(part.height * width, part.width), width)
  }

  /// A positive quotient, rounded.
  private static func quotient(_ value: Int, _ divisor: Int) -> Int {
    max(1, (value + divisor / 2) / divisor)
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
    let step = Double(source) / Double(target)
    let support = max(step, 1)
    return (0..<target).map { position in
      let centre = (Double(position) + 0.5) * step
      let low = max(Int(centre - support + 0.5), 0)
      let high = min(Int(centre + support + 0.5), source)
      let triangle = (low..<high).map { max(0, 1 - abs((Double($0) + 0.5 - centre) / support)) }
      let sum = triangle.reduce(0, +)
      return (low, triangle.map { Float($0 / sum) })
    }
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

/// Antialiased bilinear resampling of 8-bit pictures; results equal Pillow's `resize`.
///
/// A pixel is the weighted mean of the pixels it covers. The weights form a triangle. On either
/// side, the triangle reaches 1 pixel for enlarging, and the factor of reduction for shrinking.
/// Columns are resampled first, then rows; each result is rounded to 8 bits.
struct BilinearResize {
  /// How one axis is resampled.
  private struct Axis {
    /// Weights are integers with a sum of nearly 2^22, so 32 bits hold a sum of weights times 255.
    static let fractionBits: Int32 = 22

    /// The first source pixel of each target pixel.
    private(set) var first: [Int] = []
    /// Weights stored for each target pixel; unused weights at the end are zero.
    let taps: Int
    /// The weights, `[target, taps]`.
    private(set) var weights: [Int32] = []

    init(from source: Int, to target: Int) {
      taps = Int(max(Double(source) / Double(target), 1).rounded(.up)) * 2 + 1
      for (low, shares) in BilinearResize.taps(from: source, to: target) {
        first.append(low)
        weights += shares.map { Int32(($0 * Double(1 << Self.fractionBits)).rounded()) }
        weights += repeatElement(0, count: taps - shares.count)
      }
    }
  }

  /// The first source pixel of each target pixel, and the weights from there on, with a sum of 1.
  static func taps(from source: Int, to target: Int) -> [(first: Int, weights: [Double])] {
    let step = Double(source) / Double(target)
    let support = max(step, 1)
    return (0..<target).map { position in
      // The centre of a pixel lies at a half.
      let centre = (Double(position) + 0.5) * step
      let low = max(Int(centre - support + 0.5), 0)
      let high = min(Int(centre + support + 0.5), source)
      let triangle = (low..<high).map { max(0, 1 - abs((Double($0) + 0.5 - centre) / support)) }
      let sum = triangle.reduce(0, +)
      return (low, triangle.map { $0 / sum })
    }
  }

  private let source: (height: Int, width: Int)
  private let target: (height: Int, width: Int)
  private let rows: Axis
  private let columns: Axis

  /// Prepares resampling from one size to another; sides must be positive.
  init(from source: (height: Int, width: Int), to target: (height: Int, width: Int)) {
    self.source = source
    self.target = target
    rows = Axis(from: source.height, to: target.height)
    columns = Axis(from: source.width, to: target.width)
  }

  /// Resamples one picture.
  ///
  /// - Parameters:
  ///   - pixels: the first pixel, `[height, width, channels]` with `stride` bytes from row to row.
  ///   - result: `[height, width, channels]` of the target, without gaps.
  func callAsFunction(
    _ pixels: UnsafePointer<UInt8>, stride: Int, channels: Int,
    into result: UnsafeMutablePointer<UInt8>
  ) {
    let rowLength = target.width * channels
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: source.height * rowLength) { narrow in
      guard let narrow = narrow.baseAddress else { return }
      for y in 0..<source.height {
        let (from, to) = (pixels + y * stride, narrow + y * rowLength)
        if channels == 1 {
          resampleGreyRow(from, into: to)
        } else {
          resampleColourRow(from, into: to)
        }
      }
      resampleRows(UnsafePointer(narrow), rowLength: rowLength, into: result)
    }
  }

  /// Resamples one picture of 16 bits to floats in [0, 1]; sums are not rounded to 16 bits.
  ///
  /// - Parameters:
  ///   - pixels: `[height, width, channels]`, without gaps.
  ///   - result: `[height, width, channels]` of the target, value / 65535.
  func callAsFunction(
    _ pixels: UnsafePointer<UInt16>, channels: Int, into result: UnsafeMutablePointer<Float>
  ) {
    let rowLength = target.width * channels
    let unit = Float(1 << Axis.fractionBits)
    var narrow = [Float](repeating: 0, count: source.height * rowLength)
    for y in 0..<source.height {
      let row = pixels + y * source.width * channels
      for x in 0..<target.width {
        let first = columns.first[x]
        for tap in 0..<min(columns.taps, source.width - first) {
          let weight = Float(columns.weights[x * columns.taps + tap]) / unit
          for channel in 0..<channels {
            narrow[y * rowLength + x * channels + channel] +=
              weight * Float(row[(first + tap) * channels + channel])
          }
        }
      }
    }
    for y in 0..<target.height {
      let to = result + y * rowLength
      to.update(repeating: 0, count: rowLength)
      for tap in 0..<min(rows.taps, source.height - rows.first[y]) {
        let weight = Float(rows.weights[y * rows.taps + tap]) / unit
        let from = (rows.first[y] + tap) * rowLength
        for x in 0..<rowLength { to[x] += weight * narrow[from + x] }
      }
      for x in 0..<rowLength { to[x] = min(to[x] / 65535, 1) }
    }
  }

  private static let half: Int32 = 1 << (Axis.fractionBits - 1)

  private static func rounded(_ sum: Int32) -> UInt8 {
    // Weights are not negative and are rounded to units of 2^-22, so only overflow at the top is
    // possible.
    UInt8(truncatingIfNeeded: min(sum >> Axis.fractionBits, 255))
  }

  private func resampleGreyRow(
    _ row: UnsafePointer<UInt8>, into result: UnsafeMutablePointer<UInt8>
  ) {
    columns.weights.withUnsafeBufferPointer { weights in
      for x in 0..<target.width {
        let first = columns.first[x]
        var sum = Self.half
        for tap in 0..<min(columns.taps, source.width - first) {
          sum &+= Int32(row[first + tap]) &* weights[x * columns.taps + tap]
        }
        result[x] = Self.rounded(sum)
      }
    }
  }

  private func resampleColourRow(
    _ row: UnsafePointer<UInt8>, into result: UnsafeMutablePointer<UInt8>
  ) {
    columns.weights.withUnsafeBufferPointer { weights in
      for x in 0..<target.width {
        let first = columns.first[x]
        var (red, green, blue) = (Self.half, Self.half, Self.half)
        for tap in 0..<min(columns.taps, source.width - first) {
          let weight = weights[x * columns.taps + tap]
          let pixel = row + 3 * (first + tap)
          red &+= Int32(pixel[0]) &* weight
          green &+= Int32(pixel[1]) &* weight
          blue &+= Int32(pixel[2]) &* weight
        }
        result[3 * x] = Self.rounded(red)
        result[3 * x + 1] = Self.rounded(green)
        result[3 * x + 2] = Self.rounded(blue)
      }
    }
  }

  /// Resamples the rows of the result: sums of whole rows.
  private func resampleRows(
    _ narrow: UnsafePointer<UInt8>, rowLength: Int, into result: UnsafeMutablePointer<UInt8>
  ) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowLength) { sums in
      guard let sums = sums.baseAddress else { return }
      for y in 0..<target.height {
        sums.update(repeating: Self.half, count: rowLength)
        for tap in 0..<min(rows.taps, source.height - rows.first[y]) {
          let weight = rows.weights[y * rows.taps + tap]
          if weight == 0 { continue }
          let row = narrow + (rows.first[y] + tap) * rowLength
          for x in 0..<rowLength { sums[x] &+= Int32(row[x]) &* weight }
        }
        for x in 0..<rowLength { result[y * rowLength + x] = Self.rounded(sums[x]) }
      }
    }
  }
}

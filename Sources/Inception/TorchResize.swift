import Tensors

/// Bilinear resizing as `torch.nn.functional.interpolate` does it with `mode="bilinear"`,
/// `align_corners=False` and without antialiasing: a pixel is a mean of four pixels at most.
///
/// `BilinearResize` of module Images averages over all pixels when it makes an image smaller. FID
/// is defined by this resizing.
struct TorchResize {
  /// The two source pixels of a target pixel, and the weight of the second.
  private struct Tap {
    let first: Int, second: Int
    let weight: Float
  }

  private let width: Int, channels: Int
  private let rows: [Tap], columns: [Tap]
  /// Two source rows at the target's width, three channels each.
  private let lines: Storage

  /// Prepares resizing of images [height, width, channels], whose grey is repeated three times.
  init(
    height: Int, width: Int, channels: Int, to target: (height: Int, width: Int)
  ) {
    precondition(height > 0 && width > 0 && (channels == 1 || channels == 3))
    (self.width, self.channels) = (width, channels)
    rows = Self.taps(from: height, to: target.height)
    columns = Self.taps(from: width, to: target.width)
    lines = Storage(count: 2 * 3 * target.width)
  }

  /// The source of a target pixel's centre; coordinates before the first centre are those of the
  /// first pixel.
  ///
  /// They are floats, as in PyTorch, to which features shall be equal.
  private static func taps(from source: Int, to target: Int) -> [Tap] {
    let step = Float(source) / Float(target)
    return (0..<target).map { position in
      let place = max(0, step * (Float(position) + 0.5) - 0.5)
      let first = min(Int(place), source - 1)
      return Tap(
        first: first, second: min(first + 1, source - 1), weight: place - Float(first))
    }
  }

  /// Resizes an image in [0, 1] and brings it to [-1, 1].
  ///
  /// - Parameters:
  ///   - image: [height, width, channels].
  ///   - target: [target height, target width, 3].
  func callAsFunction(
    _ image: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>
  ) {
    let count = 3 * columns.count
    var held = [-1, -1]
    /// A source row, which stays where it is while the next row needs it.
    func line(_ row: Int, keeping other: Int) -> UnsafeMutablePointer<Float> {
      let place = held.firstIndex(of: row) ?? (held[0] == other ? 1 : 0)
      let line = lines.pointer + place * count
      if held[place] != row {
        stretch(image + row * width * channels, into: line)
        held[place] = row
      }
      return line
    }
    for (y, tap) in rows.enumerated() {
      let upper = line(tap.first, keeping: tap.second)
      let lower = line(tap.second, keeping: tap.first)
      let (ofUpper, ofLower) = (2 * (1 - tap.weight), 2 * tap.weight)
      let row = target + y * count
      for i in 0..<count { row[i] = ofUpper * upper[i] + ofLower * lower[i] - 1 }
    }
  }

  /// Resizes a row.
  private func stretch(
    _ row: UnsafePointer<Float>, into line: UnsafeMutablePointer<Float>
  ) {
    columns.withUnsafeBufferPointer { columns in
      for (x, tap) in columns.enumerated() {
        let (left, right) = (row + tap.first * channels, row + tap.second * channels)
        for channel in 0..<3 {
          let source = channels == 1 ? 0 : channel
          line[3 * x + channel] = (1 - tap.weight) * left[source] + tap.weight * right[source]
        }
      }
    }
  }
}

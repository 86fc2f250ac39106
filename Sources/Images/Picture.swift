/// A picture in memory: rows from top to bottom, channels interleaved; its values are whole numbers
/// from 0 to the largest of their type.
public struct Raster<Value: FixedWidthInteger & UnsignedInteger & Sendable>: Equatable, Sendable {
  /// Rows of pixels.
  public let height: Int
  /// Pixels in each row.
  public let width: Int
  /// Values of one pixel: 1 is grey, 3 is red, green, blue.
  public let channels: Int
  /// `[height, width, channels]`, row-major.
  public var values: [Value]

  /// A picture filled with one value; the default is black.
  ///
  /// Traps if `channels` is neither 1 nor 3, or if a side is not positive.
  public init(height: Int, width: Int, channels: Int, fill: Value = 0) {
    self.init(
      height: height, width: width, channels: channels,
      values: [Value](repeating: fill, count: height * width * channels))
  }

  /// A picture of the given values, `[height, width, channels]`.
  ///
  /// Traps if the number of values does not fit the sides.
  public init(height: Int, width: Int, channels: Int, values: [Value]) {
    precondition(channels == 1 || channels == 3, "\(channels) channels; expected 1 or 3")
    precondition(height > 0 && width > 0, "a picture of \(height) x \(width) pixels")
    precondition(
      values.count == height * width * channels,
      "\(values.count) values for \(height) x \(width) x \(channels)")
    self.height = height
    self.width = width
    self.channels = channels
    self.values = values
  }
}

/// An 8-bit picture.
public typealias Picture = Raster<UInt8>

/// A 16-bit picture.
public typealias DeepPicture = Raster<UInt16>

extension Raster<UInt8> {
  /// `[height, width, channels]`, row-major.
  public var bytes: [UInt8] {
    get { values }
    _modify { yield &values }
  }

  /// A picture of the given bytes, `[height, width, channels]`.
  ///
  /// Traps if the number of bytes does not fit the sides.
  public init(height: Int, width: Int, channels: Int, bytes: [UInt8]) {
    self.init(height: height, width: width, channels: channels, values: bytes)
  }

  /// Pixels of the largest decoded picture; the limit keeps a small file from using all memory.
  static var maximumPixels: Int { 1 << 26 }

  /// The reason for not decoding a picture with more pixels.
  static func tooLarge(height: Int, width: Int) -> String {
    "found \(width)x\(height) pixels, expected no more than \(maximumPixels >> 20) million"
  }
}

extension Raster {
  /// The picture as it is shown for an orientation of EXIF, 1 to 8.
  func turned(_ orientation: Int) -> Raster {
    let swaps = orientation >= 5
    let (h, w) = swaps ? (width, height) : (height, width)
    var result = Raster(height: h, width: w, channels: channels)
    for y in 0..<h {
      for x in 0..<w {
        let (row, column) =
          switch orientation {
          case 2: (y, width - 1 - x)
          case 3: (height - 1 - y, width - 1 - x)
          case 4: (height - 1 - y, x)
          case 5: (x, y)
          case 6: (height - 1 - x, y)
          case 7: (height - 1 - x, width - 1 - y)
          case 8: (x, width - 1 - y)
          default: (y, x)
          }
        for channel in 0..<channels {
          result.values[(y * w + x) * channels + channel] =
            values[(row * width + column) * channels + channel]
        }
      }
    }
    return result
  }

  /// A part of the picture.
  func cut(top: Int, left: Int, height: Int, width: Int) -> Raster {
    var cut: [Value] = []
    cut.reserveCapacity(height * width * channels)
    for y in top..<top + height {
      let start = (y * self.width + left) * channels
      cut += values[start..<start + width * channels]
    }
    return Raster(height: height, width: width, channels: channels, values: cut)
  }

  /// The luma of an RGB picture: 0.299 R + 0.587 G + 0.114 B in 16-bit fractions, rounded.
  func grey() -> Raster {
    let grey = (0..<height * width).map { pixel in
      let (red, green) = (UInt64(values[3 * pixel]), UInt64(values[3 * pixel + 1]))
      let blue = UInt64(values[3 * pixel + 2])
      let luma = (19595 * red + 38470 * green + 7471 * blue + (1 << 15)) >> 16
      return Value(truncatingIfNeeded: luma)
    }
    return Raster(height: height, width: width, channels: 1, values: grey)
  }

  /// Stretches the values of all channels together: the smallest becomes 0 and the largest that of
  /// the type.
  mutating func stretchContrast() {
    guard let low = values.min(), let high = values.max() else { return }
    let most = Double(Value.max)
    let factor = high > low ? most / Double(high - low) : 1
    let table = (Int(0)...Int(Value.max)).map { value in
      Value(min(max(Double(value) - Double(low), 0) * factor, most) + 0.5)
    }
    for index in values.indices { values[index] = table[Int(values[index])] }
  }

  /// Pixels without their alpha, the last channel of each, on a background:
  /// (alpha c + (max - alpha) b) / max, rounded.
  ///
  /// - Parameter isTransparent: becomes true if a pixel is not opaque.
  static func flattened(
    _ pixels: [Value], _ channels: Int, on background: Background, _ isTransparent: inout Bool
  ) -> [Value] {
    let most = Int(Value.max)
    let behind =
      (channels == 1 ? [background.grey] : [background.red, background.green, background.blue])
      .map { Int($0) * (most / 255) }
    var result: [Value] = []
    result.reserveCapacity(pixels.count / (channels + 1) * channels)
    for pixel in stride(from: 0, to: pixels.count, by: channels + 1) {
      let alpha = Int(pixels[pixel + channels])
      if alpha < most { isTransparent = true }
      for channel in 0..<channels {
        let sum = alpha * Int(pixels[pixel + channel]) + (most - alpha) * behind[channel]
        result.append(Value((sum + most / 2) / most))
      }
    }
    return result
  }
}

import Tensors

/// Noise through which a gradient reaches the images below it, for models whose own images suffer
/// it before they are judged (docs/systems.md, 4.4).
///
/// Each new value depends on one old value at most, so a slope a value is the whole derivative. The
/// default serves noise that replaces some values, whatever they were, and leaves the others.
protocol SlopedNoise: Noise {
  /// Corrupts one image as ``Noise/apply(to:shape:row:draws:)`` does, and notes the slopes.
  ///
  /// - Parameters:
  ///   - values: the image, `shape.count` values in [0, 1].
  ///   - slopes: becomes the derivative of each new value by the old value at its place.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws)
}

/// A value that no noise puts in place of another.
private let untouched: Float = -1

extension SlopedNoise {
  /// New values that replace others have the slope 0, values that stay have 1.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws
  ) {
    slopes.update(repeating: untouched)
    apply(to: slopes, shape: shape, row: row, draws: draws)
    for i in values.indices {
      let stays = slopes[i] == untouched
      if !stays { values[i] = slopes[i] }
      slopes[i] = stays ? 1 : 0
    }
  }
}

extension Corruption {
  /// Whether a gradient reaches the images through it, so that
  /// ``apply(to:slopes:shape:row:draws:)`` may be called.
  public var hasSlopes: Bool { noise is any SlopedNoise }

  /// The kinds through which a gradient reaches the images, in words.
  public static var withSlopes: String { list { $0 is any SlopedNoise.Type } }

  /// Corrupts one image in place and writes the derivative of each new value by the old.
  ///
  /// The new values are those of ``apply(to:shape:row:draws:)``, except that flips make 1 - x of a
  /// grey x in place of 0 or 1: a hard flip of grey has no slope. Both agree on binary images.
  /// Traps without ``hasSlopes``.
  ///
  /// - Parameters:
  ///   - values: the image, `shape.count` values in [0, 1].
  ///   - slopes: memory for as many slopes.
  public func apply(
    to values: UnsafeMutablePointer<Float>, slopes: UnsafeMutablePointer<Float>, shape: ImageShape,
    row: Int, draws: Draws
  ) {
    guard let noise = noise as? any SlopedNoise else { preconditionFailure("\(spec): no slopes") }
    noise.apply(
      to: UnsafeMutableBufferPointer(start: values, count: shape.count),
      slopes: UnsafeMutableBufferPointer(start: slopes, count: shape.count), shape: shape,
      row: row, draws: draws)
  }
}

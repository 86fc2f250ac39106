/// What a noise makes of a clean pixel y, where it treats pixels independently.
///
/// First Gaussian noise may be added. The result is kept, or flipped (up to 1/2 to 1, otherwise to
/// 0), or it becomes 0, or 1, or a draw from U[0, 1].
public struct NoiseChannel: Equatable, Sendable {
  /// The chances that a pixel is flipped, becomes 0, becomes 1, becomes uniform.
  public var flip = 0.0, zero = 0.0, one = 0.0, uniform = 0.0
  /// The standard deviation of the Gaussian noise; 0 for none.
  public var deviation = 0.0
  /// Whether that is clipped to 0...1.
  public var isClipped = false
  /// Whether a pixel of training mean m becomes a draw from Bernoulli(m) with the chance m,
  /// instead.
  public var isOfMeanImage = false
  /// Whether the pixels that are 0 in all training images are dead, instead.
  public var isOfDeadPixels = false

  /// A channel from its parts; without any, it keeps all pixels.
  public init(
    flip: Double = 0, zero: Double = 0, one: Double = 0, uniform: Double = 0, deviation: Double = 0,
    isClipped: Bool = false, isOfMeanImage: Bool = false,
    isOfDeadPixels: Bool = false
  ) {
    (self.flip, self.zero, self.one) = (flip, zero, one)
    (self.uniform, self.deviation) = (uniform, deviation)
    (self.isClipped, self.isOfMeanImage) = (isClipped, isOfMeanImage)
    self.isOfDeadPixels = isOfDeadPixels
  }

  /// A channel of draws from U[0, 1] with a chance; of images of 8 bits the draws at both ends
  /// become 0 and 1.
  static func uniform(_ p: Double) -> NoiseChannel {
    NoiseChannel(zero: p / 510, one: p / 510, uniform: p - p / 255)
  }

  /// The chance that a pixel is kept.
  public var kept: Double { max(0, 1 - flip - zero - one - uniform) }

  /// What it makes of a clean value y in the mean, offset + gain y, for y of 0 and 1.
  ///
  /// - Parameter level: a factor of the chances; nil for 1.
  public func meanLine(level: Double? = nil) -> (offset: Double, gain: Double) {
    let level = level ?? 1
    let changed = level * (flip + zero + one + uniform)
    return (offset: level * (one + uniform / 2 + flip), gain: 1 - changed - level * flip)
  }

  /// Whether the chances are a fixed multiple of the level, and nothing else is in the channel.
  func isMultiple(_ factor: Double, of other: NoiseChannel, within: Double) -> Bool {
    deviation == 0 && !isOfMeanImage && !isOfDeadPixels
      && [
        (flip, other.flip), (zero, other.zero), (one, other.one), (uniform, other.uniform),
      ].allSatisfy { abs($0 - factor * $1) <= within }
  }

  /// What `next` makes of the pixels of this channel; nil where no channel says it: Gaussian noise
  /// after other noise, flips after flips, and a mean image or dead pixels with anything else.
  func followed(by next: NoiseChannel) -> NoiseChannel? {
    if next == NoiseChannel() { return self }
    if self == NoiseChannel() { return next }
    guard next.deviation == 0, !next.isOfMeanImage, !isOfMeanImage,
      !next.isOfDeadPixels, !isOfDeadPixels, flip == 0 || next.flip == 0
    else { return nil }
    let kept = next.kept
    return NoiseChannel(
      flip: flip * kept + self.kept * next.flip,
      zero: zero * kept + one * next.flip + uniform * next.flip / 2 + next.zero,
      one: one * kept + zero * next.flip + uniform * next.flip / 2 + next.one,
      uniform: uniform * kept + next.uniform, deviation: deviation, isClipped: isClipped)
  }
}

import Tensors

/// One kind of noise of the registry (docs/systems.md, 2), at one level.
///
/// A new kind is a file with a type that conforms to this protocol, and a line in
/// `Corruption.catalogue`.
protocol Noise: Sendable {
  /// The kind's name in a SPEC, before the colon.
  static var name: String { get }
  /// The levels that a SPEC may give after the colon; nil if the kind has no levels.
  static var levels: ClosedRange<Double>? { get }
  /// The letter for the level in `summary`.
  static var levelSymbol: String { get }
  /// The effect on an image, for `cleave corrupt --help`.
  static var summary: String { get }
  /// Whether values in [0, 1] stay in [0, 1], so that a corrupted image fits into 8 bits.
  static var staysInUnitRange: Bool { get }

  /// Whether it suits features, which have no neighbours and no limits.
  static var isForFeatures: Bool { get }

  /// Whether the noise needs a mean image, with its rates, before it is applied.
  static var needsMeanImage: Bool { get }

  /// The noise at a level from `levels` (0 if the kind has no levels).
  init(level: Double)

  /// The same noise with a mean image, one value for each pixel.
  func knowing(meanImage: [Float]) -> Self

  /// What it makes of a pixel of images of a shape, where it treats pixels independently; nil where
  /// no such channel says it.
  func channel(of shape: ImageShape) -> NoiseChannel?

  /// Its level, as images show it; nil where they show other noise, or none.
  static func level(in estimate: NoiseEstimate) -> Double?

  /// Corrupts one image of the given shape in place.
  ///
  /// `draws` at `row` is the only source of chance. Noise that hits an exact share of the images
  /// also uses rows near `row`.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  )
}

extension Noise {
  /// P: a probability or a fraction.
  static var levelSymbol: String { "P" }
  /// By default, noise is for pixels.
  static var isForFeatures: Bool { false }
  /// By default, noise needs no mean image.
  static var needsMeanImage: Bool { false }
  /// By default, it cannot be estimated.
  static func level(in estimate: NoiseEstimate) -> Double? { nil }
  /// By default, the density is not known.
  func channel(of shape: ImageShape) -> NoiseChannel? { nil }
  /// The noise without change.
  func knowing(meanImage: [Float]) -> Self { self }
}

import Tensors

/// One kind of noise of the registry (systems.md, section 2), at one level.
///
/// A new kind is a file that conforms a type to this protocol, and its line in
/// `Corruption.catalogue`.
protocol Noise: Sendable {
  /// The kind's name in a SPEC, before the colon.
  static var name: String { get }
  /// The levels a SPEC may give after the colon; nil where the kind takes none.
  static var levels: ClosedRange<Double>? { get }
  /// The letter that stands for the level in `summary`.
  static var levelSymbol: String { get }
  /// What it does to an image, for `cleave corrupt --help`.
  static var summary: String { get }
  /// Whether values in [0, 1] stay there, so that a corrupted image can be kept in 8 bits.
  static var staysInUnitRange: Bool { get }

  /// Whether its rates are those of a mean image, which it must be told before it is applied.
  static var needsMeanImage: Bool { get }

  /// The noise at a level from `levels` (0 where the kind takes none).
  init(level: Double)

  /// The same noise with its mean image, one value a pixel.
  func knowing(meanImage: [Float]) -> Self

  /// Corrupts one image of that shape in place; `draws` at `row` (and at rows near it, for a noise that hits an
  /// exact share of the images) is its only source of chance.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  )
}

extension Noise {
  /// P, a probability or a fraction.
  static var levelSymbol: String { "P" }
  /// No.
  static var needsMeanImage: Bool { false }
  /// The noise as it is.
  func knowing(meanImage: [Float]) -> Self { self }
}

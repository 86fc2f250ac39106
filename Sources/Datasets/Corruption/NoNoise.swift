import Tensors

/// Noise that changes nothing.
struct NoNoise: SlopedNoise {
  static let name = "none"
  static let summary = "leaves the images as they are"
  static let levels: ClosedRange<Double>? = nil
  static let staysInUnitRange = true
  static let isForFeatures = true

  init(level: Double) {}

  func channel(of shape: ImageShape) -> NoiseChannel? { NoiseChannel() }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {}
}

import Tensors

/// C3: x + s N(0, 1), clipped to [0, 1].
struct GaussianClipped: SlopedNoise {
  static let name = "gaussian-clip"
  static let levelSymbol = "S"
  static let summary = "the same, clipped to 0...1"
  static let levels = Gaussian.levels
  static let staysInUnitRange = true
  private let unclipped: Gaussian

  init(level: Double) { unclipped = Gaussian(level: level) }

  static func level(in estimate: NoiseEstimate) -> Double? { estimate.level(of: .gaussian) }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    NoiseChannel(deviation: Double(unclipped.deviation), isClipped: true)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    unclipped.apply(to: values, shape: shape, row: row, draws: draws)
    for i in values.indices { values[i] = min(max(values[i], 0), 1) }
  }

  /// A value that is clipped has the slope 0.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws
  ) {
    unclipped.apply(to: values, shape: shape, row: row, draws: draws)
    for i in values.indices {
      slopes[i] = (0...1).contains(values[i]) ? 1 : 0
      values[i] = min(max(values[i], 0), 1)
    }
  }
}

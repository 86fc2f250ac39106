import Tensors

/// C4: x + s N(0, 1), not clipped.
struct Gaussian: SlopedNoise {
  static let name = "gaussian"
  static let levelSymbol = "S"
  static let summary = "adds S times a standard normal, not clipped (stored as float32)"
  static let levels: ClosedRange<Double>? = 0...1000
  static let staysInUnitRange = false
  static let isForFeatures = true
  let deviation: Float

  init(level: Double) { deviation = Float(level) }

  static func level(in estimate: NoiseEstimate) -> Double? {
    estimate.isClipped ? nil : estimate.level(of: .gaussian)
  }

  func channel(of shape: ImageShape) -> NoiseChannel? { NoiseChannel(deviation: Double(deviation)) }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.addNormal(row: row, sigma: deviation, to: first, count: values.count)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, slopes: UnsafeMutableBufferPointer<Float>,
    shape: ImageShape, row: Int, draws: Draws
  ) {
    apply(to: values, shape: shape, row: row, draws: draws)
    slopes.update(repeating: 1)
  }
}

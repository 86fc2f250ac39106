import Tensors

/// C13: a fraction of the pixels is 0 in every image, at the same places: those of a sensor.
///
/// The places belong to the images, and other draws have others: so no GAN can put them on its own.
struct DeadPixels: Noise {
  static let name = "dead-pixels"
  static let summary =
    "the same fraction P of the pixels of every image to 0: dead ones of a sensor"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let rate: Float

  init(level: Double) { rate = Float(level) }

  func channel(of shape: ImageShape) -> NoiseChannel? { NoiseChannel(isOfDeadPixels: true) }

  /// The draws are those of row 0, whatever the row.
  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.replaceBinary(row: 0, rate: rate, ones: 0, in: first, count: values.count)
  }
}

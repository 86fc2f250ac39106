import Tensors

/// C6: each pixel is replaced independently, with probability c, by a draw from Bernoulli(c).
///
/// For small c, nearly all replaced pixels become 0 (pepper): 1 (salt) has the rate c². The DVAE
/// authors' code does the same (D-19).
struct BernoulliReplacement: SlopedNoise {
  static let name = "bernoulli"
  static let summary = "each pixel with probability P to a draw from Bernoulli(P)"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let rate: Float

  init(level: Double) { rate = Float(level) }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    let c = Double(rate)
    return NoiseChannel(zero: c * (1 - c), one: c * c)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.replaceBinary(row: row, rate: rate, ones: rate, in: first, count: values.count)
  }
}

/// C6, `balanced`: each pixel is replaced independently with probability c (D-19).
///
/// The new value is 0 or 1 with equal probability.
struct BernoulliBalanced: SlopedNoise {
  static let name = "bernoulli-balanced"
  static let summary = "each pixel with probability P to 0 or 1, at equal odds"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let rate: Float

  init(level: Double) { rate = Float(level) }

  static func level(in estimate: NoiseEstimate) -> Double? {
    SaltPepperRandom.level(in: estimate)
  }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    NoiseChannel(zero: Double(rate) / 2, one: Double(rate) / 2)
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.replaceBinary(row: row, rate: rate, ones: 0.5, in: first, count: values.count)
  }
}

/// C9: like C6, but the rate of a pixel is its mean over the training set.
struct MeanImage: Noise {
  static let name = "mean-image"
  static let summary = "each pixel at the rate of its training mean to a draw of that mean"
  static let levels: ClosedRange<Double>? = nil
  static let staysInUnitRange = true
  static let needsMeanImage = true
  private var rates: [Float] = []

  init(level: Double) {}

  func knowing(meanImage: [Float]) -> MeanImage {
    var noise = self
    noise.rates = meanImage
    return noise
  }

  func channel(of shape: ImageShape) -> NoiseChannel? { NoiseChannel(isOfMeanImage: true) }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    precondition(rates.count == values.count, "mean-image noise without its mean image")
    guard let first = values.baseAddress else { return }
    draws.replaceBinary(row: row, rates: rates, in: first, count: values.count)
  }
}

/// C10: each pixel independently becomes 0 with probability c.
struct ZeroMask: SlopedNoise {
  static let name = "zero-mask"
  static let summary = "each pixel with probability P to 0"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  static let isForFeatures = true
  let rate: Float

  init(level: Double) { rate = Float(level) }

  static func level(in estimate: NoiseEstimate) -> Double? { estimate.level(of: .zeros) }

  func channel(of shape: ImageShape) -> NoiseChannel? { NoiseChannel(zero: Double(rate)) }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.replaceBinary(row: row, rate: rate, ones: 0, in: first, count: values.count)
  }
}

/// C11: each pixel becomes a draw from the Bernoulli distribution with the pixel as mean.
struct Binarized: Noise {
  static let name = "binarize"
  static let summary = "each pixel to a draw from the Bernoulli distribution of that mean"
  static let levels: ClosedRange<Double>? = nil
  static let staysInUnitRange = true

  init(level: Double) {}

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    guard let first = values.baseAddress else { return }
    draws.binarize(row: row, first, count: values.count)
  }
}

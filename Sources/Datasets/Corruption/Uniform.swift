import Tensors

/// C5: each pixel is replaced independently, with probability p, by a draw from U[0, 1].
struct UniformReplacement: SlopedNoise {
  static let name = "uniform"
  static let summary = "each pixel with probability P to a uniform draw"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let probability: Float

  init(level: Double) { probability = Float(level) }

  static func level(in estimate: NoiseEstimate) -> Double? { estimate.level(of: .uniform) }

  func channel(of shape: ImageShape) -> NoiseChannel? { .uniform(Double(probability)) }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: values.count) { uniform in
      guard let first = uniform.baseAddress else { return }
      draws.uniform(row: row, into: first, count: values.count)
      // The pixel is replaced if the uniform u is below p; u / p is then uniform too.
      for i in values.indices {
        values[i] = uniform[i] < probability ? uniform[i] / probability : values[i]
      }
    }
  }
}

/// C5, `exact_count`: draws from U[0, 1] replace exactly int(p d) distinct pixels of d.
struct UniformExact: SlopedNoise {
  static let name = "uniform-exact"
  static let summary = "exactly a fraction P of the pixels to uniform draws"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let fraction: Double

  init(level: Double) { fraction = level }

  static func level(in estimate: NoiseEstimate) -> Double? { estimate.level(of: .uniform) }

  func channel(of shape: ImageShape) -> NoiseChannel? {
    .uniform(Double(Int(fraction * Double(shape.count))) / Double(shape.count))
  }

  func apply(
    to values: UnsafeMutableBufferPointer<Float>, shape: ImageShape, row: Int, draws: Draws
  ) {
    let hits = Int(fraction * Double(values.count))
    forEachDistinctPosition(hits, below: values.count, row: row, draws: draws) { position, rest in
      values[position] = Float(rest >> 8) * 0x1p-24
    }
  }
}

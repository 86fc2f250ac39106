import Tensors
import Testing

@testable import Datasets

/// Noise through which gradients flow, at each of its kinds.
@Suite struct SlopedNoiseTests {
  private static let shape = ImageShape(height: 14, width: 15, channels: 3)
  private static let kinds = [
    "none", "salt-pepper:0.3", "salt-pepper:1", "salt-pepper-replace:0.9", "salt-pepper-random:0.4",
    "salt-pepper-random-pixel:0.4", "gaussian:0.5", "gaussian-clip:0.3", "uniform:0.4",
    "uniform-exact:0.4", "circle:0.7", "circle-large:1", "rectangle:0.7", "blotch:0.8",
    "bernoulli:0.4", "bernoulli-balanced:0.4", "zero-mask:0.4",
  ]
  /// Kinds that flip: they differ from `apply` on grey.
  private static let flips = ["salt-pepper:", "salt-pepper-replace:"]

  private func corrupted(
    _ spec: String, _ image: [Float], row: Int, withSlopes: Bool = true
  ) throws -> (values: [Float], slopes: [Float]) {
    let corruption = try Corruption(parsing: spec)
    var (values, slopes) = (image, [Float](repeating: .nan, count: image.count))
    let draws = Draws(seed: 7, purpose: .knownNoise, time: 3, repetition: 1)
    values.withUnsafeMutableBufferPointer { values in
      slopes.withUnsafeMutableBufferPointer { slopes in
        guard let value = values.baseAddress, let slope = slopes.baseAddress else { return }
        if withSlopes {
          corruption.apply(to: value, slopes: slope, shape: Self.shape, row: row, draws: draws)
        } else {
          corruption.apply(to: value, shape: Self.shape, row: row, draws: draws)
        }
      }
    }
    return (values, slopes)
  }

  private func grey(_ row: Int) -> [Float] {
    (0..<Self.shape.count).map { 0.125 + 0.75 * Float(($0 * 37 + row * 11) % 101) / 101 }
  }

  /// A new kind has to say whether it has slopes, and then stands in this suite.
  @Test func everyKindWithSlopesIsTried() throws {
    let tried = Set(Self.kinds.map { String($0.prefix { $0 != ":" }) })
    let known = Corruption.withSlopes.split(separator: ", ").map { String($0.prefix { $0 != ":" }) }
    #expect(Set(known) == tried && known.count == tried.count)
    #expect(Set(Corruption.names).subtracting(known) == ["binarize", "dead-pixels", "mean-image"])
    for spec in Self.kinds { #expect(try Corruption(parsing: spec).hasSlopes, "\(spec)") }
    #expect(!Corruption.binarize.hasSlopes && !Corruption.meanImage.hasSlopes)
  }

  /// The new values are those that data get: of binary images always, of grey ones but for flips.
  @Test(arguments: kinds) func valuesAreThoseOfData(_ spec: String) throws {
    for row in 0..<25 {
      let binary = grey(row).map { Float($0 > 0.4 ? 1 : 0) }
      let isFlip = Self.flips.contains { spec.hasPrefix($0) }
      for image in isFlip ? [binary] : [binary, grey(row)] {
        let data = try corrupted(spec, image, row: row, withSlopes: false).values
        #expect(try corrupted(spec, image, row: row).values == data, "\(spec), row \(row)")
      }
    }
  }

  /// Each new value depends on the old value at its place alone, by the slope that is noted.
  ///
  /// A step of 1/64 changes no draw, so differences of values are exact but for the rounding of a
  /// sum with a normal draw (a unit of 2^-22 over 2^-5). At most the values that the step takes
  /// over a limit of the clipped noise may differ: they lie within 1/64 of 0 or 1.
  @Test(arguments: kinds) func slopesAreDifferences(_ spec: String) throws {
    let step: Float = 1 / 64
    var (compared, moving) = (0, 0)
    var worst: Float = 0
    for row in 0..<25 {
      let image = grey(row)
      let middle = try corrupted(spec, image, row: row)
      let above = try corrupted(spec, image.map { $0 + step }, row: row).values
      let below = try corrupted(spec, image.map { $0 - step }, row: row).values
      for i in image.indices {
        let value = middle.values[i]
        if spec.hasPrefix("gaussian-clip"), min(abs(value), abs(1 - value)) <= step,
          above[i] != below[i]
        {
          continue
        }
        let difference = (above[i] - below[i]) / (2 * step)
        worst = max(worst, abs(middle.slopes[i] - difference))
        compared += 1
        if difference != 0 { moving += 1 }
      }
    }
    #expect(worst < 1e-4)
    #expect(compared > 24 * Self.shape.count)
    #expect(moving > compared / 10, "\(moving) of \(compared)")
  }

  /// Shares of slopes: flips, replaced values and clipped values.
  @Test func sharesOfSlopes() throws {
    let image = grey(1)
    func count(_ spec: String, _ slope: Float) throws -> Int {
      try corrupted(spec, image, row: 1).slopes.count { $0 == slope }
    }
    let d = Self.shape.count
    #expect(try count("salt-pepper:0.3", -1) == Int(0.3 * Double(d)))
    #expect(try count("salt-pepper:0.3", 1) == d - Int(0.3 * Double(d)))
    #expect(try count("uniform-exact:0.4", 0) == Int(0.4 * Double(d)))
    #expect(try count("gaussian:0.5", 1) == d)
    let clipped = try corrupted("gaussian-clip:2", image, row: 1)
    for (value, slope) in zip(clipped.values, clipped.slopes) {
      #expect((slope == 0) == (value == 0 || value == 1))
    }
    // Within 5 deviations of a binomial share of 630 values.
    #expect(abs(try count("zero-mask:0.4", 0) - 252) < 62)
  }
}

import Support

/// Weights by rule, for tests and measurements of speed; `launch/inception-weights --random` writes
/// the same.
///
/// The numbers k of an array are 24-bit integers of a `SplitMix64`, whose seed is the FNV-1a hash
/// of `SEED:NAME`. With u = k / 2^23 in -1 ..< 1:
///
/// - Filters are u minus its mean over the filter, times 3 / sqrt(C kernel height kernel width).
///   ReLU makes a common part of all channels, which would drown the differences of images; filters
///   without mean take it out again. The factor keeps the variance from layer to layer.
/// - Normalisations have the variance 1 + u / 2, the weight 1 + u / 4, bias and mean u / 4.
final class RandomWeights: WeightSource {
  let seed: Int
  private(set) var digest = WeightDigest()

  init(seed: Int) { self.seed = seed }

  func values(_ name: String, _ shape: [Int]) throws -> [Float] {
    let count = shape.reduce(1, *)
    var numbers = SplitMix64(seed: Int(bitPattern: UInt(Self.hash("\(seed):\(name)"))))
    let integers = (0..<count).map { _ in Int(numbers.next() >> 40) - 1 << 23 }
    let values: [Float]
    if shape.count == 4 {
      values = Self.centred(integers, filter: count / shape[0])
    } else {
      let (base, factor): (Float, Float) =
        name.hasSuffix("running_var") ? (1, 0.5) : name.hasSuffix("weight") ? (1, 0.25) : (0, 0.25)
      values = integers.map { base + factor * (Float($0) / Float(1 << 23)) }
    }
    digest.add(name, values)
    return values
  }

  /// Filters of `count` weights each; every step is exact but the last two, so that any language
  /// gives the same floats.
  private static func centred(_ integers: [Int], filter count: Int) -> [Float] {
    let factor = 3 / Double(count).squareRoot()
    var values: [Float] = []
    values.reserveCapacity(integers.count)
    for first in stride(from: 0, to: integers.count, by: count) {
      let filter = integers[first..<first + count]
      let sum = filter.reduce(0, +)
      for k in filter {
        values.append(Float(Double(k * count - sum) / Double(count << 23) * factor))
      }
    }
    return values
  }

  func error(_ name: String, _ problem: String) -> WeightsError {
    WeightsError(file: "random weights", item: name, problem: problem)
  }

  private static func hash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

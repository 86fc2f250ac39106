import CKernels

/// The random draws of one purpose at one time; a time is a step or an epoch.
///
/// A draw is a pure function of (seed, purpose, repetition, time, row, element). Word `e` of a row
/// is word `e % 4` of Philox block `e / 4`. Element `e` of a uniform or normal draw depends only on
/// word `e`. Nothing depends on the number of elements drawn together, on the rank, or on earlier
/// draws.
public struct Draws: Sendable {
  private let seed: UInt64
  private let time: UInt32
  private let purpose: UInt32

  /// The draws of one purpose at one time.
  ///
  /// - Parameters:
  ///   - time: the step, the epoch or, for initial weights, the parameter's index (32 bits count).
  ///   - repetition: a number, 0..<2^24, for repeated draws of one purpose at one time.
  public init(seed: UInt64, purpose: Purpose, time: Int, repetition: Int = 0) {
    precondition(repetition >= 0 && repetition < 1 << 24, "repetition \(repetition)")
    self.seed = seed
    self.time = UInt32(truncatingIfNeeded: time)
    self.purpose = purpose.rawValue | UInt32(repetition) << 8
  }

  /// The number of these draws among the draws of their purpose at their time.
  public var repetition: Int { Int(purpose >> 8) }

  /// A row's stream as the kernels read it.
  private func stream(_ row: Int) -> ck_stream {
    ck_stream(seed: seed, row: UInt32(truncatingIfNeeded: row), time: time, purpose: purpose)
  }

  /// The first `count` random words of a row.
  public func words(row: Int, into words: UnsafeMutablePointer<UInt32>, count: Int) {
    ck_words(stream(row), words, count)
  }

  /// Uniform draws on [0, 1), multiples of 2^-24.
  public func uniform(row: Int, into values: UnsafeMutablePointer<Float>, count: Int) {
    ck_uniform(stream(row), values, count)
  }

  /// Standard normal draws within ±5.5, by the inverse of the normal distribution function.
  public func normal(row: Int, into values: UnsafeMutablePointer<Float>, count: Int) {
    ck_normal(stream(row), values, count)
  }

  /// Adds `sigma` times the standard normal draws of ``normal(row:into:count:)`` to `values`.
  public func addNormal(
    row: Int, sigma: Float, to values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_add_normal(values, values, count, sigma, stream(row))
  }

  /// Replaces each value of a row with probability `rate`: by 1 with probability `ones`, else by 0.
  public func replaceBinary(
    row: Int, rate: Float, ones: Float, in values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_replace_binary(values, nil, rate, ones, count, stream(row))
  }

  /// Replaces value e of a row with probability `rates[e]`: by 1 with probability `rates[e]`, else
  /// by 0.
  public func replaceBinary(
    row: Int, rates: UnsafePointer<Float>, in values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_replace_binary(values, rates, 0, 0, count, stream(row))
  }

  /// Replaces each value of a row by a draw from the Bernoulli distribution with that mean.
  public func binarize(row: Int, _ values: UnsafeMutablePointer<Float>, count: Int) {
    ck_binarize(values, count, stream(row))
  }

  /// One random word.
  public func word(row: Int, element: Int) -> UInt32 {
    let block = Philox.block(
      seed: seed, block: UInt32(truncatingIfNeeded: element / 4),
      row: UInt32(truncatingIfNeeded: row), time: time, purpose: purpose)
    return block[element % 4]
  }

  /// An integer in 0..<bound from one word, by the high half of a product.
  ///
  /// The relative difference of two values' probabilities is at most bound / 2^32.
  public func integer(below bound: Int, row: Int, element: Int) -> Int {
    Self.integer(below: bound, from: word(row: row, element: element))
  }

  /// The integer in 0..<bound that ``integer(below:row:element:)`` makes from a random word.
  public static func integer(below bound: Int, from word: UInt32) -> Int {
    precondition(bound > 0 && bound <= 1 << 32, "an integer below \(bound)")
    return Int((UInt64(bound) * UInt64(word)) >> 32)
  }
}

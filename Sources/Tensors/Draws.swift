import CKernels

/// The random draws of one purpose at one time, which is a step or an epoch.
///
/// A draw is a pure function of (seed, purpose, pass, time, row, element). Word `e` of a row is
/// word `e % 4` of Philox block `e / 4`; element `e` of a uniform or normal draw depends on that
/// word alone. Nothing depends on how many elements are drawn at once, on the rank, or on earlier
/// draws.
public struct Draws: Sendable {
  private let seed: UInt64
  private let time: UInt32
  private let purpose: UInt32

  /// The draws of one purpose at one time.
  ///
  /// - Parameters:
  ///   - time: the step, epoch or, for initial weights, the parameter's index (32 bits count).
  ///   - pass: tells apart repeated draws for one purpose at one time; 0..<2^24.
  public init(seed: UInt64, purpose: Purpose, time: Int, pass: Int = 0) {
    precondition(pass >= 0 && pass < 1 << 24, "pass \(pass)")
    self.seed = seed
    self.time = UInt32(truncatingIfNeeded: time)
    self.purpose = purpose.rawValue | UInt32(pass) << 8
  }

  /// What tells these draws apart from others for their purpose at their time.
  public var pass: Int { Int(purpose >> 8) }

  /// The kernels' name for a row's stream.
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

  /// Standard normal draws, by the inverse of the normal distribution function, within ±5.5.
  public func normal(row: Int, into values: UnsafeMutablePointer<Float>, count: Int) {
    ck_normal(stream(row), values, count)
  }

  /// Adds `sigma` times the standard normal draws of ``normal(row:into:count:)`` to `values`.
  public func addNormal(
    row: Int, sigma: Float, to values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_add_normal(values, values, count, sigma, stream(row))
  }

  /// Replaces some of a row's values: with probability `rate` each, by 1 with probability `ones`, else by 0.
  public func replaceBinary(
    row: Int, rate: Float, ones: Float, in values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_replace_binary(values, nil, rate, ones, count, stream(row))
  }

  /// Replaces some of a row's values: value e with probability `rates[e]`, by 1 with that probability, else by 0.
  public func replaceBinary(
    row: Int, rates: UnsafePointer<Float>, in values: UnsafeMutablePointer<Float>, count: Int
  ) {
    ck_replace_binary(values, rates, 0, 0, count, stream(row))
  }

  /// Makes a row's values draws of Bernoulli distributions whose means they were.
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

  /// An integer in 0..<bound from one word, by multiply-high.
  ///
  /// No value is more likely than another by more than bound / 2^32 of its probability.
  public func integer(below bound: Int, row: Int, element: Int) -> Int {
    Self.integer(below: bound, from: word(row: row, element: element))
  }

  /// The integer in 0..<bound that a random word stands for in ``integer(below:row:element:)``.
  public static func integer(below bound: Int, from word: UInt32) -> Int {
    precondition(bound > 0 && bound <= 1 << 32, "an integer below \(bound)")
    return Int((UInt64(bound) * UInt64(word)) >> 32)
  }
}

/// A small generator of repeatable numbers for checks and benchmarks; training draws from Philox.
public struct SplitMix64 {
  private var state: UInt64

  /// A generator with a seed.
  public init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }

  /// A whole number in 0 ..< bound.
  public mutating func next(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

  /// A float in -1 ..< 1 with all its bits in use.
  public mutating func nextFloat() -> Float { Float(next() >> 40) / Float(1 << 23) - 1 }
}

/// The purpose of a random draw.
///
/// The purpose is part of the counter of every draw, so streams of different purposes never meet.
public enum Purpose: UInt32, CaseIterable, Sendable {
  case initialization = 1
  case staticCorruption, order, trainingNoise, latent, projection, prior, generation, evaluation
  case synthesis, chain, shuffle, recycling, dropout, binarization, hidden, knownNoise
}

/// The counter-based generator Philox4x32-10: a keyed bijection of 128-bit counters.
///
/// Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. This scalar
/// definition tests the vector kernel of ``Draws``.
public struct Philox: Sendable {
  private static let multipliers: (UInt32, UInt32) = (0xD251_1F53, 0xCD9E_8D57)
  private static let weyl: (UInt32, UInt32) = (0x9E37_79B9, 0xBB67_AE85)

  /// Four random words from a counter and a key.
  public static func block(key: SIMD2<UInt32>, counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var (k0, k1) = (key.x, key.y)
    var c = counter
    for _ in 0..<10 {
      let (high0, low0) = multipliers.0.multipliedFullWidth(by: c.x)
      let (high1, low1) = multipliers.1.multipliedFullWidth(by: c.z)
      c = SIMD4(high1 ^ c.y ^ k0, low1, high0 ^ c.w ^ k1, low0)
      k0 &+= weyl.0
      k1 &+= weyl.1
    }
    return c
  }

  /// Four random words of a stream.
  ///
  /// The key is the seed, low half first; the counter is (block, row, time, purpose).
  public static func block(
    seed: UInt64, block: UInt32, row: UInt32, time: UInt32, purpose: UInt32
  ) -> SIMD4<UInt32> {
    self.block(
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)),
      counter: SIMD4(block, row, time, purpose))
  }
}

import Support

/// Random subsets of rows, without repetition.
///
/// A subset is a function of (seed, index, count, rows), so any rank can draw any of them.
enum RandomSubset {
  /// `count` different numbers of 0 ..< rows in random order; traps if there are fewer.
  static func draw(_ count: Int, of rows: Int, seed: Int, index: Int) -> [Int] {
    precondition(count <= rows, "\(count) of \(rows) rows")
    var generator = Self.generator(seed: seed, index: index)
    var order = Array(0..<rows)
    for place in 0..<count {
      order.swapAt(place, place + generator.next(below: rows - place))
    }
    return Array(order.prefix(count))
  }

  /// Neighbouring seeds of `SplitMix64` give shifted sequences, so seeds are hashed twice.
  private static func generator(seed: Int, index: Int) -> SplitMix64 {
    var first = SplitMix64(seed: seed)
    var second = SplitMix64(seed: Int(truncatingIfNeeded: first.next()) &+ index)
    return SplitMix64(seed: Int(truncatingIfNeeded: second.next()))
  }
}

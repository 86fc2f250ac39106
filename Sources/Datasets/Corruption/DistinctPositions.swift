import Tensors

/// Calls `body` with `count` distinct positions below `bound`; all such sets are equally likely.
///
/// This is Floyd's algorithm. Position k uses word k of the draw. The memory is one mark for each
/// position. Each position comes with a uniform 32-bit word: the rest of the draw that chose the
/// position.
func forEachDistinctPosition(
  _ count: Int, below bound: Int, row: Int, draws: Draws, _ body: (Int, UInt32) -> Void
) {
  precondition(count <= bound, "\(count) distinct positions below \(bound)")
  withUnsafeTemporaryAllocation(of: UInt32.self, capacity: count) { words in
    withUnsafeTemporaryAllocation(of: Bool.self, capacity: bound) { taken in
      guard let first = words.baseAddress, count > 0 else { return }
      draws.words(row: row, into: first, count: count)
      taken.initialize(repeating: false)
      for k in 0..<count {
        let last = bound - count + k
        var (position, rest) = words[k].scaledWithRest(below: last + 1)
        if taken[position] { position = last }
        taken[position] = true
        body(position, rest)
      }
    }
  }
}

extension UInt32 {
  /// A draw below `bound` from a uniform word, and a uniform rest.
  ///
  /// The draw is the high half of the product, the rest is the low half. The low half is uniform
  /// for any high half.
  fileprivate func scaledWithRest(below bound: Int) -> (Int, UInt32) {
    let product = UInt64(self) &* UInt64(bound)
    return (Int(product >> 32), UInt32(truncatingIfNeeded: product))
  }
}

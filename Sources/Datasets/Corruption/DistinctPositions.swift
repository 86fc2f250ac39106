import Tensors

/// Calls `body` with `count` distinct positions below `bound`, every such set being equally likely.
///
/// Floyd's algorithm: position k comes from word k of the draw, and one mark a position is all the
/// memory it takes. With each position comes a uniform 32-bit word of its own: what choosing the
/// position left over of its draw.
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
  /// A draw below `bound` from a uniform word, the high half of their product, and the low half,
  /// which is uniform whatever the high half is.
  fileprivate func scaledWithRest(below bound: Int) -> (Int, UInt32) {
    let product = UInt64(self) &* UInt64(bound)
    return (Int(product >> 32), UInt32(truncatingIfNeeded: product))
  }
}

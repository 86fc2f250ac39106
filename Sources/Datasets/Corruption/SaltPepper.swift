import Tensors

/// C1, `replace=False`: exactly int(p d) distinct pixels of d are flipped.
struct SaltPepper: Noise {
  static let name = "salt-pepper"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let fraction: Double

  init(level: Double) { fraction = level }

  func apply(to values: UnsafeMutableBufferPointer<Float>, row: Int, draws: Draws) {
    let hits = Int(fraction * Double(values.count))
    forEachDistinctPosition(hits, below: values.count, row: row, draws: draws) { position, _ in
      values[position] = flipped(values[position])
    }
  }
}

/// C1, `replace=True`: int(p d) positions drawn with replacement, flipped one after the other.
///
/// An even number of hits restores a binary value; a grey pixel is binarised by its first hit.
struct SaltPepperReplacing: Noise {
  static let name = "salt-pepper-replace"
  static let levels: ClosedRange<Double>? = 0...1
  static let staysInUnitRange = true
  let fraction: Double

  init(level: Double) { fraction = level }

  func apply(to values: UnsafeMutableBufferPointer<Float>, row: Int, draws: Draws) {
    let hits = Int(fraction * Double(values.count))
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: hits) { words in
      guard let first = words.baseAddress, hits > 0 else { return }
      draws.words(row: row, into: first, count: hits)
      for word in words {
        let position = Draws.integer(below: values.count, from: word)
        values[position] = flipped(values[position])
      }
    }
  }
}

/// Salt where it was dark, pepper where it was bright.
private func flipped(_ value: Float) -> Float { value > 0.5 ? 0 : 1 }

import Tensors

/// Memory that lives for one step: handed out in order, taken back all at once.
///
/// The first step finds out how much a step needs, in several chunks; `reset` joins them into one, and from then on
/// nothing is allocated.
final class Arena {
  private var chunks: [Storage] = []
  private var used = 0
  private var total = 0

  /// `count` floats, 64-byte aligned, with undefined content.
  func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let padded = (count + 15) & ~15
    if chunks.isEmpty || used + padded > chunks[chunks.count - 1].count {
      chunks.append(Storage(count: max(padded, 1 << 18)))
      used = 0
    }
    defer {
      used += padded
      total += padded
    }
    return chunks[chunks.count - 1].pointer + used
  }

  /// Takes all memory back.
  func reset() {
    if chunks.count > 1 {
      // The old ones first, so that there is never twice the memory.
      chunks.removeAll()
      chunks.append(Storage(count: total))
    }
    used = 0
    total = 0
  }

  /// Bytes it holds.
  var bytes: Int { chunks.reduce(0) { $0 + $1.count * MemoryLayout<Float>.size } }
}

extension Tape {
  /// Bytes of memory that the tape's values and gradients take.
  public var memoryBytes: Int { arena.bytes }
}

import Tensors

/// Memory of one step: handed out in order, taken back all at once.
///
/// The first step takes several chunks. `reset` joins these chunks into one; later steps allocate
/// nothing.
final class Arena {
  private var chunks: [Storage] = []
  private var used = 0
  private var total = 0

  /// Memory for `count` floats, 64-byte aligned, with undefined content.
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
      // The old chunks are freed first, so the arena never holds both.
      chunks.removeAll()
      chunks.append(Storage(count: total))
    }
    used = 0
    total = 0
  }

  /// Bytes that the arena holds.
  var bytes: Int { chunks.reduce(0) { $0 + $1.count * MemoryLayout<Float>.size } }
}

extension Tape {
  /// Bytes of memory that the tape's values and gradients take.
  public var memoryBytes: Int { arena.bytes }
}

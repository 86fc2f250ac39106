import Datasets
import Layers
import MPI
import Models
import Tensors

/// The rows of a data set in blocks, shared by the ranks.
///
/// Rank r of P takes blocks r, r + P and so on.
///
/// A block has the same rows for any number of ranks, so its results do not depend on that number.
public struct RowBlocks {
  /// Rows of a block.
  public let blockRows: Int
  let rows: Int
  let world: Communicator

  /// The blocks of `rows` images of a shape for the ranks of `world`.
  public init(rows: Int, of shape: ImageShape, on world: Communicator) {
    self.rows = rows
    blockRows = shape.blockRows
    self.world = world
  }

  /// Number of rounds in which every rank has one block or none.
  private var rounds: Int {
    let blocks = (rows + blockRows - 1) / blockRows
    return (blocks + world.size - 1) / world.size
  }

  private func block(_ round: Int, of rank: Int) -> Range<Int> {
    let first = min(rows, (round * world.size + rank) * blockRows)
    return first..<min(rows, first + blockRows)
  }

  /// Sums the results of `body` for each block, over all ranks.
  ///
  /// **Collective.**
  public func sum(_ count: Int, _ body: (Range<Int>) throws -> [Double]) throws -> [Double] {
    var sums = Array(repeating: 0.0, count: count)
    try world.agree {
      for round in 0..<rounds {
        let rows = block(round, of: world.rank)
        if rows.isEmpty { continue }
        for (i, value) in try body(rows).enumerated() { sums[i] += value }
      }
    }
    try world.allReduce(&sums, .sum)
    return sums
  }

  /// Sends `width` floats a row, which `compute` gives block by block, to `write` on rank 0 in row
  /// order.
  ///
  /// **Collective.**
  public func collect(
    width: Int, compute: (Range<Int>) throws -> [Float],
    write: (Range<Int>, [Float]) throws -> Void
  ) throws {
    for round in 0..<rounds {
      let own = block(round, of: world.rank)
      let values = try world.agree { own.isEmpty ? [] : try compute(own) }
      let all = try world.gather(values)
      try world.agree {
        guard world.isRoot, !all.isEmpty else { return }
        let first = block(round, of: 0).lowerBound
        try write(first..<first + all.count / width, all)
      }
    }
  }

  /// Sends the bytes that `encode` makes of each row to `write` on rank 0, in row order.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - rowBytes: the most bytes of a row, the same on all ranks: it limits one message.
  ///   - compute: computes a block, before its rows are encoded.
  public func collect(
    rowBytes: Int, compute: (Range<Int>) throws -> Void, encode: (Int) throws -> [UInt8],
    write: (Int, ArraySlice<UInt8>) throws -> Void
  ) throws {
    let atOnce = max(1, min(blockRows, (1 << 28) / max(rowBytes, 1) / world.size))
    for round in 0..<rounds {
      let blocks = (0..<world.size).map { block(round, of: $0) }
      let own = blocks[world.rank]
      try world.agree { if !own.isEmpty { try compute(own) } }
      for first in stride(from: 0, to: blockRows, by: atOnce) {
        let parts = blocks.map { block in
          let start = min(block.lowerBound + first, block.upperBound)
          return start..<min(start + atOnce, block.upperBound)
        }
        // Each row goes with its length before it.
        let message = try world.agree {
          try parts[world.rank].reduce(into: [UInt8]()) { message, row in
            let bytes = try encode(row)
            withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { message += $0 }
            message += bytes
          }
        }
        let messages = try world.gather(message)
        try world.agree {
          for (message, rows) in zip(messages, parts) {
            var rest = message[...]
            for row in rows {
              let length = rest.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
              rest = rest.dropFirst(8)
              try write(row, rest.prefix(length))
              rest = rest.dropFirst(length)
            }
          }
        }
      }
    }
  }
}

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
    for round in 0..<rounds {
      let rows = block(round, of: world.rank)
      if rows.isEmpty { continue }
      for (i, value) in try body(rows).enumerated() { sums[i] += value }
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
      let values = own.isEmpty ? [] : try compute(own)
      let all = try world.gather(values)
      try world.agree {
        guard world.isRoot, !all.isEmpty else { return }
        let first = block(round, of: 0).lowerBound
        try write(first..<first + all.count / width, all)
      }
    }
  }
}

import MPI

/// The fixed binary tree that adds the gradients of V lanes: a node is its left child plus its
/// right child.
///
/// V is a power of two. The node of size s that starts at lane a exists if s divides a. The sum is
/// the same, bit for bit, for any number of ranks. Each rank adds only whole nodes, and the owner
/// of a slice continues along the same tree.
public struct LaneTree: Equatable, Sendable {
  /// The number of lanes.
  public let laneCount: Int

  /// The tree over `laneCount` lanes, a power of two.
  public init(laneCount: Int) {
    precondition(
      laneCount > 0 && laneCount & (laneCount - 1) == 0, "\(laneCount) lanes: not a power of two")
    self.laneCount = laneCount
  }

  /// The lanes of rank `rank` of `size`.
  public func lanes(of rank: Int, of size: Int) -> Range<Int> {
    rank * laneCount / size..<(rank + 1) * laneCount / size
  }

  /// The largest nodes within `lanes`, in lane order: at most 2 log2(V).
  ///
  /// The result is one node if `lanes` is a node.
  public func nodes(in lanes: Range<Int>) -> [Range<Int>] {
    var nodes: [Range<Int>] = []
    for lane in lanes { Self.push(lane..<lane + 1, on: &nodes) { _ in } }
    return nodes
  }

  /// Adds a node to a row of nodes, then merges it with its left siblings.
  ///
  /// `merge` gets the place of each left sibling that takes in its right sibling.
  private static func push(
    _ node: Range<Int>, on nodes: inout [Range<Int>], merge: (_ left: Int) -> Void
  ) {
    nodes.append(node)
    while nodes.count >= 2 {
      let (left, right) = (nodes[nodes.count - 2], nodes[nodes.count - 1])
      guard left.count == right.count, left.lowerBound % (2 * left.count) == 0 else { return }
      nodes.removeLast(2)
      nodes.append(left.lowerBound..<right.upperBound)
      merge(nodes.count - 1)
    }
  }

  /// The order of pushes and additions for ``SliceSum``; it sums nodes that cover all lanes.
  func program(over nodes: [Range<Int>]) -> [SliceSum.Step] {
    var steps: [SliceSum.Step] = []
    var row: [Range<Int>] = []
    for (index, node) in nodes.enumerated() {
      steps.append(.push(index))
      Self.push(node, on: &row) { _ in steps.append(.add) }
    }
    precondition(row == [0..<laneCount], "nodes \(nodes) do not cover \(laneCount) lanes")
    return steps
  }

  /// Adds one value for each lane, in lane order, along the tree.
  public func sum(_ values: [Double]) -> Double {
    precondition(values.count == laneCount, "\(values.count) values for \(laneCount) lanes")
    var row = values
    while row.count > 1 {
      row = stride(from: 0, to: row.count, by: 2).map { row[$0] + row[$0 + 1] }
    }
    return row[0]
  }

  /// Adds rows of numbers, one row for each lane, along the tree over the lanes of all ranks.
  ///
  /// **Collective.** Every rank gets the same sums for any number of ranks.
  ///
  /// - Parameter rows: One row of equal length for each lane of this rank, in lane order.
  public func sum(_ rows: [[Double]], on communicator: Communicator) throws -> [Double] {
    let local = lanes(of: communicator.rank, of: communicator.size)
    precondition(rows.count == local.count, "\(rows.count) rows for \(local.count) lanes")
    let all = try communicator.allGather(Array(rows.joined()))
    let width = all.count / laneCount
    return (0..<width).map { column in
      sum((0..<laneCount).map { all[$0 * width + column] })
    }
  }

  /// How a rank adds the gradients of its lanes in as few buffers as possible.
  ///
  /// Each lane is one microbatch.
  struct Schedule: Equatable, Sendable {
    /// For each microbatch, the buffer of its gradient.
    var buffers: [Int] = []
    /// For each microbatch, the buffers to add after it: a + (b + c), where c is its own buffer.
    ///
    /// The sum goes to the first buffer. If there is nothing to add, the list has only the
    /// microbatch's own buffer.
    var sums: [[Int]] = []
    /// After the last microbatch, the buffers of the rank's nodes, in lane order.
    var roots: [Int] = []
    /// The number of buffers.
    var bufferCount = 0
  }

  /// The schedule for a rank with one microbatch for each lane.
  func schedule(for lanes: Range<Int>) -> Schedule {
    var schedule = Schedule()
    var row: [Range<Int>] = []
    var held: [Int] = []  // the buffer of each node of the row
    for lane in lanes {
      let free = (0...held.count).first { !held.contains($0) } ?? held.count
      schedule.buffers.append(free)
      schedule.bufferCount = Swift.max(schedule.bufferCount, free + 1)
      held.append(free)
      let before = held
      Self.push(lane..<lane + 1, on: &row) { _ in held.removeLast() }
      schedule.sums.append(Array(before[(held.count - 1)...]))
    }
    schedule.roots = held
    return schedule
  }
}

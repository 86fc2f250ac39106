import Tensors

/// Rows in the form of libsvm and liblinear: a node for each number that is not 0.
///
/// A node holds a feature's number, from 1 on, and its value; number -1 ends a row.
final class SparseRows<Node> {
  /// The first node of each row; nil never occurs, the C functions have it so.
  let starts: [UnsafeMutablePointer<Node>?]
  private let nodes: UnsafeMutablePointer<Node>

  /// Rows of a matrix [N, D] in a given order.
  ///
  /// - Parameters:
  ///   - bias: the value of a last feature of number D + 1 that all rows get; nil for none.
  ///   - node: makes a node of a feature's number and its value.
  init(_ features: Tensor, order: [Int], bias: Double? = nil, node: (Int, Double) -> Node) {
    let d = features.shape.columns
    var count = 0
    for row in order {
      for j in row * d..<(row + 1) * d where features.pointer[j] != 0 { count += 1 }
      count += bias == nil ? 1 : 2
    }
    let nodes = UnsafeMutablePointer<Node>.allocate(capacity: max(1, count))
    var next = nodes
    starts = order.map { row in
      let start = next
      for j in 0..<d {
        let value = features.pointer[row * d + j]
        guard value != 0 else { continue }
        next.initialize(to: node(j + 1, Double(value)))
        next += 1
      }
      if let bias {
        next.initialize(to: node(d + 1, bias))
        next += 1
      }
      next.initialize(to: node(-1, 0))
      next += 1
      return start
    }
    self.nodes = nodes
  }

  deinit { nodes.deallocate() }
}

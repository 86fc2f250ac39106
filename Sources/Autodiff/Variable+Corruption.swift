import Tensors

extension Variable {
  /// Examples whose noise is worth a second thread.
  private static let sharedExamples = 16

  /// A copy of each row with noise, [B, D]; the gradient flows by the slopes of the noise.
  ///
  /// - Parameter corrupt: changes one row in place and writes the derivative of each new value by
  ///   the old: (values, slopes, number of the row). D values and D slopes. Several rows may be
  ///   changed at the same time, each by a thread.
  public func corrupted(
    by corrupt: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  ) -> Variable {
    var node = node(shape) { tape, index in
      let node = tape.nodes[index]
      guard let slopes = node.saved.0 else { return }
      tape.addProduct(to: node.inputs.0, from: index, times: slopes)
    }
    let slopes = tape.allocate(shape.count)
    node.saved.0 = slopes
    let (value, source, columns) = (node.value, pointer, shape.columns)
    Workers.share(shape.rows, grain: Self.sharedExamples) { part in
      for row in part {
        let values = value + row * columns
        values.update(from: source + row * columns, count: columns)
        corrupt(values, slopes + row * columns, row)
      }
    }
    return tape.record(node)
  }
}

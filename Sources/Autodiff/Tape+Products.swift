import Tensors

/// Weight gradients of fully connected layers.
///
/// A layer that is used several times in a step, as in recycled passes, gets one product x' dy over the rows of all its
/// uses: each single one would go through the whole gradient again, for few rows.
extension Tape {
  /// Puts off a use's part of its weight's gradient until the backward pass comes to the weight, which it does last.
  func putOffProduct(of use: Int, weight: Int) {
    nodes[use].nextUse = nodes[weight].uses
    nodes[weight].uses = use
  }

  /// Makes the gradient of a weight [I, O] from all uses that were put off.
  func makeProducts(of weight: Int) {
    let first = nodes[weight].uses
    guard first >= 0 else { return }
    nodes[weight].uses = -1
    let (inputs, outputs) = (nodes[weight].shape.rows, nodes[weight].shape.columns)
    let (target, adds) = gradient(of: weight)
    var rows = 0
    forEachUse(from: first) { rows += nodes[$0].shape.rows }
    var x = nodes[nodes[first].inputs.0].value
    var dy = incoming(first)
    if nodes[first].nextUse >= 0 {
      x = workspace(rows * (inputs + outputs))
      dy = x + rows * inputs
      var row = 0
      forEachUse(from: first) { use in
        let count = nodes[use].shape.rows
        (x + row * inputs).update(from: nodes[nodes[use].inputs.0].value, count: count * inputs)
        (dy + row * outputs).update(from: incoming(use), count: count * outputs)
        row += count
      }
    }
    BLAS.gemm(
      inputs, outputs, rows, x, inputs, true, dy, outputs, false, target, outputs, alpha: 1,
      beta: adds ? 1 : 0)
  }

  private func forEachUse(from first: Int, _ body: (Int) -> Void) {
    var use = first
    while use >= 0 {
      body(use)
      use = nodes[use].nextUse
    }
  }
}

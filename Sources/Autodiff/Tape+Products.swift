import Tensors

/// Weight gradients of fully connected layers.
///
/// Recycling passes use a layer several times in a step. One product x' dy over the rows of all
/// uses then makes the weight gradient. A product for each use would read and write the whole
/// gradient again for few rows.
extension Tape {
  /// Puts off the product of a use until the backward pass reaches the weight.
  ///
  /// The backward pass reaches weights last.
  func putOffProduct(of use: Int, weight: Int) {
    nodes[use].nextUse = nodes[weight].uses
    nodes[weight].uses = use
  }

  /// Makes the gradient of a weight [I, O] from all uses whose products were put off.
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

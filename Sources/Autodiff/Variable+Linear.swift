import CKernels
import Tensors

extension Variable {
  /// A fully connected layer: `activation(x W + b)`, [B, I] to [B, O], where x is this variable.
  ///
  /// - Parameters:
  ///   - weight: W, [I, O].
  ///   - bias: b, [O]; nil for none.
  public func linear(
    _ weight: Variable, _ bias: Variable?, _ activation: Activation = .identity
  ) -> Variable {
    let (rows, inputs, outputs) = (shape.rows, shape.columns, weight.shape[1])
    precondition(
      weight.shape[0] == inputs && bias?.shape.count ?? outputs == outputs,
      "linear: input \(shape), weight \(weight.shape), bias \(bias?.shape.description ?? "none")")
    var node = node(Shape(rows, outputs), weight, bias, backward: Variable.linearBackward)
    node.activation = activation
    BLAS.gemm(
      rows, outputs, inputs, pointer, inputs, false, weight.pointer, outputs, false,
      node.value, outputs, alpha: 1, beta: 0)
    let (value, addend) = (node.value, bias?.pointer)
    if bias == nil && activation == .identity { return tape.record(node) }
    Workers.share(rows, grain: Swift.max(1, Workers.smallestLoop / outputs)) { part in
      ck_bias_act(
        value + part.lowerBound * outputs, addend, part.count, outputs, activation.code)
    }
    return tape.record(node)
  }

  private static func linearBackward(_ tape: Tape, _ index: Int) {
    let node = tape.nodes[index]
    let (x, weight, bias) = node.inputs
    let (rows, outputs) = (node.shape.rows, node.shape.columns)
    let inputs = tape.nodes[x].shape.columns
    let gradient = tape.incoming(index)
    if tape.needs(bias) {
      let (biasGradient, adds) = tape.gradient(of: bias)
      ck_act_backward(
        gradient, node.value, biasGradient, rows, outputs, node.activation.code, adds ? 1 : 0)
    } else if node.activation != .identity {
      ck_act_backward(gradient, node.value, nil, rows, outputs, node.activation.code, 0)
    }
    if tape.needs(x) {
      let (target, adds) = tape.gradient(of: x)
      BLAS.gemm(
        rows, inputs, outputs, gradient, outputs, false, tape.nodes[weight].value, outputs,
        true, target, inputs, alpha: 1, beta: adds ? 1 : 0)
    }
    if tape.needs(weight) { tape.putOffProduct(of: index, weight: weight) }
  }
}

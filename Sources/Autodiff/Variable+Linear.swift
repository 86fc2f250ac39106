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

  /// The transpose of a fully connected layer: `activation(x W' + b)`, [B, O] to [B, I].
  ///
  /// The same W may serve in `linear`; its gradient is the sum over all uses.
  ///
  /// - Parameters:
  ///   - weight: W, [I, O].
  ///   - bias: b, [I].
  public func linearTransposed(
    _ weight: Variable, _ bias: Variable, _ activation: Activation = .identity
  ) -> Variable {
    let (rows, inputs, outputs) = (shape.rows, shape.columns, weight.shape[0])
    precondition(
      weight.shape[1] == inputs && bias.shape.count == outputs,
      "transposed linear: input \(shape), weight \(weight.shape), bias \(bias.shape)")
    var node = node(
      Shape(rows, outputs), weight, bias, backward: Variable.linearTransposedBackward)
    node.activation = activation
    BLAS.gemm(
      rows, outputs, inputs, pointer, inputs, false, weight.pointer, inputs, true,
      node.value, outputs, alpha: 1, beta: 0)
    let (value, addend) = (node.value, bias.pointer)
    Workers.share(rows, grain: Swift.max(1, Workers.smallestLoop / outputs)) { part in
      ck_bias_act(
        value + part.lowerBound * outputs, addend, part.count, outputs, activation.code)
    }
    return tape.record(node)
  }

  private static func linearTransposedBackward(_ tape: Tape, _ index: Int) {
    let node = tape.nodes[index]
    let (x, weight, bias) = node.inputs
    let (rows, outputs) = (node.shape.rows, node.shape.columns)
    let inputs = tape.nodes[x].shape.columns
    let gradient = tape.incoming(index)
    let target = tape.needs(bias) ? tape.gradient(of: bias) : nil
    ck_act_backward(
      gradient, node.value, target?.pointer, rows, outputs, node.activation.code,
      target?.adds == true ? 1 : 0)
    if tape.needs(x) {
      let (target, adds) = tape.gradient(of: x)
      BLAS.gemm(
        rows, inputs, outputs, gradient, outputs, false, tape.nodes[weight].value, inputs, false,
        target, inputs, alpha: 1, beta: adds ? 1 : 0)
    }
    if tape.needs(weight) {
      let (target, adds) = tape.gradient(of: weight)
      BLAS.gemm(
        outputs, inputs, rows, gradient, outputs, true, tape.nodes[x].value, inputs, false, target,
        inputs, alpha: 1, beta: adds ? 1 : 0)
    }
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

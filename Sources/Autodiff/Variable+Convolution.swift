import CKernels
import Tensors

extension Variable {
  /// Convolution with its activation: `activation(W * x + b)`, [B, H, W, C] to [B, h, w, F].
  ///
  /// - Parameters:
  ///   - weight: [kernel, kernel, C, F].
  ///   - bias: [F].
  ///   - plan: for H, W, C and F.
  public func convolution(
    _ weight: Variable, _ bias: Variable, _ plan: ConvolutionPlan, _ activation: Activation
  ) -> Variable {
    check(weight, bias, plan, inputs: plan.imageCount, outputs: plan.features)
    var node = node(
      Shape(shape.rows, plan.rows, plan.columns, plan.features), weight, bias,
      backward: Variable.convolutionBackward)
    node.activation = activation
    node.convolution = plan
    let prepared = tape.prepared(weight, plan, for: &node)
    plan.imagesToGrids(
      shape.rows, pointer, weights: prepared, into: node.value,
      workspace: tape.workspace(plan.workspaceCount)
    ) { ck_bias_act($0, bias.pointer, $1, plan.features, activation.code) }
    return tape.record(node)
  }

  /// Transposed convolution with its activation, [B, h, w, F] to [B, H, W, C].
  ///
  /// - Parameters:
  ///   - weight: [kernel, kernel, C, F].
  ///   - bias: [C].
  ///   - plan: of the convolution from images H x W x C to grids h x w x F that this is the transpose of.
  public func transposedConvolution(
    _ weight: Variable, _ bias: Variable, _ plan: ConvolutionPlan, _ activation: Activation
  ) -> Variable {
    check(weight, bias, plan, inputs: plan.gridCount, outputs: plan.channels)
    var node = node(
      Shape(shape.rows, plan.height, plan.width, plan.channels), weight, bias,
      backward: Variable.transposedConvolutionBackward)
    node.activation = activation
    node.convolution = plan
    let prepared = tape.prepared(weight, plan, for: &node)
    plan.gridsToImages(
      shape.rows, pointer, weights: prepared, into: node.value, adds: false,
      workspace: tape.workspace(plan.workspaceCount)
    ) { ck_bias_act($0, bias.pointer, $1, plan.channels, activation.code) }
    return tape.record(node)
  }

  private func check(
    _ weight: Variable, _ bias: Variable, _ plan: ConvolutionPlan, inputs: Int, outputs: Int
  ) {
    let side = plan.window.kernel
    precondition(
      shape.columns == inputs && bias.shape.count == outputs
        && weight.shape == Shape(side, side, plan.channels, plan.features),
      "convolution \(plan): input \(shape), weight \(weight.shape), bias \(bias.shape)")
  }

  private static func convolutionBackward(_ tape: Tape, _ index: Int) {
    guard let plan = tape.nodes[index].convolution else { return }
    let gradient = tape.activationBackward(index, channels: plan.features)
    let (x, weight, _) = tape.nodes[index].inputs
    let rows = tape.nodes[index].shape.rows
    if tape.needs(x) {
      let (target, adds) = tape.gradient(of: x)
      plan.gridsToImages(
        rows, gradient, weights: tape.preparedWeights(index), into: target, adds: adds,
        workspace: tape.workspace(plan.workspaceCount)
      ) { _, _ in }
    }
    if tape.needs(weight) {
      let (target, adds) = tape.gradient(of: weight)
      plan.weightGradient(
        rows, tape.nodes[x].value, gradient, into: target, adds: adds,
        workspace: tape.workspace(plan.workspaceCount))
    }
  }

  private static func transposedConvolutionBackward(_ tape: Tape, _ index: Int) {
    guard let plan = tape.nodes[index].convolution else { return }
    let gradient = tape.activationBackward(index, channels: plan.channels)
    let (x, weight, _) = tape.nodes[index].inputs
    let rows = tape.nodes[index].shape.rows
    if tape.needs(x) {
      let (target, adds) = tape.gradient(of: x)
      // The products write; where another use has been before, they write beside it.
      let result = adds ? tape.allocate(rows * plan.gridCount) : target
      plan.imagesToGrids(
        rows, gradient, weights: tape.preparedWeights(index), into: result,
        workspace: tape.workspace(plan.workspaceCount)
      ) { _, _ in }
      if adds { ck_add(target, target, result, rows * plan.gridCount) }
    }
    if tape.needs(weight) {
      let (target, adds) = tape.gradient(of: weight)
      plan.weightGradient(
        rows, gradient, tape.nodes[x].value, into: target, adds: adds,
        workspace: tape.workspace(plan.workspaceCount))
    }
  }
}

extension Tape {
  /// The weights as the plan's products take them; kept with the node for its backward pass.
  fileprivate func prepared(
    _ weight: Variable, _ plan: ConvolutionPlan, for node: inout Node
  ) -> UnsafePointer<Float> {
    guard plan.preparedCount > 0 else { return UnsafePointer(weight.pointer) }
    let prepared = allocate(plan.preparedCount)
    plan.prepare(weight.pointer, into: prepared)
    node.saved.0 = prepared
    return UnsafePointer(prepared)
  }

  fileprivate func preparedWeights(_ index: Int) -> UnsafePointer<Float> {
    UnsafePointer(nodes[index].saved.0 ?? nodes[nodes[index].inputs.1].value)
  }

  /// The gradient before the activation, [.., channels], in place; its sums go to the bias.
  fileprivate func activationBackward(
    _ index: Int, channels: Int
  ) -> UnsafeMutablePointer<Float> {
    let node = nodes[index]
    let (_, _, bias) = node.inputs
    let (gradient, rows) = (incoming(index), node.shape.count / channels)
    if needs(bias) {
      let (target, adds) = self.gradient(of: bias)
      ck_act_backward(
        gradient, node.value, target, rows, channels, node.activation.code, adds ? 1 : 0)
    } else if node.activation != .identity {
      ck_act_backward(gradient, node.value, nil, rows, channels, node.activation.code, 0)
    }
    return gradient
  }
}

import CKernels
import Tensors

extension Variable {
  /// Convolution with its activation: `activation(W * x + b)`, [B, H, W, C] to [B, h, w, F].
  ///
  /// - Parameters:
  ///   - weight: [kernel, kernel, C, F].
  ///   - bias: [F]; nil for none.
  public func convolution(
    _ weight: Variable, _ bias: Variable?, _ window: Window,
    _ activation: Activation = .identity
  ) -> Variable {
    precondition(shape.rank == 4 && weight.shape.rank == 4, "\(weight.shape) over \(shape)")
    let plan = ConvolutionPlan(
      images: shape[0], height: shape[1], width: shape[2], channels: shape[3],
      features: weight.shape[3], window: window)
    check(weight, bias, plan, outputs: plan.features)
    var node = node(
      Shape(plan.images, plan.rows, plan.columns, plan.features), weight, bias,
      backward: Variable.convolutionBackward)
    node.activation = activation
    node.convolution = plan
    plan.fromImages(
      pointer, weights: tape.prepare(weight, plan, for: &node),
      workspace: tape.workspace(plan.workspaceCount(weightGradient: false)),
      toGrids: (node.value, false),
      epilogue: .init(bias: bias.map { UnsafePointer($0.pointer) }, activation: activation)
    ) { _ in tape.whileComputing?() }
    return tape.record(node)
  }

  /// Transposed convolution with its activation, [B, h, w, F] to [B, H, W, C].
  ///
  /// H = (h - 1) stride - 2 padding + kernel + outputPadding, and W likewise.
  ///
  /// - Parameters:
  ///   - weight: [kernel, kernel, C, F].
  ///   - bias: [C]; nil for none.
  ///   - outputPadding: extra rows at the bottom and extra columns on the right; less than the
  ///     stride.
  public func transposedConvolution(
    _ weight: Variable, _ bias: Variable?, _ window: Window, outputPadding: Int = 0,
    _ activation: Activation = .identity
  ) -> Variable {
    precondition(
      shape.rank == 4 && weight.shape.rank == 4 && shape[3] == weight.shape[3],
      "\(weight.shape) under \(shape)")
    let plan = ConvolutionPlan(
      images: shape[0], height: window.side(of: shape[1], outputPadding: outputPadding),
      width: window.side(of: shape[2], outputPadding: outputPadding), channels: weight.shape[2],
      features: shape[3], window: window)
    check(weight, bias, plan, outputs: plan.channels)
    var node = node(
      Shape(plan.images, plan.height, plan.width, plan.channels), weight, bias,
      backward: Variable.transposedConvolutionBackward)
    node.activation = activation
    node.convolution = plan
    plan.fromGrids(
      pointer, weights: tape.prepare(weight, plan, for: &node),
      workspace: tape.workspace(plan.workspaceCount(weightGradient: false)),
      toImages: (node.value, false),
      epilogue: .init(bias: bias.map { UnsafePointer($0.pointer) }, activation: activation)
    ) { _ in tape.whileComputing?() }
    return tape.record(node)
  }

  private func check(
    _ weight: Variable, _ bias: Variable?, _ plan: ConvolutionPlan, outputs: Int
  ) {
    let side = plan.window.kernel
    precondition(
      weight.shape == Shape(side, side, plan.channels, plan.features)
        && bias?.shape.count ?? outputs == outputs,
      "convolution \(plan): weight \(weight.shape), bias \(bias?.shape.description ?? "none")")
  }

  private static func convolutionBackward(_ tape: Tape, _ index: Int) {
    let node = tape.nodes[index]
    guard let plan = node.convolution else { return }
    let (x, weight, bias) = node.inputs
    let biasGradient = tape.needs(bias) ? tape.gradient(of: bias) : nil
    plan.fromGrids(
      tape.incoming(index), weights: tape.preparedWeights(index),
      workspace: tape.workspace(plan.workspaceCount(weightGradient: true)),
      toImages: tape.needs(x) ? tape.gradient(of: x) : nil,
      weightGradient: tape.needs(weight)
        ? (UnsafePointer(tape.nodes[x].value), tape.gradient(of: weight)) : nil
    ) { tape.activationBackward(index, examples: $0, channels: plan.features, biasGradient) }
  }

  private static func transposedConvolutionBackward(_ tape: Tape, _ index: Int) {
    let node = tape.nodes[index]
    guard let plan = node.convolution else { return }
    let (x, weight, bias) = node.inputs
    let biasGradient = tape.needs(bias) ? tape.gradient(of: bias) : nil
    plan.fromImages(
      tape.incoming(index), weights: tape.preparedWeights(index),
      workspace: tape.workspace(plan.workspaceCount(weightGradient: true)),
      toGrids: tape.needs(x) ? tape.gradient(of: x) : nil,
      weightGradient: tape.needs(weight)
        ? (UnsafePointer(tape.nodes[x].value), tape.gradient(of: weight)) : nil
    ) { tape.activationBackward(index, examples: $0, channels: plan.channels, biasGradient) }
  }
}

extension Tape {
  /// The weights in the form that the plan's products read; the node keeps them for its backward
  /// pass.
  fileprivate func prepare(
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

  /// Makes the gradient before the activation from the gradient after it, for some examples.
  ///
  /// Adds its sums to the gradient of the bias.
  fileprivate func activationBackward(
    _ index: Int, examples: Range<Int>, channels: Int,
    _ bias: (pointer: UnsafeMutablePointer<Float>, adds: Bool)?
  ) {
    whileComputing?()
    let node = nodes[index]
    if bias == nil && node.activation == .identity { return }
    let size = node.shape.columns
    let first = examples.lowerBound * size
    ck_act_backward(
      incoming(index) + first, node.value + first, bias?.pointer, examples.count * size / channels,
      channels, node.activation.code, bias?.adds == true || examples.lowerBound > 0 ? 1 : 0)
  }
}

import Autodiff
import Tensors

/// A convolution with its activation, [B, H, W, I] to [B, h, w, O] with h = (H + 2 padding - kernel) / stride + 1.
///
/// Initial values are PyTorch's: weights and biases uniform in ±1 / sqrt(kernel² I). In memory the weights are [kernel, kernel, I,
/// O]; files hold PyTorch's [O, I, kernel, kernel].
public struct Convolution: Network {
  /// [kernel, kernel, I, O].
  public let weight: Parameter
  /// [O]; nil for none.
  public let bias: Parameter?
  private let inputs: Int
  private let window: Window
  private let activation: Activation

  /// A layer from `inputs` to `outputs` channels; with weights drawn in another way it has no bias.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, padding: Int,
    _ activation: Activation = .identity, biasless weights: Initializer? = nil
  ) {
    self.inputs = inputs
    window = Window(kernel: kernel, stride: stride, padding: padding)
    self.activation = activation
    let fanIn = kernel * kernel * inputs
    weight = Parameter(
      Shape(kernel, kernel, inputs, outputs), weights ?? .uniform(fanIn: fanIn),
      fileLayout: .convolution)
    bias = weights == nil ? Parameter(Shape(outputs), .uniform(fanIn: fanIn)) : nil
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] {
    [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
  }

  /// [B, H, W, I] to [B, h, w, O].
  public func callAsFunction(_ x: Variable) -> Variable {
    precondition(x.shape.rank == 4 && x.shape[3] == inputs, "\(inputs) channels of \(x.shape)")
    return x.convolution(x.parameter(weight), bias.map(x.parameter), window, activation)
  }
}

/// A transposed convolution with its activation, [B, h, w, I] to [B, H, W, O] with
/// H = (h - 1) stride - 2 padding + kernel + outputPadding.
///
/// Initial values are PyTorch's: weights and biases uniform in ±1 / sqrt(kernel² O). In memory the weights are [kernel, kernel, O,
/// I]; files hold PyTorch's [I, O, kernel, kernel].
public struct TransposedConvolution: Network {
  /// [kernel, kernel, O, I].
  public let weight: Parameter
  /// [O]; nil for none.
  public let bias: Parameter?
  private let inputs: Int
  private let window: Window
  private let outputPadding: Int
  private let activation: Activation

  /// A layer from `inputs` to `outputs` channels; `outputPadding`, less than the stride, adds rows below and columns
  /// on the right.
  ///
  /// With weights drawn in another way it has no bias.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, padding: Int, outputPadding: Int = 0,
    _ activation: Activation = .identity, biasless weights: Initializer? = nil
  ) {
    precondition((0..<stride).contains(outputPadding), "output padding \(outputPadding)")
    self.inputs = inputs
    self.outputPadding = outputPadding
    window = Window(kernel: kernel, stride: stride, padding: padding)
    self.activation = activation
    let fanIn = kernel * kernel * outputs
    weight = Parameter(
      Shape(kernel, kernel, outputs, inputs), weights ?? .uniform(fanIn: fanIn),
      fileLayout: .convolution)
    bias = weights == nil ? Parameter(Shape(outputs), .uniform(fanIn: fanIn)) : nil
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] {
    [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
  }

  /// [B, h, w, I] to [B, H, W, O].
  public func callAsFunction(_ x: Variable) -> Variable {
    precondition(x.shape.rank == 4 && x.shape[3] == inputs, "\(inputs) channels of \(x.shape)")
    return x.transposedConvolution(
      x.parameter(weight), bias.map(x.parameter), window, outputPadding: outputPadding, activation)
  }
}

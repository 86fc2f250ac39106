import Autodiff
import Tensors

/// A convolution with its activation, [B, H, W, I] to [B, h, w, O].
///
/// Sizes: h = (H + 2 padding - kernel) / stride + 1. Initial values are PyTorch's: weights and
/// biases uniform in ±1 / sqrt(kernel² I). In memory the weights are [kernel, kernel, I, O]; files
/// hold PyTorch's [O, I, kernel, kernel].
public struct Convolution: Network {
  let setup: ConvolutionSetup

  /// [kernel, kernel, I, O].
  public var weight: Parameter { setup.weight }
  /// [O]; nil for none.
  public var bias: Parameter? { setup.bias }

  /// A layer from `inputs` to `outputs` channels; with weights drawn in another way it has no bias.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, padding: Int,
    _ activation: Activation = .identity, biasless weights: Initializer? = nil
  ) {
    setup = ConvolutionSetup(
      inputs, outputs, imageChannels: inputs, gridChannels: outputs,
      Window(kernel: kernel, stride: stride, padding: padding), activation, biasless: weights)
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] { setup.parameters }

  /// [B, H, W, I] to [B, h, w, O].
  public func callAsFunction(_ x: Variable) -> Variable {
    setup.check(x)
    return x.convolution(
      x.parameter(weight), bias.map(x.parameter), setup.window, setup.activation)
  }
}

/// A transposed convolution with its activation, [B, h, w, I] to [B, H, W, O].
///
/// Sizes: H = (h - 1) stride - 2 padding + kernel + outputPadding. Initial values are PyTorch's:
/// weights and biases uniform in ±1 / sqrt(kernel² O). In memory the weights are
/// [kernel, kernel, O, I]; files hold PyTorch's [I, O, kernel, kernel].
public struct TransposedConvolution: Network {
  let setup: ConvolutionSetup
  let outputPadding: Int

  /// [kernel, kernel, O, I].
  public var weight: Parameter { setup.weight }
  /// [O]; nil for none.
  public var bias: Parameter? { setup.bias }

  /// A layer from `inputs` to `outputs` channels; with weights drawn in another way it has no bias.
  ///
  /// `outputPadding`, less than the stride, adds rows below and columns on the right.
  public init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, padding: Int, outputPadding: Int = 0,
    _ activation: Activation = .identity, biasless weights: Initializer? = nil
  ) {
    precondition((0..<stride).contains(outputPadding), "output padding \(outputPadding)")
    self.outputPadding = outputPadding
    setup = ConvolutionSetup(
      inputs, outputs, imageChannels: outputs, gridChannels: inputs,
      Window(kernel: kernel, stride: stride, padding: padding), activation, biasless: weights)
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] { setup.parameters }

  /// [B, h, w, I] to [B, H, W, O].
  public func callAsFunction(_ x: Variable) -> Variable {
    setup.check(x)
    return x.transposedConvolution(
      x.parameter(weight), bias.map(x.parameter), setup.window, outputPadding: outputPadding,
      setup.activation)
  }
}

/// The set-up that both kinds of convolution share.
///
/// One kernel joins images [B, H, W, `imageChannels`] and grids [B, h, w, `gridChannels`]. A
/// convolution reads the images, a transposed convolution reads the grids.
struct ConvolutionSetup {
  /// [kernel, kernel, image channels, grid channels].
  let weight: Parameter
  /// [outputs]; nil for none.
  let bias: Parameter?
  let window: Window
  let activation: Activation
  private let inputs: Int

  init(
    _ inputs: Int, _ outputs: Int, imageChannels: Int, gridChannels: Int, _ window: Window,
    _ activation: Activation, biasless weights: Initializer?
  ) {
    self.inputs = inputs
    self.window = window
    self.activation = activation
    let kernel = window.kernel
    // PyTorch takes the image channels of both kinds.
    let fanIn = kernel * kernel * imageChannels
    weight = Parameter(
      Shape(kernel, kernel, imageChannels, gridChannels), weights ?? .uniform(fanIn: fanIn),
      fileLayout: .convolution)
    bias = weights == nil ? Parameter(Shape(outputs), .uniform(fanIn: fanIn)) : nil
  }

  var parameters: [(String, Parameter)] {
    [("weight", weight)] + (bias.map { [("bias", $0)] } ?? [])
  }

  func check(_ x: Variable) {
    precondition(x.shape.rank == 4 && x.shape[3] == inputs, "\(inputs) channels of \(x.shape)")
  }
}

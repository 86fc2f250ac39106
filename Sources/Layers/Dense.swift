import Autodiff
import Tensors

/// Initial values of fully connected layers.
public enum Initialization: String, CaseIterable, Sendable {
  /// Weights uniform in ±sqrt(6 / (inputs + outputs)), biases zero.
  case glorot
  /// PyTorch's default: weights and biases uniform in ±1 / sqrt(inputs).
  case pytorch

  fileprivate func weight(_ inputs: Int, _ outputs: Int) -> Initializer {
    self == .glorot ? .glorotUniform(fanIn: inputs, fanOut: outputs) : .uniform(fanIn: inputs)
  }

  fileprivate func bias(_ inputs: Int) -> Initializer {
    self == .glorot ? .zeros : .uniform(fanIn: inputs)
  }
}

/// A fully connected layer with its activation: `activation(x W + b)`, [B, I] to [B, O].
///
/// By default weights are Glorot uniform and biases zero. In memory W is [I, O]; files hold
/// PyTorch's [O, I].
public struct Dense: Network {
  /// W, [I, O].
  public let weight: Parameter
  /// b, [O].
  public let bias: Parameter
  /// The activation of the sum.
  public let activation: Activation

  /// A layer from `inputs` to `outputs` units.
  ///
  /// `weights` and `biases`, if given, draw these in place of `initialized`.
  public init(
    _ inputs: Int, _ outputs: Int, _ activation: Activation = .identity,
    initialized: Initialization = .glorot, weights: Initializer? = nil,
    biases: Initializer? = nil
  ) {
    weight = Parameter(
      Shape(inputs, outputs), weights ?? initialized.weight(inputs, outputs),
      fileLayout: .transposed)
    bias = Parameter(Shape(outputs), biases ?? initialized.bias(inputs))
    self.activation = activation
  }

  /// A layer after a convolutional network, from images [B, height, width, channels].
  ///
  /// Initial values are PyTorch's.
  public init(
    flattening height: Int, _ width: Int, _ channels: Int, to outputs: Int,
    _ activation: Activation = .identity
  ) {
    let inputs = height * width * channels
    weight = Parameter(
      Shape(inputs, outputs), .uniform(fanIn: inputs),
      fileLayout: .afterFlatten(height: height, width: width, channels: channels))
    bias = Parameter(Shape(outputs), .uniform(fanIn: inputs))
    self.activation = activation
  }

  /// A layer before a convolutional network, to images [B, height, width, channels].
  ///
  /// Initial values are PyTorch's.
  public init(
    _ inputs: Int, unflattening height: Int, _ width: Int, _ channels: Int,
    _ activation: Activation
  ) {
    let layout = Parameter.FileLayout.beforeUnflatten(
      height: height, width: width, channels: channels)
    let outputs = height * width * channels
    weight = Parameter(Shape(inputs, outputs), .uniform(fanIn: inputs), fileLayout: layout)
    bias = Parameter(Shape(outputs), .uniform(fanIn: inputs), fileLayout: layout)
    self.activation = activation
  }

  /// PyTorch's names.
  public var parameters: [(String, Parameter)] { [("weight", weight), ("bias", bias)] }

  /// The layer's output, [B, I] to [B, O].
  public func callAsFunction(_ x: Variable) -> Variable {
    x.linear(x.parameter(weight), x.parameter(bias), activation)
  }
}

/// Fully connected layers in a row.
///
/// Names count activations too, as in PyTorch's `Sequential(Linear, Act, Linear, Act, …)`: 0, 2, 4
/// …
public struct Perceptron: Network {
  /// The layers from the input to the output.
  public let layers: [Dense]

  /// Layers with `sizes` from the input to the output.
  ///
  /// `activation` follows every layer except the last, which `last` follows. Initial values are as
  /// in `Dense`.
  public init(
    _ sizes: [Int], _ activation: Activation, last: Activation,
    initialized: Initialization = .glorot, weights: Initializer? = nil
  ) {
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, pair in
      Dense(
        pair.0, pair.1, index + 2 < sizes.count ? activation : last, initialized: initialized,
        weights: weights)
    }
  }

  /// The layers, named 0, 2, 4 and so on.
  public var children: [(String, any Module)] {
    layers.enumerated().map { (String(2 * $0.offset), $0.element) }
  }

  /// The output of the last layer.
  public func callAsFunction(_ x: Variable) -> Variable {
    var y = x
    for layer in layers { y = layer(y) }
    return y
  }
}

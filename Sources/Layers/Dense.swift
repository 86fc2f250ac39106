import Autodiff
import Tensors

/// A fully connected layer with its activation: `activation(x W + b)`, [B, I] to [B, O].
///
/// Weights are Glorot uniform, biases zero. In memory W is [I, O]; files hold PyTorch's [O, I].
public struct Dense: Module {
  public let weight: Parameter
  public let bias: Parameter
  public let activation: Activation

  public init(_ inputs: Int, _ outputs: Int, _ activation: Activation = .identity) {
    weight = Parameter(
      Shape(inputs, outputs), .glorotUniform(fanIn: inputs, fanOut: outputs),
      fileLayout: .transposed)
    bias = Parameter(Shape(outputs), .zeros)
    self.activation = activation
  }

  public var parameters: [(String, Parameter)] { [("weight", weight), ("bias", bias)] }

  public func callAsFunction(_ x: Variable) -> Variable {
    x.linear(x.parameter(weight), x.parameter(bias), activation)
  }
}

/// Fully connected layers one after the other.
///
/// Its names count activations as PyTorch's `Sequential(Linear, Act, Linear, Act, …)` does: 0, 2, 4 …
public struct Perceptron: Module {
  public let layers: [Dense]

  /// `sizes` from the input to the output; `activation` behind every layer, behind the last `last`.
  public init(_ sizes: [Int], _ activation: Activation, last: Activation) {
    layers = zip(sizes, sizes.dropFirst()).enumerated().map { index, pair in
      Dense(pair.0, pair.1, index + 2 < sizes.count ? activation : last)
    }
  }

  public var children: [(String, any Module)] {
    layers.enumerated().map { (String(2 * $0.offset), $0.element) }
  }

  public func callAsFunction(_ x: Variable) -> Variable {
    var y = x
    for layer in layers { y = layer(y) }
    return y
  }
}

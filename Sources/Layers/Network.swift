import Autodiff
import Tensors

/// A module that maps a batch to a batch.
public protocol Network: Module {
  /// The result for a batch.
  func callAsFunction(_ x: Variable) -> Variable
}

/// Networks one after the other, under the numbers they have in the equal PyTorch `Sequential`.
public struct Sequential: Network {
  /// The parts with their names, from the input to the output.
  public let layers: [(name: String, network: any Network)]

  /// - Parameter layers: parts and the modules each stands for in PyTorch (a layer with its activation stands for
  ///   two), which gives the next one its number.
  public init(_ layers: [(network: any Network, modules: Int)]) {
    var number = 0
    self.layers = layers.map { layer in
      defer { number += layer.modules }
      return (String(number), layer.network)
    }
  }

  /// Those with parameters.
  public var children: [(String, any Module)] {
    layers.filter { !$0.network.namedParameters.isEmpty }.map { ($0.name, $0.network) }
  }

  /// Through all parts in turn.
  public func callAsFunction(_ x: Variable) -> Variable {
    var y = x
    for layer in layers { y = layer.network(y) }
    return y
  }
}

/// Gives each example another shape: PyTorch's `Unflatten` and `Flatten`, in channels-last order.
public struct Reshape: Network {
  /// The extents of an example.
  public let extents: [Int]

  /// To [B, extents…], one to three of them.
  public init(_ extents: Int...) { self.extents = extents }

  /// [B, …] to [B, extents…].
  public func callAsFunction(_ x: Variable) -> Variable {
    x.reshaped(Shape([x.shape.rows] + extents))
  }
}

/// An activation by itself, behind networks that end without one.
public struct Activated: Network {
  /// What the values go through.
  public let activation: Activation

  /// A layer without parameters.
  public init(_ activation: Activation) { self.activation = activation }

  /// Element by element.
  public func callAsFunction(_ x: Variable) -> Variable { x.activated(activation) }
}

import Autodiff
import Tensors

/// A module that maps a batch to a batch.
public protocol Network: Module, TorchText {
  /// The result for a batch.
  func callAsFunction(_ x: Variable) -> Variable
}

/// Networks in a row; their names are the numbers in the equal PyTorch `Sequential`.
public struct Sequential: Network {
  /// The networks with their names, from the input to the output.
  public let layers: [(name: String, network: any Network)]
  /// How many PyTorch modules each of them replaces.
  let modules: [Int]

  /// A sequence of networks, each with a number of PyTorch modules.
  ///
  /// - Parameter layers: networks, and how many PyTorch modules each replaces; a layer with its
  ///   activation replaces two. The count determines the number of the next network.
  public init(_ layers: [(network: any Network, modules: Int)]) {
    var number = 0
    modules = layers.map(\.modules)
    self.layers = layers.map { layer in
      defer { number += layer.modules }
      return (String(number), layer.network)
    }
  }

  /// The networks that have parameters.
  public var children: [(String, any Module)] {
    layers.filter { !$0.network.namedParameters.isEmpty }.map { ($0.name, $0.network) }
  }

  /// The output of the last network.
  public func callAsFunction(_ x: Variable) -> Variable {
    var y = x
    for layer in layers { y = layer.network(y) }
    return y
  }
}

/// Gives each example another shape; equals PyTorch's `Unflatten` and `Flatten`, channels last.
public struct Reshape: Network {
  /// The extents of an example.
  public let extents: [Int]

  /// A reshape to [B, extents…], with one to three extents.
  public init(_ extents: Int...) { self.extents = extents }

  /// The reshaped batch, [B, …] to [B, extents…].
  public func callAsFunction(_ x: Variable) -> Variable {
    x.reshaped(Shape([x.shape.rows] + extents))
  }
}

/// An activation as a layer, for networks that end without an activation.
public struct Activated: Network {
  /// The activation.
  public let activation: Activation

  /// A layer with this activation and without parameters.
  public init(_ activation: Activation) { self.activation = activation }

  /// The activation of each element.
  public func callAsFunction(_ x: Variable) -> Variable { x.activated(activation) }
}

import Tensors

/// How a parameter's values are drawn before the first step.
///
/// Each element is a pure function of (seed, place of the parameter in its model, element).
public enum Initializer: Sendable, Equatable {
  case zeros
  /// Uniform in ±sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio, 2010).
  case glorotUniform(fanIn: Int, fanOut: Int)

  /// Fills `values` with the draws of parameter number `index`.
  public func fill(_ values: UnsafeMutablePointer<Float>, count: Int, seed: UInt64, index: Int) {
    switch self {
    case .zeros:
      values.update(repeating: 0, count: count)
    case .glorotUniform(let fanIn, let fanOut):
      Draws(seed: seed, purpose: .initialization, time: index)
        .uniform(row: 0, into: values, count: count)
      let bound = (6 / Float(fanIn + fanOut)).squareRoot()
      for i in 0..<count { values[i] = (2 * values[i] - 1) * bound }
    }
  }
}

/// One trained tensor of a model.
///
/// Its memory belongs to whoever collects a model's parameters (`ParameterSet`), which lays all of them out in one flat
/// array; until then it has a shape and an initializer only.
public final class Parameter {
  /// How the values lie in files, where names and shapes follow PyTorch's `state_dict`.
  public enum FileLayout: Sendable {
    case asInMemory
    /// A matrix [in, out] in memory that files hold as [out, in].
    case transposed
  }

  /// Its extents in memory.
  public let shape: Shape
  /// How its first values are drawn.
  public let initializer: Initializer
  /// How its values lie in files.
  public let fileLayout: FileLayout
  /// Place in the model's list of parameters; set when they are collected.
  public internal(set) var index = -1
  /// The group of parameters (a bit number) it is trained with; set when they are collected.
  public internal(set) var group = 0
  /// Place of its first element in the flat arrays of values and gradients.
  public internal(set) var offset = 0
  var pointer: UnsafeMutablePointer<Float>?

  /// A parameter without memory yet.
  public init(_ shape: Shape, _ initializer: Initializer, fileLayout: FileLayout = .asInMemory) {
    self.shape = shape
    self.initializer = initializer
    self.fileLayout = fileLayout
  }

  /// The values, in memory order.
  public var value: UnsafeMutablePointer<Float> {
    guard let pointer else { preconditionFailure("parameter \(shape) has no memory yet") }
    return pointer
  }
}

import CKernels

/// An element-wise nonlinearity; raw values are its names in configurations.
public enum Activation: String, CaseIterable, Sendable, Codable {
  case identity, sigmoid, relu, tanh, softplus
  /// 0.2 x for negative x.
  case leakyReLU = "leaky_relu"

  /// The kernels' number for this activation.
  public var code: Int32 {
    switch self {
    case .identity: Int32(CK_IDENTITY)
    case .sigmoid: Int32(CK_SIGMOID)
    case .relu: Int32(CK_RELU)
    case .tanh: Int32(CK_TANH)
    case .softplus: Int32(CK_SOFTPLUS)
    case .leakyReLU: Int32(CK_LEAKY_RELU)
    }
  }

  /// The slope for negative values of a piecewise linear activation; nil for other activations.
  ///
  /// The slope for positive values is 1.
  public var negativeSlope: Float? {
    switch self {
    case .identity: 1
    case .relu: 0
    case .leakyReLU: CK_LEAKY_SLOPE
    case .sigmoid, .tanh, .softplus: nil
    }
  }
}

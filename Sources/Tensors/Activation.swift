import CKernels

/// An element-wise nonlinearity.
///
/// Raw values are the names used in configurations.
public enum Activation: String, CaseIterable, Sendable, Codable {
  case identity, sigmoid, relu, tanh, softplus

  /// The kernels' number for this activation.
  public var code: Int32 {
    switch self {
    case .identity: Int32(CK_IDENTITY)
    case .sigmoid: Int32(CK_SIGMOID)
    case .relu: Int32(CK_RELU)
    case .tanh: Int32(CK_TANH)
    case .softplus: Int32(CK_SOFTPLUS)
    }
  }
}

import Autodiff

/// A part of a model: parameters of its own, and parts under their names.
public protocol Module {
  /// Own parameters by name. Names are checkpoint keys and follow PyTorch.
  var parameters: [(String, Parameter)] { get }
  /// Parts by name; their order is the order of the parameters, and must be the order of the forward pass.
  var children: [(String, any Module)] { get }
}

extension Module {
  /// None of its own.
  public var parameters: [(String, Parameter)] { [] }
  /// None.
  public var children: [(String, any Module)] { [] }

  /// All parameters below this module with their full names (`encoder.0.weight`), in order.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    parameters.map { (name: $0.0, parameter: $0.1) }
      + children.flatMap { child in
        child.1.namedParameters.map { (name: "\(child.0).\($0.name)", parameter: $0.parameter) }
      }
  }

  /// The parameters of a model: those below its child number g form group g, statistics among them group
  /// g + `ParameterSet.firstStatisticGroup`.
  public func collectParameters() -> ParameterSet {
    ParameterSet(
      children.enumerated().flatMap { group, child in
        child.1.namedParameters.map {
          (
            name: "\(child.0).\($0.name)",
            group: $0.parameter.role == .trained
              ? group : group + ParameterSet.firstStatisticGroup,
            parameter: $0.parameter
          )
        }
      })
  }

  /// The mask of the groups of the children with these names, statistics included.
  public func groups(_ names: [String]) -> UInt64 {
    var mask: UInt64 = 0
    for (group, child) in children.enumerated() where names.contains(child.0) {
      mask |= 1 << UInt64(group) | 1 << UInt64(group + ParameterSet.firstStatisticGroup)
    }
    return mask
  }
}

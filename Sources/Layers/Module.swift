import Autodiff

/// A part of a model, with own parameters and named children.
public protocol Module {
  /// Own parameters with their names. Names are checkpoint keys and follow PyTorch.
  var parameters: [(String, Parameter)] { get }
  /// Children with their names, in the order of the forward pass.
  ///
  /// This is also the order of the parameters.
  var children: [(String, any Module)] { get }
}

extension Module {
  /// No own parameters.
  public var parameters: [(String, Parameter)] { [] }
  /// No children.
  public var children: [(String, any Module)] { [] }

  /// All parameters of this module and its children with full names (`encoder.0.weight`), in order.
  public var namedParameters: [(name: String, parameter: Parameter)] {
    parameters.map { (name: $0.0, parameter: $0.1) }
      + children.flatMap { child in
        child.1.namedParameters.map { (name: "\(child.0).\($0.name)", parameter: $0.parameter) }
      }
  }

  /// All parameters of a model, in groups: parameters of child number g form group g.
  ///
  /// Statistics of child g form group g + `ParameterSet.firstStatisticGroup`.
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

  /// The mask of the groups of the named children, including statistics.
  public func groups(_ names: [String]) -> UInt64 {
    var mask: UInt64 = 0
    for (group, child) in children.enumerated() where names.contains(child.0) {
      mask |= 1 << UInt64(group) | 1 << UInt64(group + ParameterSet.firstStatisticGroup)
    }
    return mask
  }
}

import Autodiff
import Tensors

/// Tensors for differentiation: parameters with memory for values and gradients.
public final class Leaves {
  /// The parameters, in order.
  public let set: ParameterSet
  private let values: Storage
  private let gradients: Storage

  /// Parameters with given names, shapes (in memory order) and file layouts.
  ///
  /// All are in one group; values start at zero.
  public init(_ leaves: [(name: String, shape: Shape, layout: Parameter.FileLayout)]) {
    set = ParameterSet(
      leaves.map {
        (name: $0.name, group: 0, parameter: Parameter($0.shape, .zeros, fileLayout: $0.layout))
      })
    (values, gradients) = Leaves.attach(set)
  }

  /// The parameters of a model.
  public init(_ set: ParameterSet) {
    self.set = set
    (values, gradients) = Leaves.attach(set)
  }

  /// Lays out the parameters one after another, each at a multiple of 16 floats.
  private static func attach(_ set: ParameterSet) -> (Storage, Storage) {
    var offsets: [Int] = []
    var count = 0
    for parameter in set.parameters {
      offsets.append(count)
      count += (parameter.shape.count + 15) & ~15
    }
    let values = Storage(count: count)
    set.attach(values.pointer) { offsets[$0] }
    return (values, Storage(count: count))
  }

  /// The place of a parameter; traps on an unknown name.
  public func index(_ name: String) -> Int {
    guard let index = set.entries.firstIndex(where: { $0.name == name }) else {
      preconditionFailure("no parameter \(name) among \(set.entries.map(\.name))")
    }
    return index
  }

  /// Sets a parameter from values in file order.
  public func load(_ name: String, _ elements: [Float]) {
    set.import(elements, index(name), to: values.pointer)
  }

  /// The values of a parameter in file order.
  public func value(_ name: String) -> [Float] {
    set.exported(index(name), from: values.pointer).values
  }

  /// The gradient of a parameter in file order, after ``differentiate(_:scale:groups:)``.
  public func gradient(_ name: String) -> [Float] {
    set.exported(index(name), from: gradients.pointer).values
  }

  /// The gradient of a parameter in memory order.
  func memoryGradient(_ name: String) -> [Float] {
    let parameter = set.parameters[index(name)]
    let start = gradients.pointer + parameter.offset
    return Array(UnsafeBufferPointer(start: start, count: parameter.shape.count))
  }

  /// One element of a parameter, in memory order.
  public subscript(name: String, element: Int) -> Float {
    get { set.parameters[index(name)].value[element] }
    set { set.parameters[index(name)].value[element] = newValue }
  }

  /// Runs the backward pass of `scale` times the sum of `loss`.
  ///
  /// Gradients outside of `groups` become not-a-number, so a test sees which gradients were
  /// written.
  ///
  /// - Returns: the parameters in the order in which they became ready.
  @discardableResult
  public func differentiate(
    _ loss: Variable, scale: Float = 1, groups: UInt64 = .max
  ) -> [Int] {
    gradients.pointer.update(repeating: .nan, count: gradients.count)
    var ready: [Int] = []
    loss.tape.backward(
      from: loss, scale: scale, groups: groups, into: gradients.pointer, parameters: set.parameters
    ) { ready.append($0) }
    return ready
  }
}

import Tensors

/// All parameters of a model, in their order, with their names in checkpoints.
public final class ParameterSet {
  /// One parameter with the name it has in checkpoints (`encoder.0.weight`).
  public struct Entry {
    /// Its name in checkpoints.
    public let name: String
    /// The parameter.
    public let parameter: Parameter
  }

  /// Names and parameters, in order.
  public let entries: [Entry]
  /// The parameters alone, in order.
  public let parameters: [Parameter]

  /// Numbers the parameters.
  ///
  /// `group` is the bit of the group that a parameter is trained with.
  public init(_ named: [(name: String, group: Int, parameter: Parameter)]) {
    entries = named.map { Entry(name: $0.name, parameter: $0.parameter) }
    parameters = named.map(\.parameter)
    for (index, item) in named.enumerated() {
      item.parameter.index = index
      item.parameter.group = item.group
    }
  }

  /// Gives the parameters their memory: `values` is one flat array in which parameter i starts at `offset(i)`.
  public func attach(_ values: UnsafeMutablePointer<Float>, offset: (Int) -> Int) {
    for (index, parameter) in parameters.enumerated() {
      parameter.offset = offset(index)
      parameter.pointer = values + parameter.offset
    }
  }

  /// Draws every parameter from its initializer.
  public func initialize(seed: UInt64) {
    for parameter in parameters {
      parameter.initializer.fill(
        parameter.value, count: parameter.shape.count, seed: seed, index: parameter.index)
    }
  }

  /// Values of parameter `index` as files hold them, and their shape there.
  ///
  /// `flat` is an array laid out like the values: the values themselves, or an optimizer's
  /// moments.
  public func exported(
    _ index: Int, from flat: UnsafePointer<Float>
  ) -> (shape: [Int], values: [Float]) {
    let parameter = parameters[index]
    let source = flat + parameter.offset
    guard parameter.fileLayout == .transposed else {
      let values = Array(UnsafeBufferPointer(start: source, count: parameter.shape.count))
      return (parameter.shape.dimensions, values)
    }
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    var values = [Float](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for column in 0..<columns { values[column * rows + row] = source[row * columns + column] }
    }
    return ([columns, rows], values)
  }

  /// The inverse of `exported`.
  public func `import`(_ values: [Float], _ index: Int, to flat: UnsafeMutablePointer<Float>) {
    let parameter = parameters[index]
    precondition(values.count == parameter.shape.count, "\(entries[index].name): wrong count")
    let target = flat + parameter.offset
    guard parameter.fileLayout == .transposed else {
      for (i, value) in values.enumerated() { target[i] = value }
      return
    }
    let (rows, columns) = (parameter.shape[0], parameter.shape[1])
    for row in 0..<rows {
      for column in 0..<columns { target[row * columns + column] = values[column * rows + row] }
    }
  }
}

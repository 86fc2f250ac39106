import Tensors

/// All parameters of a model, in order, with their names in checkpoints.
public final class ParameterSet {
  /// One parameter with its name in checkpoints (`encoder.0.weight`).
  public struct Entry {
    /// The name in checkpoints.
    public let name: String
    /// The parameter.
    public let parameter: Parameter
  }

  /// The first group number of statistics; trained parameters have smaller group numbers.
  public static let firstStatisticGroup = 32

  /// Names and parameters, in order.
  public let entries: [Entry]
  /// The parameters without names, in order.
  public let parameters: [Parameter]

  /// Numbers the parameters.
  ///
  /// `group` is the number of the bit of a parameter's group.
  public init(_ named: [(name: String, group: Int, parameter: Parameter)]) {
    entries = named.map { Entry(name: $0.name, parameter: $0.parameter) }
    parameters = named.map(\.parameter)
    for (index, item) in named.enumerated() {
      item.parameter.index = index
      item.parameter.group = item.group
    }
  }

  /// Gives the parameters their memory.
  ///
  /// `values` is one flat array; parameter i starts at `offset(i)`. Whoever reads the values of
  /// parameter i calls `beforeReading(i)` first, which returns when they are there.
  public func attach(
    _ values: UnsafeMutablePointer<Float>, beforeReading: ((Int) -> Void)? = nil,
    offset: (Int) -> Int
  ) {
    for (index, parameter) in parameters.enumerated() {
      parameter.offset = offset(index)
      parameter.pointer = values + parameter.offset
      parameter.beforeReading = beforeReading
    }
  }

  /// Draws every parameter from its initializer.
  public func initialize(seed: UInt64) {
    for parameter in parameters {
      parameter.initializer.fill(
        parameter.value, count: parameter.shape.count, seed: seed, index: parameter.index)
    }
  }

  /// The shape of parameter `index` as files hold it.
  public func fileShape(_ index: Int) -> [Int] {
    let parameter = parameters[index]
    return parameter.fileLayout.order(of: parameter.shape)?.fileShape ?? parameter.shape.dimensions
  }

  /// Values and shape of parameter `index` as files hold them.
  ///
  /// `flat` is an array with the layout of the values: the values, or an optimizer's moments.
  public func exported(
    _ index: Int, from flat: UnsafePointer<Float>
  ) -> (shape: [Int], values: [Float]) {
    let parameter = parameters[index]
    let source = flat + parameter.offset
    guard let order = parameter.fileLayout.order(of: parameter.shape) else {
      let values = Array(UnsafeBufferPointer(start: source, count: parameter.shape.count))
      return (parameter.shape.dimensions, values)
    }
    var values = [Float](repeating: 0, count: parameter.shape.count)
    Self.forEachElement(order.extents, order.axes) { values[$0] = source[$1] }
    return (order.fileShape, values)
  }

  /// Writes a parameter from file order to `flat`: the inverse of `exported`.
  public func `import`(_ values: [Float], _ index: Int, to flat: UnsafeMutablePointer<Float>) {
    let parameter = parameters[index]
    precondition(values.count == parameter.shape.count, "\(entries[index].name): wrong count")
    let target = flat + parameter.offset
    guard let order = parameter.fileLayout.order(of: parameter.shape) else {
      for (i, value) in values.enumerated() { target[i] = value }
      return
    }
    Self.forEachElement(order.extents, order.axes) { target[$1] = values[$0] }
  }

  /// Calls `body` with the place in a file and in memory of each element, in file order.
  private static func forEachElement(
    _ extents: [Int], _ axes: [Int], _ body: (_ file: Int, _ memory: Int) -> Void
  ) {
    var strides = [Int](repeating: 1, count: extents.count)
    for axis in extents.indices.dropLast().reversed() {
      strides[axis] = strides[axis + 1] * extents[axis + 1]
    }
    // Four axes in all; missing axes have one element.
    let padding = [Int](repeating: 1, count: 4 - axes.count)
    let n = padding + axes.map { extents[$0] }
    let step = padding.map { _ in 0 } + axes.map { strides[$0] }
    var place = 0
    for a in 0..<n[0] {
      for b in 0..<n[1] {
        for c in 0..<n[2] {
          for d in 0..<n[3] {
            body(place, a * step[0] + b * step[1] + c * step[2] + d * step[3])
            place += 1
          }
        }
      }
    }
  }
}

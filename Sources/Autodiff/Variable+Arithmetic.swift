import CKernels
import Tensors

extension Variable {
  /// The sum, element by element; the shapes are equal.
  public static func + (_ a: Variable, _ b: Variable) -> Variable {
    precondition(a.shape == b.shape, "\(a.shape) + \(b.shape)")
    let node = a.node(a.shape, b) { tape, index in
      tape.add(1, to: tape.nodes[index].inputs.0, from: index)
      tape.add(1, to: tape.nodes[index].inputs.1, from: index)
    }
    ck_add(node.value, a.pointer, b.pointer, a.shape.count)
    return a.tape.record(node)
  }

  /// The difference, element by element; the shapes are equal.
  public static func - (_ a: Variable, _ b: Variable) -> Variable {
    precondition(a.shape == b.shape, "\(a.shape) - \(b.shape)")
    let node = a.node(a.shape, b) { tape, index in
      tape.add(1, to: tape.nodes[index].inputs.0, from: index)
      tape.add(-1, to: tape.nodes[index].inputs.1, from: index)
    }
    let (value, left, right) = (node.value, a.pointer, b.pointer)
    Workers.share(a.shape.count, grain: Workers.smallestLoop) { part in
      let first = part.lowerBound
      ck_subtract(value + first, left + first, right + first, part.count)
    }
    return a.tape.record(node)
  }

  /// Every element times a number.
  public static func * (_ factor: Float, _ x: Variable) -> Variable {
    var node = x.node(x.shape) { tape, index in
      tape.add(tape.nodes[index].scalar, to: tape.nodes[index].inputs.0, from: index)
    }
    node.scalar = factor
    ck_copy(node.value, x.pointer, x.shape.count)
    ck_scale(node.value, factor, x.shape.count)
    return x.tape.record(node)
  }

  /// Every element times a number; a factor of 1 returns this variable.
  public func scaled(by factor: Float) -> Variable { factor == 1 ? self : factor * self }

  /// The product, element by element; the shapes are equal.
  public static func * (_ a: Variable, _ b: Variable) -> Variable {
    precondition(a.shape == b.shape, "\(a.shape) * \(b.shape)")
    let node = a.node(a.shape, b) { tape, index in
      let (a, b, _) = tape.nodes[index].inputs
      tape.addProduct(to: a, from: index, times: tape.nodes[b].value)
      tape.addProduct(to: b, from: index, times: tape.nodes[a].value)
    }
    ck_multiply(node.value, a.pointer, b.pointer, a.shape.count)
    return a.tape.record(node)
  }

  /// An activation without a layer; `linear` applies most activations.
  public func activated(_ activation: Activation) -> Variable {
    var node = node(shape) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let (rows, columns) = (node.shape.rows, node.shape.columns)
      ck_act_backward(tape.incoming(index), node.value, nil, rows, columns, node.activation.code, 0)
      tape.add(1, to: node.inputs.0, from: index)
    }
    node.activation = activation
    ck_activate(node.value, pointer, shape.count, activation.code)
    return tape.record(node)
  }

  /// Clamps every element to a range; no gradient flows to elements outside the range.
  public func clamped(to range: ClosedRange<Float>) -> Variable {
    var node = node(shape) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0), let limits = node.saved.0 else { return }
      let (target, adds) = tape.gradient(of: node.inputs.0)
      ck_clamp_backward(
        target, tape.incoming(index), tape.nodes[node.inputs.0].value, node.shape.count, limits[0],
        limits[1], adds ? 1 : 0)
    }
    let limits = tape.allocate(2)
    (limits[0], limits[1]) = (range.lowerBound, range.upperBound)
    node.saved.0 = limits
    ck_clamp(node.value, pointer, shape.count, range.lowerBound, range.upperBound)
    return tape.record(node)
  }

  /// The square root of every element; the gradient at 0 is 0.
  public func squareRoot() -> Variable {
    let node = node(shape) { tape, index in
      let node = tape.nodes[index]
      let gradient = tape.incoming(index)
      for i in 0..<node.shape.count {
        gradient[i] = node.value[i] > 0 ? gradient[i] / (2 * node.value[i]) : 0
      }
      tape.add(1, to: node.inputs.0, from: index)
    }
    for i in 0..<shape.count { node.value[i] = pointer[i].squareRoot() }
    return tape.record(node)
  }

  /// Columns `range` of a matrix [B, D], as [B, range.count].
  public func columns(_ range: Range<Int>) -> Variable {
    precondition(range.upperBound <= shape.columns, "columns \(range) of \(shape)")
    var node = node(Shape(shape.rows, range.count)) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let input = tape.nodes[node.inputs.0].shape
      let (target, adds) = tape.gradient(of: node.inputs.0)
      if !adds { target.update(repeating: 0, count: input.count) }
      let (gradient, first) = (tape.incoming(index), Int(node.scalar))
      for row in 0..<node.shape.rows {
        ck_axpy(
          target + row * input.columns + first, gradient + row * node.shape.columns, 1,
          node.shape.columns)
      }
    }
    node.scalar = Float(range.lowerBound)
    for row in 0..<shape.rows {
      (node.value + row * range.count)
        .update(from: pointer + row * shape.columns + range.lowerBound, count: range.count)
    }
    return tape.record(node)
  }

  /// Appends zeros to each row: [B, D] to [B, columns].
  public func padded(toColumns columns: Int) -> Variable {
    precondition(columns >= shape.columns, "\(shape) padded to \(columns) columns")
    if columns == shape.columns { return self }
    let node = node(Shape(shape.rows, columns)) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let width = tape.nodes[node.inputs.0].shape.columns
      let (target, adds) = tape.gradient(of: node.inputs.0)
      for row in 0..<node.shape.rows {
        let (to, from) = (target + row * width, tape.incoming(index) + row * node.shape.columns)
        if adds { ck_axpy(to, from, 1, width) } else { ck_copy(to, from, width) }
      }
    }
    node.value.update(repeating: 0, count: node.shape.count)
    for row in 0..<shape.rows {
      (node.value + row * columns).update(from: pointer + row * shape.columns, count: shape.columns)
    }
    return tape.record(node)
  }

  /// The same elements under another shape with an equal number of elements.
  public func reshaped(_ other: Shape) -> Variable {
    precondition(other.count == shape.count, "\(shape) as \(other)")
    return tape.record(
      node(other, value: pointer) { tape, index in
        tape.add(1, to: tape.nodes[index].inputs.0, from: index)
      })
  }

  /// The rows of this variable above the rows of `below`, with an equal number of columns.
  public func stacked(over below: Variable) -> Variable {
    precondition(shape.columns == below.shape.columns, "\(shape) over \(below.shape)")
    let node = node(Shape(shape.rows + below.shape.rows, shape.columns), below) { tape, index in
      let (a, b, _) = tape.nodes[index].inputs
      tape.add(1, to: a, from: index)
      tape.add(1, to: b, from: index, skipping: tape.nodes[a].shape.count)
    }
    node.value.update(from: pointer, count: shape.count)
    (node.value + shape.count).update(from: below.pointer, count: below.shape.count)
    return tape.record(node)
  }

  /// The mean of `parts` equal parts, which lie one below another: [parts * B, D] to [B, D].
  public func mean(ofParts parts: Int) -> Variable {
    precondition(parts > 0 && shape.rows % parts == 0, "\(parts) parts of \(shape)")
    let part = Shape(shape.rows / parts, shape.columns)
    var node = node(part) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let (target, adds) = tape.gradient(of: node.inputs.0)
      let (source, count) = (tape.incoming(index), node.shape.count)
      let parts = tape.nodes[node.inputs.0].shape.count / count
      for first in stride(from: 0, to: parts * count, by: count) {
        if adds {
          ck_axpy(target + first, source, node.scalar, count)
        } else {
          ck_copy(target + first, source, count)
          ck_scale(target + first, node.scalar, count)
        }
      }
    }
    node.scalar = 1 / Float(parts)
    node.value.update(from: pointer, count: part.count)
    for first in stride(from: part.count, to: shape.count, by: part.count) {
      ck_axpy(node.value, pointer + first, 1, part.count)
    }
    ck_scale(node.value, node.scalar, part.count)
    return tape.record(node)
  }

  /// Rows `range` of a matrix [B, D]; a vector [B] gives [range.count].
  public func rows(_ range: Range<Int>) -> Variable {
    let width = shape.columns
    let result = shape.rank == 1 ? Shape(range.count) : Shape(range.count, width)
    var node = node(result, value: pointer + range.lowerBound * width) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let input = tape.nodes[node.inputs.0].shape
      let (target, adds) = tape.gradient(of: node.inputs.0)
      if !adds { target.update(repeating: 0, count: input.count) }
      ck_axpy(
        target + Int(node.scalar) * input.columns, tape.incoming(index), 1, node.shape.count)
    }
    node.scalar = Float(range.lowerBound)
    return tape.record(node)
  }
}

extension Tape {
  /// Adds `factor` times the gradient of node `from` to the gradient of node `to`.
  ///
  /// `skipping` is the first element of `from` that counts.
  func add(_ factor: Float, to: Int, from: Int, skipping: Int = 0) {
    guard needs(to) else { return }
    let (target, adds) = gradient(of: to)
    let (source, count) = (incoming(from) + skipping, nodes[to].shape.count)
    Workers.share(count, grain: Workers.smallestLoop) { part in
      let first = part.lowerBound
      switch (adds, factor) {
      case (true, _): ck_axpy(target + first, source + first, factor, part.count)
      case (false, 1): ck_copy(target + first, source + first, part.count)
      default:
        withUnsafePointer(to: factor) {
          ck_scale_rows(target + first, source + first, $0, 1, part.count, 0)
        }
      }
    }
  }

  /// Adds the gradient of node `from`, times `factors` element by element, to the gradient of node
  /// `to`.
  func addProduct(to: Int, from: Int, times factors: UnsafeMutablePointer<Float>) {
    guard needs(to) else { return }
    let (target, adds) = gradient(of: to)
    if adds {
      ck_fma(target, incoming(from), factors, nodes[to].shape.count)
    } else {
      ck_multiply(target, incoming(from), factors, nodes[to].shape.count)
    }
  }

  /// Adds a gradient through row losses to the gradient of node `to`.
  ///
  /// The contribution is each row of `derivative` [B, D] times that row's element of the gradient
  /// [B] of node `from`.
  func addRows(to: Int, from: Int, derivative: UnsafeMutablePointer<Float>?) {
    guard needs(to), let derivative else { return }
    let shape = nodes[to].shape
    let (target, adds) = gradient(of: to)
    let (scale, columns) = (incoming(from), shape.columns)
    Workers.shareRows(shape.rows, columns: columns) { part in
      let first = part.lowerBound * columns
      ck_scale_rows(
        target + first, derivative + first, scale + part.lowerBound, part.count, columns,
        adds ? 1 : 0)
    }
  }
}

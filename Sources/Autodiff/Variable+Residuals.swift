import CKernels
import Tensors

/// Losses of residuals r = x - m between data x and the mean m of a decoder.
///
/// This variable is r, [B, D]. Each loss gives one value for each example, [B], in nats without
/// constants. Gradients reach both x and m through the residual.
extension Variable {
  /// 0.5 * sum of r²: a Gaussian of unit variance.
  public func halfSquares() -> Variable {
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    node.saved.0 = pointer  // the derivative of r²/2
    ck_scaled_squares(pointer, nil, node.value, nil, nil, shape.rows, shape.columns)
    return tape.record(node)
  }

  /// 0.5 * sum of (r² / v + log v): a diagonal Gaussian; `logVariance` is log v, [B, D].
  public func halfScaledSquares(logVariance: Variable) -> Variable {
    precondition(shape == logVariance.shape, "\(shape) by \(logVariance.shape)")
    var node = node(Shape(shape.rows), logVariance) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      tape.addRows(to: node.inputs.1, from: index, derivative: node.saved.1)
    }
    if node.groups != 0 { node.saved = (tape.allocate(shape.count), tape.allocate(shape.count)) }
    ck_scaled_squares(
      pointer, logVariance.pointer, node.value, node.saved.0, node.saved.1, shape.rows,
      shape.columns)
    return tape.record(node)
  }

  /// 0.5 * sum of log(r² + epsilon): a Gaussian for each element, with its own best variance r².
  public func halfLogSquares(epsilon: Float) -> Variable {
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    if node.groups != 0 { node.saved.0 = tape.allocate(shape.count) }
    let (r, value, derivative, columns) = (pointer, node.value, node.saved.0, shape.columns)
    Workers.shareRows(shape.rows, columns: columns) { part in
      let first = part.lowerBound * columns
      ck_log_squares(
        r + first, value + part.lowerBound, derivative.map { $0 + first }, part.count, columns,
        epsilon)
    }
    return tape.record(node)
  }

  /// A draw m + |r| e around the mean m, all [B, D]; this variable is m.
  ///
  /// The size |r| of each residual is the standard deviation. The noise e is data. The gradient of
  /// |r| at 0 is 0.
  public func recycled(residual: Variable, noise: Variable) -> Variable {
    precondition(shape == residual.shape && shape == noise.shape)
    let node = node(shape, residual, noise) { tape, index in
      let (mean, residual, noise) = tape.nodes[index].inputs
      tape.add(1, to: mean, from: index)
      guard tape.needs(residual) else { return }
      let (target, adds) = tape.gradient(of: residual)
      let (incoming, r) = (tape.incoming(index), tape.nodes[residual].value)
      let e = tape.nodes[noise].value
      Workers.share(tape.nodes[index].shape.count, grain: Workers.smallestLoop) { part in
        let first = part.lowerBound
        ck_recycle_backward(
          incoming + first, r + first, e + first, target + first, part.count, adds ? 1 : 0)
      }
    }
    let (value, mean, r, e) = (node.value, pointer, residual.pointer, noise.pointer)
    Workers.share(shape.count, grain: Workers.smallestLoop) { part in
      let first = part.lowerBound
      ck_recycle(value + first, mean + first, r + first, e + first, part.count)
    }
    return tape.record(node)
  }
}

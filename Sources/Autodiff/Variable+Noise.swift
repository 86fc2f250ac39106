import CKernels
import Tensors

/// What a clean pixel is, given a logit a of a decoder.
public enum CleanPixel: Sendable, Equatable {
  /// Logistic, of location 1/2 + a / (2 h) and scale 1 / (2 h), cut off at 0 and 1: it has chances
  /// to be 0 or 1, and a density between.
  case logistic(h: Float)
  /// 0 or 1, with the mean sigmoid(a); grey pixels are scored by cross-entropy.
  case bernoulli
  /// The number sigmoid(a); the noise adds a Gaussian variable to it, which may be clipped to
  /// 0...1.
  case gaussian(deviation: Float, isClipped: Bool)
}

/// Likelihoods of noisy pixels, where this variable holds the logits of clean ones, [B, D].
///
/// `chances` is [4, D]: the chances that a pixel is flipped, becomes 0, becomes 1, becomes uniform.
/// `level`, [1], is their common factor.
extension Variable {
  /// -log p(x | a) in nats, summed over the pixels, [B].
  ///
  /// - Parameters:
  ///   - x: noisy pixels, [B / K, D]; each row counts for K rows of this variable.
  ///   - level: the slope of the loss goes to it, where a parameter stands behind it.
  public func noisyNegativeLogLikelihood(
    of x: Variable, as pixel: CleanPixel, chances: Variable, level: Variable
  ) -> Variable {
    precondition(
      shape.columns == x.shape.columns && shape.rows % Swift.max(1, x.shape.rows) == 0
        && chances.shape.count == 4 * shape.columns,
      "noisy \(x.shape) by logits \(shape), chances \(chances.shape)")
    var node = node(Shape(shape.rows), level) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      guard tape.needs(node.inputs.1), let slopes = node.saved.1 else { return }
      let (target, adds) = tape.gradient(of: node.inputs.1)
      let upstream = tape.incoming(index)
      var sum = 0.0
      for row in 0..<node.shape.count { sum += Double(upstream[row]) * Double(slopes[row]) }
      target[0] = (adds ? target[0] : 0) + Float(sum)
    }
    if node.groups != 0 { node.saved.0 = tape.allocate(shape.count) }
    if tape.nodes[level.index].groups != 0 { node.saved.1 = tape.allocate(shape.rows) }
    let (a, values, factor, p) = (pointer, x.pointer, level.pointer[0], chances.pointer)
    let (loss, slopes, byLevel) = (node.value, node.saved.0, node.saved.1)
    let (repeats, columns) = (shape.rows / Swift.max(1, x.shape.rows), shape.columns)
    Workers.share(shape.rows, grain: Swift.max(1, Workers.smallestLoop / columns)) { part in
      for row in part {
        let (logits, pixels) = (a + row * columns, values + row / repeats * columns)
        let (slope, rate) = (slopes.map { $0 + row * columns }, byLevel.map { $0 + row })
        switch pixel {
        case .logistic(let h):
          ck_noisy_logistic_nll(logits, pixels, p, factor, h, loss + row, slope, rate, 1, columns)
        case .bernoulli:
          ck_noisy_bernoulli_nll(logits, pixels, p, factor, loss + row, slope, rate, 1, columns)
        case .gaussian(let deviation, let isClipped):
          ck_noisy_gaussian_nll(
            logits, pixels, p, factor, deviation, isClipped ? 1 : 0, loss + row, slope, rate, 1,
            columns)
        }
      }
    }
    return tape.record(node)
  }

  /// The mean of the clean pixel, [B, D] in [0, 1].
  public func cleanMean(as pixel: CleanPixel) -> Variable {
    guard case .logistic(let h) = pixel else { return activated(.sigmoid) }
    var node = node(shape) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0), let slopes = node.saved.0 else { return }
      let (target, adds) = tape.gradient(of: node.inputs.0)
      let upstream = tape.incoming(index)
      for i in 0..<node.shape.count {
        target[i] = (adds ? target[i] : 0) + upstream[i] * slopes[i]
      }
    }
    if node.groups != 0 { node.saved.0 = tape.allocate(shape.count) }
    ck_cut_logistic_mean(pointer, node.value, node.saved.0, h, shape.count)
    return tape.record(node)
  }

  /// The mean of the clean pixel given the noisy one, E[y | x, a], [B, D] in [0, 1]; a constant.
  public func restored(
    from x: Variable, as pixel: CleanPixel, chances: Variable, level: Variable
  ) -> Variable {
    let restored = tape.constant(shape)
    let (rows, columns, factor) = (shape.rows, shape.columns, level.pointer[0])
    switch pixel {
    case .logistic(let h):
      ck_restore_logistic(
        pointer, x.pointer, chances.pointer, factor, h, restored.pointer, rows, columns)
    case .bernoulli:
      ck_restore_bernoulli(
        pointer, x.pointer, chances.pointer, factor, restored.pointer, rows, columns)
    case .gaussian:
      // The clean pixel is a number that the logit gives: x adds nothing.
      let mean = activated(.sigmoid)
      restored.pointer.update(from: mean.pointer, count: shape.count)
    }
    return restored
  }
}

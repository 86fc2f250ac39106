import CKernels
import Foundation
import Tensors

/// Losses: each gives one value for each example, [B].
///
/// A loss is the sum over the columns of its inputs [B, D]; likelihoods are in nats. The backward
/// pass takes the mean over the batch. A kernel computes the value and the derivative together, so
/// memory is read once.
///
/// A target may have fewer rows, [B / K, D]. Each row of the target then counts for K rows of the
/// input, which lie one below another.
extension Variable {
  /// Negative log-likelihood of `target` in [0, 1] under independent Bernoullis.
  ///
  /// This variable holds the logits a; the loss is the sum of softplus(a) - x a.
  public func bernoulliNegativeLogLikelihood(of target: Variable) -> Variable {
    rowLoss(target) { ck_bernoulli_nll($0, $1, $2, $3, $4, $5) }
  }

  /// Squared error to `target`, not halved: sum of (y - x)².
  public func squaredError(to target: Variable) -> Variable {
    rowLoss(target) { ck_squared_error($0, $1, $2, $3, $4, $5) }
  }

  /// softplus(sign * s) of every element s; s is a logit of a discriminator.
  ///
  /// - Sign -1: the loss for "real", and the non-saturating generator loss.
  /// - Sign 1: the loss for "fake", and, negated, the saturating generator loss.
  public func softplus(sign: Float) -> Variable {
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    node.saved.0 = tape.allocate(shape.count)
    ck_softplus_rows(pointer, node.value, node.saved.0, shape.rows, shape.columns, sign)
    return tape.record(node)
  }

  /// -log(sigmoid(sign * s) + epsilon) of every logit s, summed over the columns.
  ///
  /// Without epsilon, the guard, this equals `softplus(sign: -sign)`.
  public func negativeLogSigmoid(sign: Float, epsilon: Float) -> Variable {
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    let slopes = tape.allocate(shape.count)
    node.saved.0 = slopes
    for row in 0..<shape.rows {
      node.value[row] = 0
      for i in row * shape.columns..<(row + 1) * shape.columns {
        let p = 1 / (1 + exp(-sign * pointer[i]))
        node.value[row] -= log(p + epsilon)
        slopes[i] = -sign * p * (1 - p) / (p + epsilon)
      }
    }
    return tape.record(node)
  }

  /// Adds the penalty of a parameter to each element of this variable [B].
  ///
  /// The penalty is l1 times the sum of |w| plus l2 times the sum of w². The mean over the batch is
  /// minimised, so the penalty counts once for any batch size.
  public func penalized(by weight: Variable, l1: Float, l2: Float) -> Variable {
    var node = node(shape, weight) { tape, index in
      let node = tape.nodes[index]
      tape.add(1, to: node.inputs.0, from: index)
      guard tape.needs(node.inputs.1) else { return }
      let (target, adds) = tape.gradient(of: node.inputs.1)
      let w = tape.nodes[node.inputs.1]
      let share = Float(ck_sum(tape.incoming(index), node.shape.count))
      let (l1, l2) = (node.saved.0?[0] ?? 0, node.saved.0?[1] ?? 0)
      for i in 0..<w.shape.count {
        let side: Float = w.value[i] > 0 ? 1 : w.value[i] < 0 ? -1 : 0
        let slope = share * (l1 * side + 2 * l2 * w.value[i])
        target[i] = adds ? target[i] + slope : slope
      }
    }
    let factors = tape.allocate(2)
    (factors[0], factors[1]) = (l1, l2)
    node.saved.0 = factors
    let penalty = Float(
      Double(l1) * ck_sum_abs(weight.pointer, weight.shape.count)
        + Double(l2) * ck_sum_squares(weight.pointer, weight.shape.count))
    for i in 0..<shape.count { node.value[i] = pointer[i] + penalty }
    return tape.record(node)
  }

  /// Negative log-likelihood of `target` under a diagonal Gaussian, constant included.
  ///
  /// 0.5 * sum of [log 2 pi + log v + (x - m)² / v]: this variable is the mean m, `logVariance` is
  /// log v.
  public func gaussianNegativeLogLikelihood(
    of target: Variable, logVariance: Variable
  ) -> Variable {
    precondition(shape == target.shape && shape == logVariance.shape)
    var node = node(Shape(shape.rows), logVariance) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      tape.addRows(to: node.inputs.1, from: index, derivative: node.saved.1)
    }
    node.saved = (tape.allocate(shape.count), tape.allocate(shape.count))
    ck_gaussian_nll(
      target.pointer, pointer, logVariance.pointer, node.value, node.saved.0, node.saved.1,
      shape.rows, shape.columns)
    return tape.record(node)
  }

  /// KL(N(mean, exp(logVariance)) || N(0, I)), where this variable is the mean.
  ///
  /// 0.5 * sum of (v + m² - 1 - log v).
  public func klToStandardNormal(logVariance: Variable) -> Variable {
    precondition(shape == logVariance.shape)
    var node = node(Shape(shape.rows), logVariance) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      tape.addRows(to: node.inputs.1, from: index, derivative: node.saved.1)
    }
    node.saved = (tape.allocate(shape.count), tape.allocate(shape.count))
    ck_kl_standard_normal(
      pointer, logVariance.pointer, node.value, node.saved.0, node.saved.1, shape.rows,
      shape.columns)
    return tape.record(node)
  }

  /// The log of the mean of exp over the columns, for each row: [B, K] gives [B].
  public func logMeanExp() -> Variable {
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    node.saved.0 = tape.allocate(shape.count)
    ck_log_mean_exp(pointer, node.value, node.saved.0, shape.rows, shape.columns)
    return tape.record(node)
  }

  /// -log p(class) of each row's class, where p is the softmax of this variable's logits, [B, K].
  ///
  /// - Parameter labels: the classes, [B], from 0 to K - 1.
  public func crossEntropy(of labels: [Int32]) -> Variable {
    precondition(
      labels.count == shape.rows && labels.allSatisfy { $0 >= 0 && Int($0) < shape.columns },
      "\(labels.count) labels for logits \(shape)")
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    if node.groups != 0 { node.saved.0 = tape.allocate(shape.count) }
    ck_softmax_cross_entropy(
      pointer, labels, node.value, node.saved.0, shape.rows, shape.columns)
    return tape.record(node)
  }

  /// How many rows of this variable, [B, K], are largest at their label; of equals the first
  /// counts.
  ///
  /// - Parameter labels: the classes, [B]; others than 0 to K - 1 are never right.
  public func count(ofRight labels: [Int32]) -> Int {
    precondition(labels.count == shape.rows, "\(labels.count) labels for logits \(shape)")
    let columns = shape.columns
    return labels.indices.count { row in
      let values = UnsafeBufferPointer(start: pointer + row * columns, count: columns)
      var best = 0
      for j in values.indices where values[j] > values[best] { best = j }
      return best == Int(labels[row])
    }
  }

  func rowLoss(
    _ target: Variable,
    _ kernel: (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>,
      UnsafeMutablePointer<Float>?, Int, Int
    ) -> Void
  ) -> Variable {
    precondition(
      shape.columns == target.shape.columns && shape.rows % Swift.max(1, target.shape.rows) == 0,
      "loss of \(shape) against \(target.shape)")
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
    }
    if node.groups != 0 { node.saved.0 = tape.allocate(shape.count) }
    let (y, x, loss, derivative) = (pointer, target.pointer, node.value, node.saved.0)
    let (repeats, columns) = (shape.rows / Swift.max(1, target.shape.rows), shape.columns)
    Workers.share(shape.rows, grain: Swift.max(1, Workers.smallestLoop / columns)) { part in
      for row in part {
        kernel(
          y + row * columns, x + row / repeats * columns, loss + row,
          derivative.map { $0 + row * columns }, 1, columns)
      }
    }
    return tape.record(node)
  }
}

extension Variable {
  /// z = mean + exp(exponent * logVariance) * epsilon, all [B, J]; this variable is the mean.
  ///
  /// `exponent` is 0.5; 1 repeats a mistake of released code (D-05).
  public func reparameterized(
    logVariance: Variable, epsilon: Variable, exponent: Float = 0.5
  ) -> Variable {
    precondition(shape == logVariance.shape && shape == epsilon.shape)
    var node = node(shape, logVariance, epsilon) { tape, index in
      let node = tape.nodes[index]
      let (mean, logVariance, epsilon) = node.inputs
      tape.add(1, to: mean, from: index)
      guard tape.needs(logVariance) else { return }
      let (target, adds) = tape.gradient(of: logVariance)
      ck_reparameterize_backward(
        tape.incoming(index), tape.nodes[logVariance].value, tape.nodes[epsilon].value, nil, target,
        node.shape.count, node.scalar, adds ? 1 : 0)
    }
    node.scalar = exponent
    ck_reparameterize(
      node.value, pointer, logVariance.pointer, epsilon.pointer, shape.count, exponent)
    return tape.record(node)
  }
}

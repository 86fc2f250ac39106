import CKernels
import Tensors

/// Several samples of each row's Gaussian.
///
/// The samples of a row lie one below another. Sample k of row b of [B, J] is row b K + k of [B K,
/// J].
extension Variable {
  /// mean + exp(logDeviation) * epsilon, K samples for each row.
  ///
  /// - Parameters:
  ///   - logDeviation: log sigma, [B, J]; this variable holds the means, [B, J].
  ///   - epsilon: noise, [B K, J].
  /// - Returns: the samples, [B K, J].
  public func samples(logDeviation: Variable, epsilon: Variable) -> Variable {
    let repeats = epsilon.shape.rows / Swift.max(1, shape.rows)
    precondition(
      shape == logDeviation.shape && epsilon.shape.rows == repeats * shape.rows
        && epsilon.shape.columns == shape.columns,
      "samples: mean \(shape), log sigma \(logDeviation.shape), noise \(epsilon.shape)")
    let node = node(epsilon.shape, logDeviation, epsilon) { tape, index in
      let node = tape.nodes[index]
      let (mean, logDeviation, epsilon) = node.inputs
      let shape = tape.nodes[mean].shape
      let toMean = tape.needs(mean) ? tape.gradient(of: mean) : nil
      let toLog = tape.needs(logDeviation) ? tape.gradient(of: logDeviation) : nil
      ck_sample_rows_backward(
        tape.incoming(index), tape.nodes[logDeviation].value, tape.nodes[epsilon].value,
        toMean?.pointer, toLog?.pointer, shape.rows, shape.columns, node.shape.rows / shape.rows,
        toMean?.adds == true ? 1 : 0, toLog?.adds == true ? 1 : 0)
    }
    ck_sample_rows(
      node.value, pointer, logDeviation.pointer, epsilon.pointer, shape.rows, shape.columns,
      repeats)
    return tape.record(node)
  }

  /// log p(z) - log q(z|x) in nats for each sample z, [B K, J] to [B K]; this variable is z.
  ///
  /// p is N(0, I). z was drawn from the Gaussian q. The means of q are not needed, because z
  /// contains them.
  ///
  /// - Parameters:
  ///   - logDeviation: log sigma of q, [B, J].
  ///   - epsilon: the noise of the samples, [B K, J].
  public func priorLogRatio(logDeviation: Variable, epsilon: Variable) -> Variable {
    let rows = logDeviation.shape.rows
    precondition(
      shape == epsilon.shape && shape.columns == logDeviation.shape.columns
        && shape.rows % Swift.max(1, rows) == 0,
      "log ratio: samples \(shape), log sigma \(logDeviation.shape), noise \(epsilon.shape)")
    let node = node(Shape(shape.rows), logDeviation, epsilon) { tape, index in
      let (z, logDeviation, _) = tape.nodes[index].inputs
      let shape = tape.nodes[logDeviation].shape
      let toSamples = tape.needs(z) ? tape.gradient(of: z) : nil
      let toLog = tape.needs(logDeviation) ? tape.gradient(of: logDeviation) : nil
      ck_prior_ratio_backward(
        tape.nodes[z].value, tape.incoming(index), toSamples?.pointer, toLog?.pointer, shape.rows,
        shape.columns, tape.nodes[z].shape.rows / shape.rows, toSamples?.adds == true ? 1 : 0,
        toLog?.adds == true ? 1 : 0)
    }
    ck_prior_ratio(
      pointer, logDeviation.pointer, epsilon.pointer, node.value, rows, shape.columns,
      shape.rows / Swift.max(1, rows))
    return tape.record(node)
  }

  /// The mean over the columns, for each row: [B, K] gives [B].
  public func columnMeans() -> Variable {
    let columns = shape.columns
    var node = node(Shape(shape.rows)) { tape, index in
      let node = tape.nodes[index]
      guard tape.needs(node.inputs.0) else { return }
      let (target, adds) = tape.gradient(of: node.inputs.0)
      let (gradient, columns) = (tape.incoming(index), tape.nodes[node.inputs.0].shape.columns)
      for row in 0..<node.shape.rows {
        let share = gradient[row] * node.scalar
        for place in row * columns..<(row + 1) * columns {
          target[place] = adds ? target[place] + share : share
        }
      }
    }
    node.scalar = 1 / Float(columns)
    ck_row_sums(pointer, node.value, shape.rows, columns)
    ck_scale(node.value, node.scalar, shape.rows)
    return tape.record(node)
  }

  /// Negative log-density of `target` under independent Gaussians, [B K, D] to [B K].
  ///
  /// This variable holds the means before their sigmoid; deviations are softplus(scale) + `least`.
  /// The result includes the constant log 2 pi.
  ///
  /// - Parameters:
  ///   - target: values to compare with, [B, D]; each row serves K rows of this variable.
  ///   - scale: [B K, D].
  public func gaussianNegativeLogLikelihood(
    of target: Variable, scale: Variable, least: Float
  ) -> Variable {
    precondition(
      shape == scale.shape && shape.columns == target.shape.columns
        && shape.rows % target.shape.rows == 0, "density of \(target.shape) under \(shape)")
    var node = node(Shape(shape.rows), scale) { tape, index in
      let node = tape.nodes[index]
      tape.addRows(to: node.inputs.0, from: index, derivative: node.saved.0)
      tape.addRows(to: node.inputs.1, from: index, derivative: node.saved.1)
    }
    if node.groups != 0 { node.saved = (tape.allocate(shape.count), tape.allocate(shape.count)) }
    let (mean, deviation, x, loss) = (pointer, scale.pointer, target.pointer, node.value)
    let (repeats, columns) = (shape.rows / target.shape.rows, shape.columns)
    let (dmean, dscale) = node.saved
    Workers.share(shape.rows, grain: Swift.max(1, Workers.smallestLoop / columns)) { part in
      for row in part {
        let at = row * columns
        ck_gaussian_decoder_nll(
          x + row / repeats * columns, mean + at, deviation + at, loss + row,
          dmean.map { $0 + at }, dscale.map { $0 + at }, 1, columns, least)
      }
    }
    return tape.record(node)
  }
}

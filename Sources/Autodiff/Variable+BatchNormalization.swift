import CKernels
import Tensors

extension Variable {
  /// Added to variances; PyTorch's default.
  private static let batchEpsilon: Float = 1e-5

  /// Batch normalisation with its activation, each channel over all examples and places.
  ///
  /// `activation(weight (x - m) / sqrt(v + 1e-5) + bias)`, [B, …, C] to [B, …, C].
  ///
  /// In a training pass (`Tape.training`), m and v are the mean and the biased variance of each
  /// lane's part of the batch. The running averages `mean` and `variance` receive the mean and the
  /// unbiased variance. In every other pass, these averages replace m and v.
  ///
  /// Ioffe & Szegedy, ICML 2015; with one lane, numbers equal PyTorch's.
  ///
  /// - Parameters:
  ///   - weight: [C].
  ///   - bias: [C].
  ///   - activation: must have a `negativeSlope`.
  public func batchNormalized(
    _ weight: Variable, _ bias: Variable, mean: Parameter, variance: Parameter,
    _ activation: Activation
  ) -> Variable {
    let channels = weight.shape.count
    let places = shape.count / max(1, shape.rows * channels)
    precondition(
      shape.dimensions.last == channels && bias.shape.count == channels
        && activation.negativeSlope != nil,
      "batch normalisation: input \(shape), weight \(weight.shape), bias \(bias.shape), "
        + "\(activation)"
    )
    let lanes = BatchLanes(tape, examples: shape.rows, places: places)
    var node = node(shape, weight, bias, backward: Variable.batchNormalizationBackward)
    node.activation = activation
    let moments = tape.allocate(lanes.count * 2 * channels)
    node.saved.0 = moments
    let (scale, shift) = (tape.allocate(channels), tape.allocate(channels))
    let measured = tape.training == nil ? nil : tape.allocate(2 * channels)
    if let measured { ck_fill(measured, 0, 2 * channels) }
    for lane in 0..<lanes.count {
      let m = moments + lane * 2 * channels
      let inverse = m + channels
      let at = lane * lanes.rows * channels
      if let measured {
        tape.withChannelWork(channels) {
          ck_channel_moments(pointer + at, m, inverse, $0, lanes.rows, channels)
        }
        let unbiased = Float(lanes.rows) / Float(max(1, lanes.rows - 1))
        ck_axpy(measured, m, 1, channels)
        ck_axpy(measured + channels, inverse, unbiased, channels)
      } else {
        ck_copy(m, mean.value, channels)
        ck_copy(inverse, variance.value, channels)
      }
      for c in 0..<channels {
        inverse[c] = 1 / (inverse[c] + Self.batchEpsilon).squareRoot()
        scale[c] = weight.pointer[c] * inverse[c]
        shift[c] = bias.pointer[c] - m[c] * scale[c]
      }
      ck_channel_normalize(
        node.value + at, pointer + at, scale, shift, lanes.rows, channels,
        activation.negativeSlope ?? 1)
    }
    if let measured {
      tape.observe(mean, measured)
      tape.observe(variance, measured + channels)
    }
    return tape.record(node)
  }

  private static func batchNormalizationBackward(_ tape: Tape, _ index: Int) {
    let node = tape.nodes[index]
    let (x, weight, bias) = node.inputs
    let channels = tape.nodes[weight].shape.count
    let places = node.shape.count / max(1, node.shape.rows * channels)
    let lanes = BatchLanes(tape, examples: node.shape.rows, places: places)
    guard let moments = node.saved.0 else { return }
    let gradient = tape.incoming(index)
    let (dShift, dScale) = (tape.allocate(channels), tape.allocate(channels))
    let (a, b, c) = (tape.allocate(channels), tape.allocate(channels), tape.allocate(channels))
    let input = tape.needs(x) ? tape.gradient(of: x) : nil
    let gamma = tape.nodes[weight].value
    for lane in 0..<lanes.count {
      let at = lane * lanes.rows * channels
      let mean = moments + lane * 2 * channels
      let inverse = mean + channels
      tape.withChannelWork(channels) {
        ck_channel_backward_sums(
          gradient + at, node.value + at, tape.nodes[x].value + at, mean, inverse, dShift, dScale,
          $0, lanes.rows, channels, node.activation.negativeSlope ?? 1)
      }
      tape.add(dScale, to: weight)
      tape.add(dShift, to: bias)
      guard let input else { continue }
      // Batch moments carry gradients to x too; running averages are constants.
      let share = tape.training == nil ? 0 : 1 / Float(lanes.rows)
      for i in 0..<channels {
        a[i] = gamma[i] * inverse[i]
        b[i] = -share * a[i] * inverse[i] * dScale[i]
        c[i] = -share * a[i] * dShift[i]
      }
      ck_channel_backward(
        input.pointer + at, gradient + at, tape.nodes[x].value + at, a, b, c, mean, lanes.rows,
        channels, input.adds ? 1 : 0)
    }
  }
}

/// The parts of a batch from which statistics are taken.
private struct BatchLanes {
  /// The number of parts, and the rows of [examples * places, channels] in each part.
  let count: Int, rows: Int

  init(_ tape: Tape, examples: Int, places: Int) {
    let perLane = tape.training?.rows ?? max(1, examples)
    precondition(examples % perLane == 0, "\(examples) examples in lanes of \(perLane)")
    count = examples / perLane
    rows = perLane * places
  }
}

extension Tape {
  /// Memory for the double sums of the channel kernels.
  fileprivate func withChannelWork(_ channels: Int, _ body: (UnsafeMutablePointer<Double>) -> Void)
  {
    allocate(6 * channels).withMemoryRebound(to: Double.self, capacity: 3 * channels, body)
  }

  /// Adds a contribution from other memory to a node's gradient.
  fileprivate func add(_ contribution: UnsafeMutablePointer<Float>, to index: Int) {
    guard needs(index) else { return }
    let (target, adds) = gradient(of: index)
    if adds {
      ck_axpy(target, contribution, 1, nodes[index].shape.count)
    } else {
      ck_copy(target, contribution, nodes[index].shape.count)
    }
  }
}

import Tensors

/// How a parameter's values are drawn before the first step.
///
/// Each element is a pure function of (seed, place of the parameter in its model, element).
public enum Initializer: Sendable, Equatable {
  case zeros
  case ones
  /// Uniform in ±sqrt(6 / (fanIn + fanOut)) (Glorot & Bengio, 2010).
  case glorotUniform(fanIn: Int, fanOut: Int)
  /// Uniform in ±1 / sqrt(fanIn): PyTorch's default for weights and biases.
  case uniform(fanIn: Int)
  /// Normal with this mean and this standard deviation.
  case normal(mean: Float, deviation: Float)
  /// Normal around 0; values beyond two standard deviations are drawn again, as in TensorFlow.
  case truncatedNormal(deviation: Float)
  /// Random orthogonal matrices [size, size], side by side (Saxe et al., ICLR 2014).
  case orthogonal(size: Int)

  /// Fills `values` with the draws of parameter number `index`.
  public func fill(_ values: UnsafeMutablePointer<Float>, count: Int, seed: UInt64, index: Int) {
    switch self {
    case .zeros:
      values.update(repeating: 0, count: count)
    case .ones:
      values.update(repeating: 1, count: count)
    case .glorotUniform(let fanIn, let fanOut):
      Draws(seed: seed, purpose: .initialization, time: index)
        .uniform(row: 0, into: values, count: count)
      scale(values, count, to: (6 / Float(fanIn + fanOut)).squareRoot())
    case .uniform(let fanIn):
      Draws(seed: seed, purpose: .initialization, time: index)
        .uniform(row: 0, into: values, count: count)
      scale(values, count, to: 1 / Float(fanIn).squareRoot())
    case .orthogonal(let size):
      let draws = Draws(seed: seed, purpose: .initialization, time: index)
      fillOrthogonal(values, size: size, matrices: count / (size * size), draws)
    case .normal(let mean, let deviation):
      Draws(seed: seed, purpose: .initialization, time: index)
        .normal(row: 0, into: values, count: count)
      for i in 0..<count { values[i] = mean + deviation * values[i] }
    case .truncatedNormal(let deviation):
      truncate(values, count, seed: seed, index: index)
      for i in 0..<count { values[i] *= deviation }
    }
  }

  /// Standard normal draws within ±2: of several draws for an element, the first within the range.
  private func truncate(
    _ values: UnsafeMutablePointer<Float>, _ count: Int, seed: UInt64, index: Int
  ) {
    let draws = Draws(seed: seed, purpose: .initialization, time: index)
    draws.normal(row: 0, into: values, count: count)
    var again = [Float](repeating: 0, count: 16)
    for i in 0..<count where abs(values[i]) > 2 {
      draws.normal(row: i + 1, into: &again, count: again.count)
      // With sixteen draws, one element in 1e21 has no draw within the range.
      values[i] = again.first { abs($0) <= 2 } ?? 0
    }
  }

  /// Makes the rows of each matrix [size, size] orthogonal normal draws.
  ///
  /// Gram-Schmidt, applied twice, in double precision. Every orthogonal matrix is equally likely.
  private func fillOrthogonal(
    _ values: UnsafeMutablePointer<Float>, size: Int, matrices: Int, _ draws: Draws
  ) {
    var rows = [[Double]]()
    var normal = [Float](repeating: 0, count: size)
    for matrix in 0..<matrices {
      rows.removeAll(keepingCapacity: true)
      for row in 0..<size {
        draws.normal(row: matrix * size + row, into: &normal, count: size)
        var vector = normal.map(Double.init)
        for _ in 0..<2 {
          for other in rows {
            let share = dot(other, vector)
            for j in 0..<size { vector[j] -= share * other[j] }
          }
        }
        let length = dot(vector, vector).squareRoot()
        for j in 0..<size {
          vector[j] /= length
          values[row * matrices * size + matrix * size + j] = Float(vector[j])
        }
        rows.append(vector)
      }
    }
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for j in a.indices { sum += a[j] * b[j] }
    return sum
  }

  /// From [0, 1) to [-bound, bound).
  private func scale(_ values: UnsafeMutablePointer<Float>, _ count: Int, to bound: Float) {
    for i in 0..<count { values[i] = (2 * values[i] - 1) * bound }
  }
}

/// One trained tensor of a model.
///
/// Its memory belongs to the `ParameterSet` that collects the parameters of a model in one flat
/// array. Before that, the parameter has only a shape and an initializer.
public final class Parameter {
  /// How the values lie in files; names and shapes in files follow PyTorch's `state_dict`.
  public enum FileLayout: Equatable, Sendable {
    case asInMemory
    /// A matrix: [in, out] in memory, [out, in] in files.
    case transposed
    /// Convolution weights: [kernel, kernel, C, F] in memory, [F, C, kernel, kernel] in files.
    case convolution
    /// A matrix [H * W * C, out] after a flattened image; files hold [out, C * H * W].
    ///
    /// Images in files have the channels first.
    case afterFlatten(height: Int, width: Int, channels: Int)
    /// A matrix [in, H * W * C] before an image, or its bias [H * W * C].
    ///
    /// Files hold [C * H * W, in].
    case beforeUnflatten(height: Int, width: Int, channels: Int)

    /// How to reorder a parameter of this shape for files.
    ///
    /// - Returns: the extents in memory, the memory axis of each file axis, and the shape in files;
    ///   nil where the order is equal.
    func order(of shape: Shape) -> (extents: [Int], axes: [Int], fileShape: [Int])? {
      switch self {
      case .asInMemory: return nil
      case .transposed: return (shape.dimensions, [1, 0], [shape[1], shape[0]])
      case .convolution:
        return (shape.dimensions, [3, 2, 0, 1], [shape[3], shape[2], shape[0], shape[1]])
      case .afterFlatten(let height, let width, let channels):
        return ([height, width, channels, shape[1]], [3, 2, 0, 1], [shape[1], shape[0]])
      case .beforeUnflatten(let height, let width, let channels):
        let image = [height, width, channels]
        return shape.rank == 1
          ? (image, [2, 0, 1], [shape[0]])
          : ([shape[0]] + image, [3, 1, 2, 0], [shape[1], shape[0]])
      }
    }
  }

  /// What changes the values.
  public enum Role: Sendable {
    /// An optimizer changes the values by their gradients.
    case trained
    /// The values are running averages of measurements of the forward passes.
    ///
    /// A step keeps 0.9 of the average, PyTorch's default. The mean of the measurement over lanes
    /// takes the place of a gradient.
    case statistic
  }

  /// The extents in memory.
  public let shape: Shape
  /// How the first values are drawn.
  public let initializer: Initializer
  /// How the values lie in files.
  public let fileLayout: FileLayout
  /// What changes the values.
  public let role: Role
  /// Place in the model's list of parameters; set when the parameters are collected.
  public internal(set) var index = -1
  /// The group (a bit number) with which the parameter is trained; set when parameters are
  /// collected.
  public internal(set) var group = 0
  /// Place of the first element in the flat arrays of values and gradients.
  public internal(set) var offset = 0
  var pointer: UnsafeMutablePointer<Float>?
  /// Called with the index before values are read.
  var beforeReading: ((Int) -> Void)?

  /// A parameter without memory yet.
  public init(
    _ shape: Shape, _ initializer: Initializer, fileLayout: FileLayout = .asInMemory,
    role: Role = .trained
  ) {
    self.role = role
    self.shape = shape
    self.initializer = initializer
    self.fileLayout = fileLayout
  }

  /// The values, in memory order; waits for values that are on their way from other ranks.
  public var value: UnsafeMutablePointer<Float> {
    guard let pointer else { preconditionFailure("parameter \(shape) has no memory yet") }
    beforeReading?(index)
    return pointer
  }
}

/// An array of the model or the optimizer, in the layout of PyTorch's state_dict.
public struct NamedArray: Equatable, Sendable {
  /// Its key, such as "encoder.0.weight".
  public let name: String
  /// PyTorch's shape: a weight is [out, in].
  public let shape: [Int]
  /// The elements in row-major order.
  public let values: [Float]

  /// Traps if the number of values is not that of the shape, or the name contains a "/".
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(
      shape.reduce(1, *) == values.count, "\(name): \(values.count) values for shape \(shape)")
    precondition(!name.contains("/"), "\(name): a name without / is needed")
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// One array of optimizer state that belongs to a parameter.
public struct OptimizerEntry: Equatable, Sendable {
  /// The name of the parameter.
  public let parameter: String
  /// PyTorch's name for the state: "exp_avg", "exp_avg_sq", "square_avg" or "momentum_buffer".
  public let key: String
  /// The parameter's shape, in PyTorch's order.
  public let shape: [Int]
  /// The elements in row-major order.
  public let values: [Float]

  /// Traps if the number of values is not that of the shape, or a name contains a "/".
  public init(parameter: String, key: String, shape: [Int], values: [Float]) {
    precondition(
      shape.reduce(1, *) == values.count,
      "\(parameter)/\(key): \(values.count) values for shape \(shape)")
    precondition(
      !parameter.contains("/") && !key.contains("/"), "\(parameter), \(key): names without / needed"
    )
    self.parameter = parameter
    self.key = key
    self.shape = shape
    self.values = values
  }
}

/// The state of the optimizer of one parameter group.
public struct OptimizerGroup: Equatable, Sendable {
  /// The group's name, such as "autoencoder".
  public let name: String
  /// Updates made so far.
  public let step: Int
  /// Its arrays, parameter by parameter.
  public let entries: [OptimizerEntry]

  /// The entries of one parameter must follow each other.
  ///
  /// Traps if the name contains a "/".
  public init(name: String, step: Int, entries: [OptimizerEntry]) {
    precondition(!name.contains("/"), "\(name): a name without / is needed")
    self.name = name
    self.step = step
    self.entries = entries
  }
}

/// How far a run has come.
public struct Progress: Codable, Equatable, Sendable {
  /// The seed of every random draw.
  public var seed: UInt64
  /// Number of lanes, V.
  public var lanes: Int
  /// Outer iterations finished.
  public var outer: Int
  /// Epochs finished.
  public var epoch: Int
  /// Steps finished.
  public var step: Int
  /// Samples trained on so far, repetitions counted.
  public var imagesSeen: Int
  /// Whether gradients are added along the fixed tree over lanes.
  public var exact: Bool
  /// The BLAS kernel in use, such as "SkylakeX".
  public var blasKernel: String
  /// Other values that the training loop needs to go on, by name.
  public var values: [String: Double]

  /// Counters of a run; all zero at its beginning.
  public init(
    seed: UInt64, lanes: Int, outer: Int = 0, epoch: Int = 0, step: Int = 0, imagesSeen: Int = 0,
    exact: Bool = false, blasKernel: String = "", values: [String: Double] = [:]
  ) {
    self.seed = seed
    self.lanes = lanes
    self.outer = outer
    self.epoch = epoch
    self.step = step
    self.imagesSeen = imagesSeen
    self.exact = exact
    self.blasKernel = blasKernel
    self.values = values
  }
}

/// A metric's value at a step.
public struct HistoryPoint: Equatable, Sendable {
  /// Steps finished when it was measured.
  public let step: Int
  /// The value.
  public let value: Double

  /// A value at a step.
  public init(step: Int, value: Double) {
    self.step = step
    self.value = value
  }
}

/// Everything that a checkpoint holds but the row state, assembled on rank 0.
public struct CheckpointContents: Equatable, Sendable {
  /// The resolved configuration, one JSON object.
  public var configuration: String
  /// Weights and running statistics, in the model's order.
  public var model: [NamedArray]
  /// Optimizer state, group by group.
  public var optimizer: [OptimizerGroup]
  /// Counters.
  public var progress: Progress
  /// Metrics over time, by name.
  public var history: [String: [HistoryPoint]]
  /// The images trained on; nil in checkpoints of earlier versions.
  public var data: DataIdentity?
  /// Texts about the model for other programs, by name: attributes of /model, which only they read.
  public var modelTexts: [String: String] = [:]

  /// All that the next step needs but the row state.
  public init(
    configuration: String, model: [NamedArray], optimizer: [OptimizerGroup], progress: Progress,
    history: [String: [HistoryPoint]] = [:], data: DataIdentity? = nil,
    modelTexts: [String: String] = [:]
  ) {
    self.configuration = configuration
    self.model = model
    self.optimizer = optimizer
    self.progress = progress
    self.history = history
    self.data = data
    self.modelTexts = modelTexts
  }
}

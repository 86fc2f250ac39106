import Checkpoints
import Datasets
import Layers

/// What a run does from its first step to its last.
///
/// A loop knows its length and what it keeps of each row, and drives a session.
public protocol Loop: Sendable {
  /// Epochs of the whole run.
  var epochs: Int { get }
  /// Outer iterations of the whole run; nil for a loop that has none.
  var outerIterations: Int? { get }
  /// How its steps turn gradients into updates.
  var optimizer: OptimizerSettings { get }
  /// The arrays that it keeps with so many rows of such images; "S" is the sparse part.
  ///
  /// - Throws: `ConfigurationError` where they cannot be kept as asked.
  func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray]
  /// Runs from where the session's trainer stands to the end.
  ///
  /// **Collective.**
  func run(_ session: Session) throws -> RunOutcome
  /// Does once, for planning, what an outer iteration does beside its steps.
  ///
  /// - Returns: the seconds it took; nil for a loop whose steps are all there is.
  func rehearse(_ trainer: Trainer) throws -> Double?
}

extension Loop {
  /// None.
  public var outerIterations: Int? { nil }
  /// Of no use where there are no gradients.
  public var optimizer: OptimizerSettings { OptimizerSettings() }
  /// None.
  public func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray] { [] }
  /// There is nothing else.
  public func rehearse(_ trainer: Trainer) throws -> Double? { nil }
}

/// How many times a run goes over the training set.
public struct EpochCount: SettingsGroup {
  /// Passes over the training set, for models without an outer loop.
  public var epochs = 600

  /// The default.
  public init() {}

  /// `epochs`.
  public static let keys: [SettingsKey<EpochCount>] = [
    .integer(
      "epochs", \.epochs, 1...1_000_000,
      "Passes over the training set, for models without outer iterations.", "4.1: 600 = 30 x 20")
  ]
}

/// Epoch after epoch of gradient steps.
public struct Epochs: Loop {
  /// The settings of a run of epochs.
  public struct Settings: SettingsGroup {
    /// Their number.
    public var count = EpochCount()
    /// How gradients become updates.
    public var optimizer = OptimizerSettings()

    /// The defaults.
    public init() {}

    /// Length, then optimizer.
    public static let keys: [SettingsKey<Settings>] = group(\.count) + group(\.optimizer)
  }

  /// Epochs of the run.
  public let epochs: Int
  /// How gradients become updates.
  public let optimizer: OptimizerSettings

  /// A loop of such settings.
  public init(_ settings: Settings) {
    epochs = settings.count.epochs
    optimizer = settings.optimizer
  }

  /// Trains for all epochs.
  ///
  /// **Collective.**
  public func run(_ session: Session) throws -> RunOutcome {
    try session.train(epochs: epochs) ? .finished : session.interruption
  }
}

/// A model that is fitted by sweeps over all rows rather than by gradients of batches.
public protocol Fitted: Module {
  /// The arrays that live with the rows.
  ///
  /// - Throws: `ConfigurationError` where they cannot be kept so.
  static func rowArrays(kept storage: SplitStorage) throws(ConfigurationError) -> [RowArray]
  /// Prepares weights and rows for the first sweep.
  ///
  /// **Collective.**
  func start(_ trainer: Trainer) throws
  /// One sweep over all rows.
  ///
  /// **Collective.**
  ///
  /// - Returns: what it minimises, the mean over the rows.
  func sweep(_ trainer: Trainer) throws -> Double
}

/// Sweep after sweep of a fitted model; a sweep is the only step of its epoch.
public struct Sweeps<Model: Fitted>: Loop {
  /// Sweeps of the run.
  public let epochs: Int
  private let storage: RowStorage

  /// A loop of such settings.
  public init(_ settings: SweepSettings) {
    epochs = settings.count.epochs
    storage = settings.storage
  }

  /// The model's.
  public func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray] {
    try Model.rowArrays(kept: storage.kind(rows: rows, of: shape))
  }

  /// Sweeps until the end.
  ///
  /// **Collective.**
  public func run(_ session: Session) throws -> RunOutcome {
    let trainer = session.trainer
    guard let model = trainer.model as? Model else {
      preconditionFailure("sweeps of \(Model.self) with another model")
    }
    if trainer.progress.step == 0 { try model.start(trainer) }
    let isDone = try session.train(epochs: epochs) {
      try trainer.fitStep { try model.sweep(trainer) }
    }
    return isDone ? .finished : session.interruption
  }
}

/// The settings of a run of sweeps.
public struct SweepSettings: SettingsGroup {
  /// Their number.
  public var count = EpochCount()
  /// How the row state is kept.
  public var storage = RowStorage()

  /// The defaults.
  public init() {}

  /// Length, then row state.
  public static let keys: [SettingsKey<SweepSettings>] = group(\.count) + group(\.storage)

  /// Settles how rows are kept.
  public mutating func resolve(for data: TrainingSetFacts) { storage.resolve(for: data) }

  /// Each sweep sees the same rows: there are no fresh draws.
  public func check(
    _ system: String, with common: CommonSettings
  ) throws(ConfigurationError) {
    if !common.data.noise.isNone {
      throw ConfigurationError(
        key: "noise", found: common.data.noise.spec,
        expected: "none with model=\(system), which sees its rows as they are (static_noise)")
    }
    if common.data.binarize == .eachStep {
      throw ConfigurationError(
        key: "binarize", found: common.data.binarize.rawValue,
        expected: "none or once with model=\(system)")
    }
  }
}

/// How the arrays that live with the rows are kept.
public struct RowStorage: SettingsGroup {
  /// As set; nil for compact above a size.
  public var splitStorage: SplitStorage?

  /// The default.
  public init() {}

  /// `split_storage`.
  public static let keys: [SettingsKey<RowStorage>] = [
    .optionalChoice(
      "split_storage", \.splitStorage, absent: "compact where S in floats has more than 1 GiB",
      "How the sparse part is kept: compact is 16 bits for S, 8 for the residual.",
      "architecture, rows"
    ).fixed
  ]

  /// The bytes of S in 32-bit floats above which it is kept compact, unless set otherwise.
  static let compactBytes = 1 << 30

  /// As set, or compact where S in floats would have more than 1 GiB.
  public func kind(rows: Int, of shape: ImageShape) -> SplitStorage {
    splitStorage ?? (rows * shape.count * 4 > Self.compactBytes ? .compact : .float32)
  }

  /// Settles it where the shape is known.
  public mutating func resolve(for data: TrainingSetFacts) {
    if let shape = data.shape { splitStorage = kind(rows: data.rows, of: shape) }
  }
}

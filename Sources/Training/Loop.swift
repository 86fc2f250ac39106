import Checkpoints
import Datasets
import Layers
import Support

/// The course of a run from its first step to its last.
///
/// A loop knows its length and the arrays that it keeps for each row, and it drives a session.
public protocol Loop: Sendable {
  /// Epochs of the whole run.
  var epochs: Int { get }
  /// Outer iterations of the whole run; nil for a loop without outer iterations.
  var outerIterations: Int? { get }
  /// The rule that makes S from X - L.
  var shrinkage: ShrinkageRule { get }
  /// Whether X = L + S of the rows trained on, without a rest: then their L is X - S.
  var leavesNoRest: Bool { get }
  /// What the loss in logs is.
  var lossUnit: Measure { get }
  /// The settings by which steps turn gradients into updates.
  var optimizer: OptimizerSettings { get }
  /// The arrays that the loop keeps for `rows` rows of images of this shape; "S" is the sparse
  /// part.
  ///
  /// - Throws: `ConfigurationError` where they cannot be kept as the settings ask.
  func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray]
  /// Runs from the present place of the session's trainer to the end.
  ///
  /// **Collective.**
  func run(_ session: Session) throws -> RunOutcome
  /// Does the work of an outer iteration beside its steps once, for planning.
  ///
  /// - Returns: the seconds it took; nil for a loop that only makes steps.
  func rehearse(_ trainer: Trainer) throws -> Double?
}

extension Loop {
  /// The default: nil.
  public var outerIterations: Int? { nil }
  /// The default: soft.
  public var shrinkage: ShrinkageRule { .soft }
  /// The default: there may be a rest.
  public var leavesNoRest: Bool { false }
  /// The default: nats.
  public var lossUnit: Measure { .nats }
  /// The default settings, for loops without gradients.
  public var optimizer: OptimizerSettings { OptimizerSettings() }
  /// The default: no arrays.
  public func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray] { [] }
  /// The default: nil, because the loop only makes steps.
  public func rehearse(_ trainer: Trainer) throws -> Double? { nil }
}

/// The number of passes of a run over the training set.
public struct EpochCount: SettingsGroup {
  /// Passes over the training set, for models without an outer loop.
  public var epochs = 600

  /// The default.
  public init() {}

  /// `epochs`.
  public static let entries: [SettingsEntry<EpochCount>] = [
    .integer(
      "epochs", \.epochs, 1...1_000_000,
      "Passes over the training set, for models without outer iterations.", "4.1: 600 = 30 x 20")
  ]
}

/// A loop of epochs of gradient steps.
public struct Epochs: Loop {
  /// The settings of a run of epochs.
  public struct Settings: SettingsGroup {
    /// The number of sweeps.
    public var count = EpochCount()
    /// The settings of the optimizer.
    public var optimizer = OptimizerSettings()
    /// A stage before these epochs.
    public var first = FirstStageSettings()

    /// The defaults.
    public init() {}

    /// Length, optimizer, first stage.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.count),
      .group(\.optimizer),
      .group(\.first),
    ]
  }

  /// Epochs of the run.
  public let epochs: Int
  /// The settings of the optimizer.
  public let optimizer: OptimizerSettings

  /// A loop with these settings.
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

/// A model that is fitted by sweeps over all rows, without gradients of batches.
public protocol Fitted: Module {
  /// What the minimised value is.
  static var lossUnit: Measure { get }
  /// The arrays that live with the rows.
  ///
  /// - Throws: `ConfigurationError` where they cannot be kept in this storage.
  static func rowArrays(kept storage: RowStorageKind) throws(ConfigurationError) -> [RowArray]
  /// Prepares weights and rows for the first sweep.
  ///
  /// **Collective.**
  func start(_ session: Session) throws
  /// Makes one sweep over all rows.
  ///
  /// **Collective.**
  ///
  /// - Returns: the minimised value, mean over the rows, and whether the fit has converged.
  func sweep(_ session: Session) throws -> SweepResult
}

extension Fitted {
  /// The default: nats.
  public static var lossUnit: Measure { .nats }
}

/// The result of one sweep of a fitted model.
public struct SweepResult: Sendable {
  /// The minimised value, mean over the rows; the loss in logs.
  public let objective: Double
  /// Other figures of the sweep for logs, in one order for all sweeps.
  public let parts: [(LossPart, Double)]
  /// Whether no other sweep is needed.
  public let hasConverged: Bool

  /// A result from its parts.
  public init(
    objective: Double, parts: [(LossPart, Double)] = [], hasConverged: Bool = false
  ) {
    self.objective = objective
    self.parts = parts
    self.hasConverged = hasConverged
  }
}

/// A loop of sweeps of a fitted model; each epoch has one step, a sweep.
public struct Sweeps<Model: Fitted>: Loop {
  /// Sweeps of the run.
  public let epochs: Int
  private let storage: RowStorage

  /// A loop with these settings.
  public init(_ settings: SweepSettings) {
    epochs = settings.count.epochs
    storage = settings.storage
  }

  /// The model's arrays.
  public func rowArrays(rows: Int, of shape: ImageShape) throws -> [RowArray] {
    try Model.rowArrays(kept: storage.kind(rows: rows, of: shape))
  }

  /// The model's.
  public var lossUnit: Measure { Model.lossUnit }

  /// Makes sweeps until the end.
  ///
  /// **Collective.**
  public func run(_ session: Session) throws -> RunOutcome {
    try session.sweep(Model.self, atMost: epochs)
  }
}

extension Session {
  /// Makes sweeps of a fitted model until it has converged, or for all epochs.
  ///
  /// **Collective.** Traps if the session trains another model.
  public func sweep<Model: Fitted>(_ type: Model.Type, atMost epochs: Int) throws -> RunOutcome {
    guard let model = trainer.model as? Model else {
      preconditionFailure("sweeps of \(type) with another model")
    }
    if trainer.progress.step == 0 { try model.start(self) }
    // A stop may come between the last sweep and the end of its epoch.
    while trainer.progress.epoch < epochs
      && !(hasConverged && trainer.progress.stepInEpoch == 0)
    {
      let goesOn = try train(epochs: trainer.progress.epoch + 1) {
        var hasConverged = false
        try self.trainer.fitStep {
          let result = try model.sweep(self)
          hasConverged = result.hasConverged
          return result
        }
        if hasConverged { self.noteConvergence() }
      }
      if !goesOn { return interruption }
    }
    if !hasConverged && epochs > 1 {
      journal.observer?.warning(
        "not converged after \(Quantity.count(epochs, "sweep")); train --resume with more epochs goes on"
      )
    }
    return hasConverged ? .converged : .finished
  }
}

/// The settings of a run of sweeps.
public struct SweepSettings: SettingsGroup {
  /// The number of sweeps.
  public var count = EpochCount()
  /// The storage of the row state.
  public var storage = RowStorage()

  /// The defaults.
  public init() {}

  /// Length, then row state.
  public static let entries: [SettingsEntry<SweepSettings>] = [
    .group(\.count),
    .group(\.storage),
  ]

  /// Each sweep must see the same rows, so noise must not be drawn anew.
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

/// The storage of the arrays that live with the rows.
public struct RowStorage: SettingsGroup {
  /// The storage as set; nil means compact above a size.
  public var storage: RowStorageKind?

  /// The default.
  public init() {}

  /// `split_storage`.
  public static let entries: [SettingsEntry<RowStorage>] = [
    .optionalChoice(
      "split_storage", \.storage, absent: "compact where S in floats has more than 1 GiB",
      "How the sparse part is kept: compact is 16 bits for S, 8 for the residual.",
      "architecture, rows"
    ).fixed
  ]

  /// S is compact if it would have more bytes than this in 32-bit floats, unless set otherwise.
  static let compactBytes = 1 << 30

  /// The storage as set; otherwise compact where S in floats would have more than 1 GiB.
  public func kind(rows: Int, of shape: ImageShape) -> RowStorageKind {
    storage ?? (rows > Self.compactBytes / (4 * shape.count) ? .compact : .float32)
  }

  /// Resolves the storage when the shape is known.
  public mutating func resolve(for data: TrainingSetFacts) {
    if let shape = data.shape { storage = kind(rows: data.rows, of: shape) }
  }
}

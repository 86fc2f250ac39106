/// Told what a run does, on rank 0 only, between steps: for a progress display.
///
/// The engine calls these from its main thread and waits for them; they should be quick.
public protocol TrainingObserver: AnyObject {
  /// Everything is read and agreed on; the first step comes next.
  func runStarted(_ header: RunHeader)
  /// A step was logged: every `log_every` steps.
  func step(_ metrics: StepMetrics)
  /// An outer iteration (robust models), with its projection, is complete.
  func outerFinished(_ metrics: OuterMetrics)
  /// Something the user should know and may want to mend; the run goes on.
  func warning(_ message: String)
  /// A checkpoint is on disk under its final name.
  func checkpointed(_ checkpoint: CheckpointNotice)
  /// The most memory that each rank has had so far, by rank: told at the end.
  func peakMemory(_ bytes: [Int])
  /// The run is over, or stopped in good order.
  func finished(_ outcome: RunOutcome)
}

/// What a run is made of, known before its first step.
public struct RunHeader: Sendable {
  /// The name of the system.
  public var system: String
  /// The settings that all runs have, resolved.
  public var common: CommonSettings
  /// The whole configuration, as `--set` takes it.
  public var assignments: [String]
  /// The run directory.
  public var run: String
  /// The data file.
  public var data: String
  /// Rows in use, and the image shape `[height, width, channels]`.
  public var rows: Int, imageShape: [Int]
  /// Host of each rank, by rank.
  public var hosts: [String]
  /// The matrix kernel in use, as the BLAS names it.
  public var blasKernel: String
  /// Trained values of the model.
  public var parameters: Int
  /// Steps of the whole run.
  public var totalSteps: Int
  /// Epochs of the whole run.
  public var totalEpochs: Int
  /// Outer iterations of the whole run; nil for a model that has none.
  public var outerIterations: Int?
  /// The checkpoint the run goes on from, by name; nil for a new run.
  public var resumedFrom: String?

  /// A header from its parts.
  public init(
    system: String, common: CommonSettings, assignments: [String], run: String, data: String,
    rows: Int, imageShape: [Int], hosts: [String], blasKernel: String, parameters: Int,
    totalSteps: Int, totalEpochs: Int,
    outerIterations: Int? = nil, resumedFrom: String? = nil
  ) {
    self.system = system
    self.common = common
    self.assignments = assignments
    self.run = run
    self.data = data
    self.rows = rows
    self.imageShape = imageShape
    self.hosts = hosts
    self.blasKernel = blasKernel
    self.parameters = parameters
    self.totalSteps = totalSteps
    self.totalEpochs = totalEpochs
    self.outerIterations = outerIterations
    self.resumedFrom = resumedFrom
  }
}

/// Losses of one step and how fast the run goes.
public struct StepMetrics: Sendable {
  /// Outer iteration (1 for models without), epoch within the run from 1, step from 1 over the whole run.
  public var outer: Int, epoch: Int, step: Int
  /// The loss in nats per image, mean over the global batch.
  public var loss: Double
  /// The loss's terms by name, in the model's order; units as `loss`.
  public var terms: [(name: String, value: Double)]
  /// Images a second over all ranks since the last report.
  public var imagesPerSecond: Double
  /// Estimated seconds until the run ends, projections included where known.
  public var secondsLeft: Double

  /// Metrics from their parts.
  public init(
    outer: Int, epoch: Int, step: Int, loss: Double, terms: [(name: String, value: Double)],
    imagesPerSecond: Double, secondsLeft: Double
  ) {
    self.outer = outer
    self.epoch = epoch
    self.step = step
    self.loss = loss
    self.terms = terms
    self.imagesPerSecond = imagesPerSecond
    self.secondsLeft = secondsLeft
  }
}

/// What an outer iteration of a robust model left.
public struct OuterResult: Sendable {
  /// The two convergence measures of the RVAE paper, without unit.
  public var c1: Double, c2: Double
  /// Fraction of the sparse part that is not zero.
  public var nonzero: Double
  /// lambda ||S||_1.
  public var penalty: Double
  /// Mean squared error per pixel to the clean images of L and of X - S; nil without clean images.
  public var cleanError: (reconstruction: Double, difference: Double)?
  /// Seconds that it took beside its steps.
  public var seconds: Double

  /// A result from its parts.
  public init(
    c1: Double, c2: Double, nonzero: Double, penalty: Double,
    cleanError: (reconstruction: Double, difference: Double)?, seconds: Double
  ) {
    self.c1 = c1
    self.c2 = c2
    self.nonzero = nonzero
    self.penalty = penalty
    self.cleanError = cleanError
    self.seconds = seconds
  }

  /// By the names they have in logs and histories.
  var named: [(name: String, value: Double)] {
    var values = [("c1", c1), ("c2", c2), ("sparsity", nonzero)]
    if let cleanError {
      values += [("mse", cleanError.reconstruction), ("mse_difference", cleanError.difference)]
    }
    return values + [("lambda_l1", penalty)]
  }
}

/// An outer iteration as an observer is told of it.
public struct OuterMetrics: Sendable {
  /// Outer iteration from 1, and the step it ended at.
  public var outer: Int, step: Int
  /// What it left.
  public var result: OuterResult

  /// Metrics from their parts.
  public init(outer: Int, step: Int, _ result: OuterResult) {
    self.outer = outer
    self.step = step
    self.result = result
  }
}

/// A checkpoint that was written.
public struct CheckpointNotice: Sendable {
  /// Its directory's name: `step-00001200`.
  public var name: String
  /// Bytes over all files.
  public var bytes: Int
  /// Of these, bytes shared with the checkpoint before, which nobody had to write.
  public var linkedBytes: Int
  /// Seconds that training stood still for it.
  public var seconds: Double

  /// A notice from its parts.
  public init(name: String, bytes: Int, linkedBytes: Int = 0, seconds: Double) {
    self.name = name
    self.bytes = bytes
    self.linkedBytes = linkedBytes
    self.seconds = seconds
  }
}

/// How a run ended.
public enum RunOutcome: Equatable, Sendable {
  /// All steps are done, or as many as were asked for.
  case finished
  /// The stop rule of a robust model held.
  case converged
  /// A signal, or `--stop-after-step`: the run can be resumed.
  case stopped
}

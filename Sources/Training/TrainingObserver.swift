import Support

/// Receives reports of a run on rank 0, between steps: for a progress display.
///
/// The engine calls these methods from its main thread and waits for them; they should be quick.
public protocol TrainingObserver: AnyObject {
  /// Everything is read and all ranks agree; the first step comes next.
  func runStarted(_ header: RunHeader)
  /// The threshold with which S is shrunk is known: before the first step of a robust model.
  func shrinks(by threshold: Double, lambda: Double, rule: ShrinkageRule)
  /// A step was logged: every `log_every` steps.
  func step(_ metrics: StepMetrics)
  /// An outer iteration (robust models), with its projection, is complete.
  func outerFinished(_ metrics: OuterMetrics)
  /// A fact about the run that the user may want to know.
  func note(_ message: String)
  /// A fact that the user should know and may want to mend; the run continues.
  func warning(_ message: String)
  /// A checkpoint is on disk under its final name.
  func checkpointed(_ checkpoint: CheckpointNotice)
  /// The largest memory of each rank so far, by rank; reported at the end.
  func peakMemory(_ bytes: [Int])
  /// The checkpoint of the lowest score; reported at the end, if there is one.
  func best(_ checkpoint: BestCheckpoint)
  /// How often a trained classifier is right about some images; reported at the end.
  func classified(_ images: String, _ accuracy: ClassAccuracy)
  /// The run, or a stage of it, has finished or stopped in good order.
  func finished(_ outcome: RunOutcome)
  /// L of the first stage, of so many bytes, is on disk under its name.
  func handedOver(bytes: Int, to path: String)
}

extension TrainingObserver {
  /// The default: nothing.
  public func handedOver(bytes: Int, to path: String) {}
}

extension TrainingObserver {
  /// The default: nothing.
  public func note(_ message: String) {}
  /// The default: nothing, for observers of other models.
  public func classified(_ images: String, _ accuracy: ClassAccuracy) {}
}

/// The facts of a run that are known before its first step.
public struct RunHeader: Sendable {
  /// The name of the system.
  public var system: String
  /// The settings that all runs have, resolved.
  public var common: CommonSettings
  /// The settings that the system reads, as `--set` takes them.
  public var assignments: [String]
  /// The preset that the run was started from, and the settings that differ from it; nil where
  /// nothing is known of a preset, and settings differ from the defaults.
  public var preset: String?, changed: [String]
  /// What can be asked of the model.
  public var abilities: ModelAbilities
  /// The run directory.
  public var run: String
  /// The stage of a run with two; nil for a run with one.
  public var stage: RunStage?
  /// The data file, and the digest of the rows in use.
  public var data: String, digest: String
  /// Rows in use, and what they are called: images, patches, or rows of features.
  public var rows: Int, rowsName: String
  /// Number and form of the images in words, and whether they differ in size.
  public var extent: String, isMixed: Bool
  /// Host of each rank, by rank.
  public var hosts: [String]
  /// The matrix kernels in use, as the BLAS names them; several only where ranks differ.
  public var blasKernels: String
  /// Trained values of the model.
  public var parameters: Int
  /// Steps of the whole run.
  public var totalSteps: Int
  /// Epochs of the whole run.
  public var totalEpochs: Int
  /// Outer iterations of the whole run; nil for a model without outer iterations.
  public var outerIterations: Int?
  /// What the loss is.
  public var lossUnit: Measure
  /// The name of the checkpoint from which the run continues; nil for a new run.
  public var resumedFrom: String?
  /// The images whose hidden pixels judge the model; nil where none do.
  public var judges: String?

  /// A header from its parts.
  public init(
    system: String, common: CommonSettings, assignments: [String], preset: String? = nil,
    changed: [String] = [], abilities: ModelAbilities = ModelAbilities(), run: String,
    stage: RunStage? = nil, data: String, digest: String, rows: Int, rowsName: String,
    extent: String, isMixed: Bool,
    hosts: [String], blasKernels: String,
    parameters: Int,
    totalSteps: Int, totalEpochs: Int,
    outerIterations: Int? = nil, lossUnit: Measure = .nats, resumedFrom: String? = nil,
    judges: String? = nil
  ) {
    self.system = system
    self.common = common
    self.assignments = assignments
    self.preset = preset
    self.changed = changed
    self.abilities = abilities
    self.run = run
    self.stage = stage
    self.data = data
    self.digest = digest
    self.rows = rows
    self.rowsName = rowsName
    self.extent = extent
    self.isMixed = isMixed
    self.hosts = hosts
    self.blasKernels = blasKernels
    self.parameters = parameters
    self.totalSteps = totalSteps
    self.totalEpochs = totalEpochs
    self.lossUnit = lossUnit
    self.outerIterations = outerIterations
    self.resumedFrom = resumedFrom
    self.judges = judges
  }
}

/// A stage of a run with two.
public struct RunStage: Equatable, Sendable {
  /// The stages of such a run.
  public static let count = 2
  /// Its number, from 1.
  public let number: Int
  /// The directory of the whole run.
  public let run: String
  /// Whether this process has trained the stage before it.
  public let isSameProcess: Bool

  /// A stage from its parts.
  public init(_ number: Int, of run: String, isSameProcess: Bool = false) {
    (self.number, self.run, self.isSameProcess) = (number, run, isSameProcess)
  }

  /// Whether no other stage follows.
  public var isLast: Bool { number == Self.count }
  /// `stage 1 of 2`.
  public var words: String { "stage \(number) of \(Self.count)" }
}

/// What can be asked of a trained model.
public struct ModelAbilities: Equatable, Sendable {
  /// Whether it has codes of images, and so reconstructions.
  public var encodes = false
  /// Whether it draws images from a prior.
  public var generates = false
  /// Whether it tells the class of images.
  public var classifies = false
  /// Whether the run keeps a sparse part.
  public var splits = false

  /// A model that can nothing.
  public init() {}
}

/// Losses of one step, and the speed of the run.
public struct StepMetrics: Sendable {
  /// Outer iteration (1 for models without), epoch within the run from 1, step from 1 over the
  /// whole run.
  public var outer: Int, epoch: Int, step: Int
  /// The loss in nats per image, mean over the global batch.
  public var loss: Double
  /// The loss's terms by name, in the model's order; units as `loss`.
  public var terms: [(name: String, value: Double)]
  /// Images a second over all ranks since the last report.
  public var imagesPerSecond: Double
  /// Estimated seconds until the run ends; projections are included where known.
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

/// The result of an outer iteration of a robust model.
public struct OuterResult: Sendable {
  /// The two convergence measures of the RVAE paper, without unit.
  public var c1: Double, c2: Double
  /// The fraction of the sparse part's elements that are not zero.
  public var nonzero: Double
  /// lambda ||S||_1.
  public var penalty: Double
  /// Mean squared error per pixel to the clean images of L and of X - S; nil without clean images.
  public var cleanError: (reconstruction: Double, difference: Double)?
  /// Seconds of the iteration beside its steps.
  public var seconds: Double
  /// The error of L at hidden pixels, found after the iteration; nil where it is not
  /// measured.
  public var hidden: Double?

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

  /// The result by names in logs and histories.
  public var named: [(name: String, value: Double)] {
    var values: [(name: String, value: Double)] = [
      ("c1", c1), ("c2", c2), ("nonzero", nonzero),
    ]
    if let cleanError {
      values += [("mse", cleanError.reconstruction), ("mse_difference", cleanError.difference)]
    }
    values.append(("lambda_l1", penalty))
    if let hidden { values.append((HiddenPixels.name, hidden)) }
    return values
  }
}

/// An outer iteration, as reported to an observer.
public struct OuterMetrics: Sendable {
  /// The outer iteration, from 1, and its last step.
  public var outer: Int, step: Int
  /// The iteration's result.
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
  /// The part of these bytes that is shared with the previous checkpoint and was not written.
  public var linkedBytes: Int
  /// Seconds that training paused for the checkpoint.
  public var seconds: Double

  /// A notice from its parts.
  public init(name: String, bytes: Int, linkedBytes: Int = 0, seconds: Double) {
    self.name = name
    self.bytes = bytes
    self.linkedBytes = linkedBytes
    self.seconds = seconds
  }
}

/// The checkpoint of the lowest score.
public struct BestCheckpoint: Equatable, Sendable {
  /// Its directory's name: `step-00001200`.
  public var name: String
  /// Its score, and what that is.
  public var score: Double, measure: BestMeasure

  /// A checkpoint from its parts.
  public init(name: String, score: Double, measure: BestMeasure) {
    self.name = name
    self.score = score
    self.measure = measure
  }
}

/// The end of a run.
public enum RunOutcome: Equatable, Sendable {
  /// All steps are done, or as many as were requested.
  case finished
  /// The stop rule of a robust model held.
  case converged
  /// The error at hidden pixels has not become lower for as long as `patience` says.
  case stalled
  /// A signal, or `--stop-after-step`: the run can be resumed.
  case stopped
}

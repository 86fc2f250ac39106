import Distributed

/// The needs of a run with one stage or two, of which one follows the other.
public struct StagedPlan: Sendable {
  /// The first of two stages; nil for a run with one.
  public let first: Plan?
  /// The only stage, or the second.
  public let last: Plan

  /// A plan from its parts.
  public init(first: Plan?, last: Plan) { (self.first, self.last) = (first, last) }

  private var all: [Plan] { (first.map { [$0] } ?? []) + [last] }
  private func largest(_ bytes: (Plan) -> Int) -> Int { all.map(bytes).max() ?? 0 }

  /// Memory of rank 0 in the stage that needs most.
  public var rankBytes: Int { largest(\.memory.total) }
  /// Memory of one node in the stage that needs most.
  public var nodeBytes: Int { largest(\.nodeBytes) }
  /// Memory of all ranks in the stage that needs most.
  public var totalBytes: Int { largest(\.totalBytes) }
  /// Seconds of all stages.
  public var secondsInAll: Double { all.reduce(0) { $0 + $1.secondsInAll } }
  /// Hours of all cores in all stages.
  public var coreHours: Double { all.reduce(0) { $0 + $1.coreHours } }
  /// Bytes of L that the first stage hands over to the second; 0 for one stage.
  public var handedOverBytes: Int {
    first == nil ? 0 : last.rows * last.rowValues * MemoryLayout<Float>.size
  }
}

/// The needs of a run, found before it starts.
///
/// Sizes follow from the configuration. Workspace, operations and times come from a few steps of
/// one rank's share of the batch. One process makes these steps on the first rows of the data.
public struct Plan: Sendable {
  /// Resident memory of a rank by kind, in bytes.
  public struct Memory: Equatable, Sendable {
    /// Images of the rank's rows: mapped images can be dropped and read again, others cannot.
    public var images = 0
    /// S and R.
    public var rowState = 0
    /// Weights and gradients.
    public var parameters = 0
    /// The rank's part of the optimizer's state.
    public var optimizer = 0
    /// Values and gradients of a step, and temporary memory of projections, grids and
    /// checkpoints.
    public var workspace = 0
    /// The program and its libraries.
    public var process = 0

    /// All kinds together.
    public var total: Int { images + rowState + parameters + optimizer + workspace + process }
  }

  /// Ranks that share the run, and ranks that share a node.
  public let ranks: Int, ranksPerNode: Int
  /// The resolved configuration.
  public let lanes: Int, batch: Int, rows: Int
  /// Number and form of the images in words, their number, and whether the rows are patches of
  /// them.
  public let extent: String, images: Int, isOfPatches: Bool
  /// Values of a row.
  public let rowValues: Int
  /// Trained values of the model.
  public let parameterCount: Int
  /// Rank 0's memory; no rank has more.
  public let memory: Memory
  /// Resident memory summed over all ranks, as `top` shows it: shared pages count for each rank.
  public let totalBytes: Int
  /// Memory that one node must have: pages that its ranks share count once.
  public let nodeBytes: Int
  /// Whether images are mapped from the file and need not stay in memory.
  public let isMapped: Bool
  /// Operations in the products of a training step, divided by the images of the step.
  public let flopsPerImage: Double
  /// Bytes that all ranks together exchange in a step; within a node through shared memory.
  public let wireBytesPerStep: Int
  /// Bytes of a checkpoint, and the bytes that later checkpoints of an outer iteration share with
  /// it.
  public let checkpointBytes: Int, sharedCheckpointBytes: Int
  /// Bytes that a host sends to others in a step, and receives; 0 for a single node.
  public let hostBytesPerStep: Int
  /// The network between hosts; nil where there is none, or its speed is not known.
  public let network: HostNetwork?
  /// Steps of an epoch, and seconds of the computing in a step, measured on one rank's part.
  public let stepsPerEpoch: Int, secondsOfComputing: Double
  /// Seconds that a step of one node alone would take, with as many ranks as it has here.
  public let secondsOnOneNode: Double
  /// Seconds of one projection of all rows; nil for models without a sparse part.
  public let secondsPerProjection: Double?
  /// Epochs and projections of the whole run, if it does not converge before.
  public let epochs: Int, projections: Int
  /// Steps that were timed.
  public let stepsMeasured: Int

  /// Seconds in which a step's messages cross the network; 0 where there is none, or its speed is
  /// not known.
  public var secondsOfMessages: Double {
    network.map { Double(hostBytesPerStep) / $0.bytesPerSecond } ?? 0
  }

  /// Seconds of a step.
  ///
  /// Gradients travel while backward computes, which takes two thirds of a step.
  public var secondsPerStep: Double {
    secondsOfComputing / 3 + max(2 * secondsOfComputing / 3, secondsOfMessages)
  }

  /// Time of the whole run in seconds, without checkpoints.
  public var secondsInAll: Double {
    Double(epochs) * secondsPerEpoch + Double(projections) * (secondsPerProjection ?? 0)
  }

  /// Hours of all cores together, with one thread a rank.
  public var coreHours: Double { secondsInAll * Double(ranks) / 3600 }

  /// Time of an epoch in seconds, without checkpoints.
  public var secondsPerEpoch: Double { Double(stepsPerEpoch) * secondsPerStep }
}

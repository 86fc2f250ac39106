/// What a run will need, found out before it starts.
///
/// Sizes follow from the configuration; workspace, operations and times come from a few steps of one rank's
/// share of the batch, made by one process on the first rows of the data.
public struct Plan: Sendable {
  /// Resident memory of a rank by kind, in bytes.
  public struct Memory: Equatable, Sendable {
    /// Images of the rank's rows: mapped ones can be dropped and read again, others cannot.
    public var images = 0
    /// S and R.
    public var split = 0
    /// Weights and gradients.
    public var parameters = 0
    /// The rank's part of the optimizer's state.
    public var optimizer = 0
    /// Values and gradients of a step, and what passes over the data, grids and checkpoints need for a while.
    public var workspace = 0
    /// The program and its libraries.
    public var process = 0

    /// All kinds together.
    public var total: Int { images + split + parameters + optimizer + workspace + process }
  }

  /// Ranks that share the run, and how many of them share a node.
  public let ranks: Int, ranksPerNode: Int
  /// The resolved configuration.
  public let lanes: Int, batch: Int, rows: Int
  /// Trained values of the model.
  public let parameterCount: Int
  /// Rank 0's memory; no rank has more.
  public let memory: Memory
  /// Resident memory summed over all ranks, as `top` would: pages that ranks share count for each.
  public let totalBytes: Int
  /// What one node must have: pages that its ranks share count once.
  public let nodeBytes: Int
  /// Whether images are mapped, so that they need not stay in memory.
  public let isMapped: Bool
  /// Operations in the products of a training step, by images.
  public let flopsPerImage: Double
  /// Bytes that ranks hand each other in a step, all together; within a node through shared memory.
  public let wireBytesPerStep: Int
  /// Bytes of a checkpoint, and how many of them later ones of an outer iteration share with it.
  public let checkpointBytes: Int, sharedCheckpointBytes: Int
  /// Steps of an epoch, and how long one takes: measured on one rank's part, without communication.
  public let stepsPerEpoch: Int, secondsPerStep: Double
  /// A pass of the projection over all rows, in seconds; nil for models without a split.
  public let secondsPerProjection: Double?
  /// Steps that were timed.
  public let stepsMeasured: Int

  /// Time of an epoch in seconds, without checkpoints.
  public var secondsPerEpoch: Double { Double(stepsPerEpoch) * secondsPerStep }
}

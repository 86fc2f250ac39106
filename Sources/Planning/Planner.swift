import Datasets
import Dispatch
import Distributed
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// Finds the needs of a run: `Plan`.
public struct Planner {
  let configuration: Configuration
  let data: ImageSet
  /// Whether the images stand for others that will be mapped from a file.
  let isSupposed: Bool
  let ranks: Int
  let ranksPerNode: Int
  let network: HostNetwork?
  let lanes: Lanes
  /// Lanes and rows of the rank that has most.
  let share: Int, shareRows: Int

  /// Seconds for which steps are measured.
  private static let measuredSeconds = 3.0
  /// Sweeps that are measured for a model without gradients.
  private static let sampledSweeps = 3
  /// Pixels of the rows that the sample uses.
  private static let sampledPixels = 4000 * 784

  /// A plan for `ranks` ranks.
  ///
  /// - Parameters:
  ///   - isSupposed: whether the images stand for others that will be mapped from a file.
  ///   - ranksPerNode: the number of ranks that share a node; nil if all do.
  ///   - network: the network between nodes; nil if its speed is not known.
  /// - Throws: the `ConfigurationError` of the run.
  public init(
    _ configuration: Configuration, on data: ImageSet, isSupposed: Bool = false, ranks: Int,
    ranksPerNode: Int? = nil, network: HostNetwork? = nil
  ) throws(ConfigurationError) {
    let known = isSupposed ? configuration : try configuration.estimatingNoise(in: data)
    let resolved = try known.validated(
      rows: data.count, of: data.shape, classes: data.classes)
    try resolved.common.lanes.check(ranks: ranks)
    self.configuration = resolved
    self.data = data
    self.isSupposed = isSupposed
    self.ranks = ranks
    self.ranksPerNode = min(ranks, ranksPerNode ?? ranks)
    self.network = network
    let common = resolved.common
    let lanes = Lanes(count: common.lanes.count, rows: common.data.modelRows ?? data.count)
    self.lanes = lanes
    share = (0..<ranks).map { lanes.lanes(of: $0, of: ranks).count }.max() ?? 1
    shareRows = (0..<ranks).map { lanes.rows(of: $0, of: ranks).count }.max() ?? 1
  }

  /// The rows of a run on images to come, of which as many are in memory as a sample needs.
  ///
  /// - Parameter count: the number of images.
  /// - Throws: `DatasetError` for images that are smaller than the patches of the run.
  public static func supposed(
    _ count: Int, of shape: ImageShape, _ configuration: Configuration
  ) throws -> ImageSet {
    let common = configuration.common
    // One image tells how many rows it makes, and their shape.
    let name = "images of --rows and --shape"
    let one = try ImageSet(count: 1, shape: shape, heldRows: 0..<0, name: name) { _, _ in }
      .rows(by: common.data)
    let needed = max(sampledPixels / one.shape.count, common.lanes.batch)
    let held = min(count, (needed + one.count - 1) / one.count)
    let draws = Draws(seed: 1, purpose: .synthesis, time: 0)
    let images = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: shape.count) { words in
      ImageSet(
        count: count, shape: shape, heldRows: 0..<held, name: name
      ) { row, bytes in
        guard let first = words.baseAddress else { return }
        draws.words(row: row, into: first, count: shape.count)
        for i in 0..<shape.count { bytes[i] = UInt8(words[i] & 255) }
      }
    }
    return try images.rows(by: common.data)
  }

  /// Whether the run will map its images.
  var isMapped: Bool { isSupposed || isSecondStage || data.isMapped }
  /// Whether its images are floats that a first stage will have made of the data.
  var isSecondStage: Bool { configuration.hasFirstStage }

  /// Makes one rank's steps for a few seconds and adds up the needs.
  ///
  /// - Throws: errors of the model and the data set.
  public func plan() throws -> Plan {
    if isSupposed { try ImageSet.rehearseReading() }
    let before = ProcessMemory.now()
    let session = try sample()
    let trainer = session.trainer
    let makesSweeps = trainer.trainable == nil
    let steps = try makesSweeps ? timeSweeps(of: session) : timeSteps(of: trainer)
    let projection = try session.loop.rehearse(trainer).map {
      $0 / Double(trainer.lanes.rowCount) * Double(shareRows)
    }
    let estimate = MemoryEstimate(self, trainer, before: before, after: .now())
    let rowStateBytes = lanes.rowCount * estimate.stateRow
    let wireBytes = trainer.bytesExchanged(lanes: lanes.count, ranks: ranks)
    return Plan(
      ranks: ranks, ranksPerNode: ranksPerNode, lanes: lanes.count, batch: batch,
      rows: lanes.rowCount, extent: data.extent(of: lanes.rowCount), images: data.whole.count,
      isOfPatches: data.isPatches, rowValues: data.shape.count,
      parameterCount: trainer.parameters.parameters.reduce(0) { $0 + $1.shape.count },
      memory: estimate.memory(isRoot: true), totalBytes: estimate.total,
      nodeBytes: estimate.node, isMapped: isMapped, flopsPerImage: steps.operationsPerImage,
      wireBytesPerStep: wireBytes,
      checkpointBytes: trainer.contentsBytes + rowStateBytes, sharedCheckpointBytes: rowStateBytes,
      hostBytesPerStep: hostBytes(of: wireBytes), network: network,
      stepsPerEpoch: makesSweeps ? 1 : lanes.steps(perLane: batch / lanes.count),
      secondsOfComputing: steps.seconds,
      secondsOnOneNode: steps.seconds / Double(share) * Double(shareOnOneNode),
      secondsPerProjection: projection, epochs: configuration.loop.epochs,
      projections: projection == nil ? 0 : configuration.loop.outerIterations ?? 0,
      stepsMeasured: steps.count)
  }

  /// The part of the bytes exchanged that a node sends to others: every rank sends to each other
  /// rank alike.
  private func hostBytes(of wireBytes: Int) -> Int {
    guard ranks > ranksPerNode else { return 0 }
    return wireBytes / ranks * ranksPerNode / (ranks - 1) * (ranks - ranksPerNode)
  }

  /// Lanes of the rank that has most, if the ranks of one node share all of them.
  private var shareOnOneNode: Int {
    (0..<ranksPerNode).map { lanes.lanes(of: $0, of: ranksPerNode).count }.max() ?? share
  }

  /// Images of a step, over all ranks.
  private var batch: Int { configuration.common.lanes.batch }

  /// A session of this process alone that makes the steps of one rank.
  ///
  /// It uses the rank's share of the lanes, or the nearest power of two below.
  private func sample() throws -> Session {
    var c = configuration.settled()
    var common = c.common
    var sampled = 1
    while 2 * sampled <= share { sampled *= 2 }
    common.lanes.lanes = sampled
    common.lanes.batch = batch / lanes.count * sampled
    let rows = min(
      shareRows, max(common.lanes.batch, Self.sampledPixels / data.shape.count))
    common.data.rows = rows
    c.write(common)
    // As many epochs as are measured of a model that is fitted by sweeps.
    var length: EpochCount = c.read()
    length.epochs = Self.sampledSweeps
    c.write(length)
    return try TrainingRun.session(c, on: data.limited(to: rows), world: .alone())
  }

  /// The mean time of a rank's sweep over its rows, for models without gradients, and the
  /// operations of the sweep's products.
  private func timeSweeps(
    of session: Session
  ) throws -> (seconds: Double, count: Int, operationsPerImage: Double) {
    let (start, operations) = (DispatchTime.now().uptimeNanoseconds, BLAS.operations)
    _ = try session.run()
    let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    let (count, rows) = (session.trainer.progress.step, Double(session.trainer.lanes.rowCount))
    return (
      seconds / Double(count) * Double(shareRows) / rows, count,
      Double(BLAS.operations - operations) / (Double(count) * rows)
    )
  }

  /// The median time of a rank's step, scaled to the rank's whole share, and the operations of the
  /// step's products.
  private func timeSteps(
    of trainer: Trainer
  ) throws -> (seconds: Double, count: Int, operationsPerImage: Double) {
    // The first steps allocate their memory.
    for _ in 0..<2 { try trainer.trainStep() }
    var seconds: [Double] = []
    let (began, operations) = (DispatchTime.now().uptimeNanoseconds, BLAS.operations)
    func elapsed(since start: UInt64) -> Double {
      Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
    }
    repeat {
      let start = DispatchTime.now().uptimeNanoseconds
      try trainer.trainStep()
      seconds.append(elapsed(since: start))
    } while seconds.count < 5 || elapsed(since: began) < Self.measuredSeconds
    return (
      seconds.sorted()[seconds.count / 2] * Double(share) / Double(trainer.lanes.count),
      seconds.count,
      Double(BLAS.operations - operations) / Double(seconds.count * trainer.settings.batch)
    )
  }
}

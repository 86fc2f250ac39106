import Datasets
import MPI
import Models
import Support
import Training

/// The resident memory of a run's ranks, from what a sample of one rank's work took.
struct MemoryEstimate {
  /// Bytes of S and R of a row.
  let splitRow: Int
  private let ranks: Int, ranksPerNode: Int
  private let rows: Int, shareRows: Int
  /// Bytes of a row in the memory of the data's file, and of a copy corrupted here.
  private let fileRow: Int, ownRow: Int
  /// Bytes of images that are read whole, whatever the rank's rows; 0 for mapped files.
  private let wholeFile: Int
  /// Bytes of one flat array of all parameters, and the rank's gradient buffers of that size.
  private let flat: Int, buffers: Int
  private let optimizer: Int
  /// What training steps hold all the time, what passes over the data need, and what rank 0 needs for grids
  /// and checkpoints.
  private let lasting: Int, passing: Int, passingOnRoot: Int
  private let process: Int, libraries: Int

  /// Resident memory that MPI adds to each of several ranks, in bytes: its libraries and message buffers, as
  /// seen with Open MPI 4.1.
  private static let messagingBytes = 12 << 20
  /// Images of a PNG grid.
  private static let gridImages = 64

  /// - Parameters:
  ///   - trainer: has made some steps of the sample, and a projection where it has a split.
  ///   - before: the process's memory before the trainer was made.
  ///   - after: its memory now.
  init(
    _ planner: Planner, _ trainer: Trainer, before: ProcessMemory, after: ProcessMemory
  ) {
    let (data, configuration) = (planner.data, planner.configuration)
    (ranks, ranksPerNode) = (planner.ranks, planner.ranksPerNode)
    (rows, shareRows) = (planner.lanes.rowCount, planner.shareRows)
    splitRow = trainer.rowState?.rowBytes ?? 0

    let size = data.shape.count
    func row(_ images: ImageSet) -> Int { size * (images.isEightBit ? 1 : 4) }
    // Projections compare with clean images, which another dataset of the file may hold.
    let cleanRow = trainer.rowState == nil ? 0 : data.clean.map(row) ?? 0
    fileRow = row(data) + cleanRow
    wholeFile = data.isMapped ? 0 : data.count * fileRow
    let corruptedRow = configuration.common.data.staticNoise.isNone ? 0 : row(trainer.images)
    let isKept = ImageSet.keepsCorrupted(byteCount: corruptedRow * planner.shareRows)
    ownRow = isKept ? corruptedRow : 0

    let layout = trainer.buckets.layout
    flat = layout.count * MemoryLayout<Float>.size
    buffers =
      layout.gradientBuffers(
        laneCount: planner.lanes.count, exact: configuration.isExact, ranks: ranks
      ).max() ?? 1
    optimizer = trainer.optimizerBytes / ranks

    // What the sample took beside what is known: values of its steps, buffers of libraries.
    let sampleBuffers = layout.gradientBuffers(
      laneCount: trainer.lanes.count, exact: configuration.isExact, ranks: 1)[0]
    let sampleRow = splitRow + (trainer.images.isDerived ? 0 : corruptedRow)
    let known =
      flat * (1 + sampleBuffers) + trainer.optimizerBytes + sampleRow * trainer.lanes.rowCount
    let measured = max(trainer.stepBytes, after.anonymous - before.anonymous - known)
    let steps = trainer.stepBytes * planner.share / trainer.lanes.count
    lasting =
      measured - trainer.stepBytes + steps + planner.shareRows * MemoryLayout<Int32>.size
    passing =
      trainer.rowState == nil
      ? 0 : trainer.passBytes + trainer.reconstructionBytes(images: trainer.rows.blockRows)
    passingOnRoot = max(
      passing, trainer.assemblyBytes, trainer.reconstructionBytes(images: Self.gridImages))

    libraries = max(
      before.files, after.files - (data.isMapped ? fileRow * trainer.lanes.rowCount : 0))
    process =
      before.anonymous + before.shared + libraries + (ranks > 1 ? Self.messagingBytes : 0)
  }

  /// Memory of a rank: rank 0, which has most, or another.
  func memory(isRoot: Bool) -> Plan.Memory {
    memory(rows: shareRows, passing: isRoot ? passingOnRoot : passing)
  }

  private func memory(rows: Int, passing: Int) -> Plan.Memory {
    Plan.Memory(
      images: (wholeFile > 0 ? wholeFile : fileRow * rows) + ownRow * rows,
      split: splitRow * rows, parameters: flat * (1 + buffers) + foreignGradients,
      optimizer: optimizer, workspace: lasting + passing, process: process)
  }

  /// Of the other ranks' gradients a rank reads the slices it owns.
  private var foreignGradients: Int { flat * (ranks - 1) / ranks }

  /// The resident memory of all ranks: pages they share count for each.
  var total: Int {
    let elsewhere = (rows - shareRows) / max(1, ranks - 1)
    return memory(isRoot: true).total
      + (ranks - 1) * memory(rows: elsewhere, passing: passing).total
  }

  /// What one node has: pages that its ranks share count once.
  var node: Int {
    let shared = flat + libraries
    return total * ranksPerNode / ranks - (ranksPerNode - 1) * shared
      - ranksPerNode * foreignGradients
  }
}

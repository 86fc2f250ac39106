import Datasets
import MPI
import Models
import Support
import Training

/// The resident memory of a run's ranks, estimated from a sample of one rank's work.
struct MemoryEstimate {
  /// Bytes of S and R for a row.
  let stateRow: Int
  private let ranks: Int, ranksPerNode: Int
  private let rows: Int, shareRows: Int
  /// Bytes of a row in the mapped data file, where patches share pixels, and of a row in a copy
  /// that was corrupted here.
  private let fileRow: Double, ownRow: Int
  /// Bytes of images that every rank reads in full; 0 for mapped files.
  private let wholeFile: Int
  /// Bytes of one flat array of all parameters, and of the rank's gradient buffers.
  private let flat: Int, buffers: Int
  private let optimizer: Int
  /// Bytes that training steps hold all the time, that projections need, and that rank 0
  /// needs for grids and checkpoints.
  private let lasting: Int, transient: Int, transientOnRoot: Int
  private let process: Int, libraries: Int

  /// Resident memory that MPI adds to each rank of several, in bytes: libraries and message
  /// buffers, as measured with Open MPI 4.1.
  private static let messagingBytes = 12 << 20
  /// Images of a PNG grid.
  private static let gridImages = 64

  /// Measures the memory of a sample.
  ///
  /// - Parameters:
  ///   - trainer: has made some steps of the sample, and a projection where it has a row state.
  ///   - before: the process's memory before the trainer was made.
  ///   - after: the process's memory now.
  init(
    _ planner: Planner, _ trainer: Trainer, before: ProcessMemory, after: ProcessMemory
  ) {
    let (data, configuration) = (planner.data, planner.configuration)
    (ranks, ranksPerNode) = (planner.ranks, planner.ranksPerNode)
    (rows, shareRows) = (planner.lanes.rowCount, planner.shareRows)
    stateRow = trainer.rowState?.rowBytes ?? 0

    let size = data.shape.count
    func row(_ images: ImageSet) -> Int { images.shape.count * (images.isEightBit ? 1 : 4) }
    // Projections compare with clean images, which may be another dataset of the file.
    let cleanRow = trainer.rowState == nil ? 0 : data.clean.map(row) ?? 0
    let pixels = data.isPatches ? data.whole.pixelValues : data.count * size
    let sampleFileRow = Double(pixels * ((row(data) + cleanRow) / size)) / Double(data.count)
    let isSecond = planner.isSecondStage
    fileRow = isSecond ? Double(size * MemoryLayout<Float>.size) : sampleFileRow
    wholeFile = planner.isMapped ? 0 : Int(Double(data.count) * fileRow)
    let corruptedRow =
      configuration.common.data.staticNoise.isNone || isSecond ? 0 : row(trainer.images)
    let isKept = ImageSet.keepsCorrupted(byteCount: corruptedRow * planner.shareRows)
    ownRow = isKept ? corruptedRow : 0

    let layout = trainer.buckets.layout
    flat = layout.count * MemoryLayout<Float>.size
    buffers =
      layout.gradientBuffers(
        laneCount: planner.lanes.count, exact: configuration.isExact, ranks: ranks
      ).max() ?? 1
    optimizer = trainer.optimizerBytes / ranks

    // The rest of the sample's memory: values of its steps, buffers of libraries.
    let sampleBuffers = layout.gradientBuffers(
      laneCount: trainer.lanes.count, exact: configuration.isExact, ranks: 1)[0]
    let sampleRow = stateRow + (trainer.images.isDerived ? 0 : corruptedRow)
    let known =
      flat * (1 + sampleBuffers) + trainer.optimizerBytes + sampleRow * trainer.lanes.rowCount
    let measured = max(trainer.stepBytes, after.anonymous - before.anonymous - known)
    let steps = trainer.stepBytes * planner.share / trainer.lanes.count
    lasting =
      measured - trainer.stepBytes + steps + planner.shareRows * MemoryLayout<Int32>.size
    transient =
      trainer.rowState == nil
      ? 0 : trainer.blockBytes + trainer.reconstructionBytes(images: trainer.rows.blockRows)
    transientOnRoot = max(
      transient, trainer.assemblyBytes, trainer.reconstructionBytes(images: Self.gridImages))

    let mappedRows = data.isMapped ? trainer.lanes.rowCount : 0
    libraries = max(before.files, after.files - Int(sampleFileRow * Double(mappedRows)))
    // Images that are supposed lie in memory here, and in a file when the run comes.
    let supposed = planner.isSupposed ? data.whole.heldRows.count * row(data.whole) : 0
    process =
      before.anonymous - supposed + before.shared + libraries
      + (ranks > 1 ? Self.messagingBytes : 0)
  }

  /// Memory of rank 0, which has most, or of another rank.
  func memory(isRoot: Bool) -> Plan.Memory {
    memory(rows: shareRows, transient: isRoot ? transientOnRoot : transient)
  }

  private func memory(rows: Int, transient: Int) -> Plan.Memory {
    Plan.Memory(
      images: (wholeFile > 0 ? wholeFile : Int(fileRow * Double(rows))) + ownRow * rows,
      rowState: stateRow * rows, parameters: flat * (1 + buffers) + foreignGradients,
      optimizer: optimizer, workspace: lasting + transient, process: process)
  }

  /// A rank reads the slices it owns from the other ranks' gradients.
  private var foreignGradients: Int { flat * (ranks - 1) / ranks }

  /// The resident memory of all ranks: shared pages count for each rank.
  var total: Int {
    let elsewhere = (rows - shareRows) / max(1, ranks - 1)
    return memory(isRoot: true).total
      + (ranks - 1) * memory(rows: elsewhere, transient: transient).total
  }

  /// The memory of one node: pages that its ranks share count once.
  var node: Int {
    let shared = flat + libraries
    return total * ranksPerNode / ranks - (ranksPerNode - 1) * shared
      - ranksPerNode * foreignGradients
  }
}

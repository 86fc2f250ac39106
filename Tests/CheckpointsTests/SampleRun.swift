import Checkpoints
import Foundation
import MPI

/// A run directory that lives as long as the value, and states of training to save in it.
final class SampleRun {
  let path: String
  /// S and R of five rows.
  let layout = RowLayout(rows: 5, rowShape: [2, 3, 1], arrays: [RowArray("S"), RowArray("R")])
  var store: CheckpointStore

  init(in directory: String = NSTemporaryDirectory()) throws {
    path = directory + "/run-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    store = CheckpointStore(run: path)
  }

  /// The same run as another process knows it, to be used while `run` lives.
  init(_ run: SampleRun, ownedBy owner: String?) {
    path = run.path
    store = CheckpointStore(run: path)
    store.owner = owner
    isShared = true
  }

  private var isShared = false

  deinit { if !isShared { try? FileManager.default.removeItem(atPath: path) } }

  /// The names in the directory of checkpoints, with hidden names.
  func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: store.directory).sorted()
  }

  func path(_ name: String) -> String { "\(store.directory)/\(name)" }

  /// The destination of a link.
  func target(_ link: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: path(link))
  }

  /// A state that depends on step and variant.
  func contents(step: Int, variant: Float = 0) -> CheckpointContents {
    let weight = (0..<6).map { Float($0) / 7 + Float(step) + variant }
    return CheckpointContents(
      configuration: "{\"model\":\"rvae\",\"name\":\"süß\"}",
      model: [
        NamedArray(name: "encoder.0.weight", shape: [2, 3], values: weight),
        NamedArray(name: "encoder.0.bias", shape: [2], values: [-0.0, .leastNonzeroMagnitude]),
        NamedArray(
          name: "decoder.10.weight", shape: [1, 1, 2, 1], values: [.greatestFiniteMagnitude, 3]),
        NamedArray(name: "scale", shape: [], values: [4]),
      ],
      optimizer: [
        OptimizerGroup(
          name: "autoencoder", step: step,
          entries: [
            OptimizerEntry(
              parameter: "encoder.0.weight", key: "exp_avg", shape: [2, 3], values: weight),
            OptimizerEntry(
              parameter: "encoder.0.weight", key: "exp_avg_sq", shape: [2, 3],
              values: weight.map { $0 * $0 }),
            OptimizerEntry(
              parameter: "encoder.0.bias", key: "exp_avg", shape: [2], values: [1, 2]),
          ]),
        OptimizerGroup(name: "discriminator", step: 2 * step, entries: []),
      ],
      progress: Progress(
        seed: .max - 594, lanes: 8, outer: 3, epoch: 17, step: step, imagesSeen: 200 * step,
        exact: true, blasKernel: "SkylakeX", values: ["c1": 0.1, "collapsed": 1]),
      history: [
        "loss": [HistoryPoint(step: 1, value: 0.1), HistoryPoint(step: step, value: -.pi)],
        "mse/X": [HistoryPoint(step: 1, value: .infinity)],
        "none": [],
      ])
  }

  /// S and R of all rows.
  func rows(variant: Float = 0) -> (sparse: [Float], residual: [Float]) {
    let values = (0..<30).map { Float($0) / 3 + variant }
    return (values, values.map { -$0 / 5 })
  }

  @discardableResult
  func save(
    step: Int, variant: Float = 0, score: Double? = nil, of measure: String? = nil, last: Int = 3,
    best: Bool = true, withRows: Bool = true, version: Int? = nil
  ) throws -> SavedCheckpoint {
    let (sparse, residual) = rows(variant: variant)
    let contents = contents(step: step, variant: variant)
    let retention = Retention(last: last, best: best)
    let world = Communicator.alone()
    return try sparse.withUnsafeBufferPointer { sparse in
      try residual.withUnsafeBufferPointer { residual in
        let part = RowPart(
          rows: 0..<5,
          of: RowLayout(
            rows: 5, rowShape: layout.rowShape, arrays: layout.arrays, version: version),
          arrays: [UnsafeRawBufferPointer(sparse), UnsafeRawBufferPointer(residual)])
        return try store.save(
          contents, rows: withRows ? part : nil, score: score, of: measure, keeping: retention,
          on: world)
      }
    }
  }

  /// Finds the newest checkpoint as a new process would.
  func resume() throws -> CheckpointStore.Selection {
    store = CheckpointStore(run: path)
    return try store.newestValid(on: .alone())
  }

  /// S and R of some rows of a checkpoint.
  func rowState(
    _ rows: Range<Int>, of checkpoint: Checkpoint
  ) throws -> (sparse: [Float], residual: [Float]) {
    (try checkpoint.read("S", rows: rows), try checkpoint.read("R", rows: rows))
  }

  /// Flips bits of one byte of a file of a checkpoint.
  func flip(_ bits: UInt8, at offset: Int, of file: String) throws {
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path(file)))
    try handle.seek(toOffset: UInt64(offset))
    let byte = try handle.read(upToCount: 1)?.first ?? 0
    try handle.seek(toOffset: UInt64(offset))
    try handle.write(contentsOf: [byte ^ bits])
    try handle.close()
  }
}

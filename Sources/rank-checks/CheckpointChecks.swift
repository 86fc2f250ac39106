import Checkpoints
import MPI
import Support

/// Checks of the Checkpoints module; the first argument is the run's directory.
let checkpointChecks: [String: RankCheck] = [
  "checkpoint-save": { world, arguments in try saveSample(world, arguments) },
  "checkpoint-load": { world, arguments in try loadSample(world, arguments) },
  "checkpoint-refused": { world, arguments in try saveInVain(world, arguments) },
  "checkpoint-forever": { world, arguments in try saveForever(world, arguments) },
]

/// A state of training that is a pure function of the step, whatever number of ranks saves it.
private struct Sample {
  let step: Int
  let split = SplitShape(rows: 23, rowShape: [4, 3, 2])

  /// The rows of a rank; with more than two ranks, the second has none.
  func rows(of rank: Int, of size: Int) -> Range<Int> {
    if size <= 2 { return rank * 23 / size..<(rank + 1) * 23 / size }
    if rank == 1 { return 5..<5 }
    let place = rank == 0 ? 0 : rank - 1
    return place * 23 / (size - 1)..<(place + 1) * 23 / (size - 1)
  }

  func sparse(_ rows: Range<Int>) -> [Float] { values(rows, seed: step) }
  func residual(_ rows: Range<Int>) -> [Float] { values(rows, seed: step + 1_000_000) }

  private func values(_ rows: Range<Int>, seed: Int) -> [Float] {
    rows.flatMap { row in
      var numbers = SplitMix64(seed: seed * 1000 + row)
      return (0..<split.rowCount).map { _ in numbers.nextFloat() }
    }
  }

  var contents: CheckpointContents {
    var numbers = SplitMix64(seed: -step)
    let weights = (0..<30_000).map { _ in numbers.nextFloat() }
    return CheckpointContents(
      configuration: "{\"model\": \"rvae\"}",
      model: [NamedArray(name: "encoder.0.weight", shape: [300, 100], values: weights)],
      optimizer: [
        OptimizerGroup(
          name: "all", step: step,
          entries: [
            OptimizerEntry(
              parameter: "encoder.0.weight", key: "exp_avg", shape: [300, 100],
              values: weights.map { $0 * $0 })
          ])
      ],
      progress: Progress(seed: 595, lanes: 8, step: step, blasKernel: "SkylakeX"),
      history: ["loss": [HistoryPoint(step: step, value: 1.5)]])
  }

  /// Saves this rank's part.
  func save(in store: inout CheckpointStore, on world: Communicator) throws -> SavedCheckpoint {
    let rows = rows(of: world.rank, of: world.size)
    let (sparse, residual) = (sparse(rows), residual(rows))
    return try sparse.withUnsafeBufferPointer { sparse in
      try residual.withUnsafeBufferPointer { residual in
        try store.save(
          world.isRoot ? contents : nil,
          rows: rows.isEmpty
            ? nil
            : RowBlock(
              rows: rows, of: split, sparse: UnsafeRawBufferPointer(sparse),
              residual: UnsafeRawBufferPointer(residual)),
          keeping: Retention(last: 1, best: false), on: world)
      }
    }
  }

  /// Throws unless the checkpoint holds this state; each rank reads its own rows.
  func expect(in checkpoint: Checkpoint, on world: Communicator) throws {
    try expectEqual(checkpoint.contents(), contents, "contents")
    let rows = wanted(by: world)
    var (sparse, residual) = memory(for: rows)
    try sparse.withUnsafeMutableBufferPointer { sparse in
      try residual.withUnsafeMutableBufferPointer { residual in
        try checkpoint.readSplit(rows: rows, sparse: sparse, residual: residual)
      }
    }
    try expectEqual(sparse, self.sparse(rows), "S")
    try expectEqual(residual, self.residual(rows), "R")
  }

  /// Finds the newest checkpoint and has it fill this rank's rows on the way.
  ///
  /// Throws unless it holds this state.
  func load(from store: inout CheckpointStore, on world: Communicator) throws {
    let rows = wanted(by: world)
    var (sparse, residual) = memory(for: rows)
    let selection = try sparse.withUnsafeMutableBytes { sparse in
      try residual.withUnsafeMutableBytes { residual in
        try store.newestValid(
          on: world,
          loading: RowTarget(rows: rows, of: split, sparse: sparse, residual: residual))
      }
    }
    try expectEqual(selection.isLoaded, true, "loaded")
    try expectEqual(selection.skipped, [], "skipped")
    try expectEqual(sparse, self.sparse(rows), "loaded S")
    try expectEqual(residual, self.residual(rows), "loaded R")
  }

  /// Not the division into ranks that saving uses, so that ranges straddle files.
  private func wanted(by world: Communicator) -> Range<Int> {
    world.rank * 23 / world.size..<(world.rank + 1) * 23 / world.size
  }

  private func memory(for rows: Range<Int>) -> (sparse: [Float], residual: [Float]) {
    let zeros = [Float](repeating: 0, count: rows.count * split.rowCount)
    return (zeros, zeros)
  }
}

private func run(_ arguments: [String]) throws -> String {
  guard let run = arguments.first else { throw CheckFailure("no directory given", exitStatus: 64) }
  return run
}

/// Saves step 12 and prints its digests.
private func saveSample(_ world: Communicator, _ arguments: [String]) throws {
  var store = CheckpointStore(run: try run(arguments))
  let saved = try Sample(step: 12).save(in: &store, on: world)
  try expectEqual(saved.warnings, [], "warnings")
  try expectEqual(saved.checkpoint.manifest.ranks, world.size, "ranks")
  try expectEqual(saved.checkpoint.manifest.lanes, 8, "lanes")
  if world.isRoot { print(try saved.checkpoint.digests()) }
}

/// Finds step 12, checks all of it, and prints its digests.
private func loadSample(_ world: Communicator, _ arguments: [String]) throws {
  var store = CheckpointStore(run: try run(arguments))
  let selection = try store.newestValid(on: world)
  guard let checkpoint = selection.checkpoint else { throw CheckFailure("\(selection)") }
  try expectEqual(selection.skipped, [], "skipped")
  try Sample(step: 12).expect(in: checkpoint, on: world)
  try Sample(step: 12).load(from: &store, on: world)
  if world.isRoot { print(try checkpoint.digests()) }
}

/// Expects that step 13 cannot be saved, that every rank gets an error that says so in one line,
/// and that step 12 is still there.
private func saveInVain(_ world: Communicator, _ arguments: [String]) throws {
  var store = CheckpointStore(run: try run(arguments))
  do {
    _ = try Sample(step: 13).save(in: &store, on: world)
  } catch {
    let text = "\(error)"
    try expect(
      text.hasSuffix("no space left on device") && text.contains("step-00000013: not saved: "),
      text)
    try expect(!text.contains("\n"), "not one line: \(text)")
    try world.barrier()
    return try loadSample(world, arguments)
  }
  throw CheckFailure("saved on a full disk")
}

/// Saves steps 1, 1, 2, 2, 3, … until somebody ends the process.
private func saveForever(_ world: Communicator, _ arguments: [String]) throws {
  var store = CheckpointStore(run: try run(arguments))
  let selection = try store.newestValid(on: world)
  try expectEqual(selection.skipped, [], "skipped")
  var save = 0
  if let checkpoint = selection.checkpoint {
    try Sample(step: checkpoint.manifest.step).expect(in: checkpoint, on: world)
    save = 2 * checkpoint.manifest.step
    if world.isRoot { print("resumed") }
  }
  if arguments.contains("once") { return }
  while true {
    let saved = try Sample(step: 1 + save / 2).save(in: &store, on: world)
    try expectEqual(saved.warnings, [], "warnings")
    save += 1
  }
}

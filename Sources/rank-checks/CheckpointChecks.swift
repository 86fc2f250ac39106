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
  let layout = RowLayout(
    rows: 23, rowShape: [4, 3, 2],
    arrays: [RowArray("S"), RowArray("Y", .float16), RowArray("R", .steps, step: 0.375)])

  /// The rows of a rank; with more than two ranks, the second has none.
  func rows(of rank: Int, of size: Int) -> Range<Int> {
    if size <= 2 { return rank * 23 / size..<(rank + 1) * 23 / size }
    if rank == 1 { return 5..<5 }
    let place = rank == 0 ? 0 : rank - 1
    return place * 23 / (size - 1)..<(place + 1) * 23 / (size - 1)
  }

  /// Rows of an array, as bytes that a checkpoint stores and as floats.
  private func elements(_ array: Int, _ rows: Range<Int>) -> (stored: [UInt8], floats: [Float]) {
    let values = rows.flatMap { row in
      var numbers = SplitMix64(seed: (step + array * 1_000_000) * 1000 + row)
      return (0..<layout.rowCount).map { _ in numbers.nextFloat() }
    }
    switch layout.arrays[array].element {
    case .float32: return (values.withUnsafeBytes { Array($0) }, values)
    case .float16:
      let halves = values.map { Float16($0) }
      return (halves.withUnsafeBytes { Array($0) }, halves.map { Float($0) })
    case .steps:
      let integers = values.map { Int8($0 * 127) }
      let step = layout.arrays[array].step
      return (integers.map { UInt8(bitPattern: $0) }, integers.map { step * Float($0) })
    }
  }

  /// Hands `body` memory for each array of `rows`, zero at first.
  private func withMemory<Result>(
    for rows: Range<Int>, _ body: ([UnsafeMutableRawBufferPointer]) throws -> Result
  ) rethrows -> Result {
    let memory = layout.arrays.map {
      UnsafeMutableRawBufferPointer.allocate(
        byteCount: rows.count * layout.rowCount * $0.element.bytes, alignment: 64)
    }
    defer { for array in memory { array.deallocate() } }
    for array in memory { array.initializeMemory(as: UInt8.self, repeating: 0) }
    return try body(memory)
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
    return try withMemory(for: rows) { memory in
      for (array, bytes) in memory.enumerated() {
        bytes.copyBytes(from: elements(array, rows).stored)
      }
      return try store.save(
        world.isRoot ? contents : nil,
        rows: rows.isEmpty
          ? nil
          : RowPart(
            rows: rows, of: layout, arrays: memory.map { UnsafeRawBufferPointer($0) }),
        keeping: Retention(last: 1, best: false), on: world)
    }
  }

  /// Throws unless the checkpoint holds this state; each rank reads its own rows.
  func expect(in checkpoint: Checkpoint, on world: Communicator) throws {
    try expectEqual(checkpoint.contents(), contents, "contents")
    let rows = wanted(by: world)
    for (index, array) in layout.arrays.enumerated() {
      let found = try checkpoint.read(array.name, rows: rows)
      try expectEqual(found, elements(index, rows).floats, array.name)
    }
  }

  /// Finds the newest checkpoint and has it fill this rank's rows on the way.
  ///
  /// Throws unless it holds this state.
  func load(from store: inout CheckpointStore, on world: Communicator) throws {
    let rows = wanted(by: world)
    try withMemory(for: rows) { memory in
      let target = RowTarget(rows: rows, of: layout, arrays: memory)
      let selection = try store.newestValid(on: world, loading: target)
      try expectEqual(selection.isLoaded, true, "loaded")
      try expectEqual(selection.skipped, [], "skipped")
      for (index, array) in layout.arrays.enumerated() {
        let found = Array(memory[index])
        try expectEqual(found, elements(index, rows).stored, "loaded \(array.name)")
      }
    }
  }

  /// Not the division into ranks that saving uses, so that ranges straddle files.
  private func wanted(by world: Communicator) -> Range<Int> {
    world.rank * 23 / world.size..<(world.rank + 1) * 23 / world.size
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

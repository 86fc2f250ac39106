import Checkpoints
import Foundation
import MPI

/// `bench-checkpoint DIRECTORY [ROWS [ROUNDS]]` prints the speed of saving and loading a compact split of ROWS
/// faces (default 202,599) beside plain writes with fsync and plain reads of as many bytes: no check.
let checkpointBenchmark: [String: RankCheck] = ["bench-checkpoint": benchmarkCheckpoint]

private func benchmarkCheckpoint(_ world: Communicator, _ arguments: [String]) throws {
  guard let directory = arguments.first else {
    throw CheckFailure("no directory given", exitStatus: 64)
  }
  let rows = arguments.dropFirst().first.flatMap { Int($0) } ?? 202_599
  let rounds = arguments.dropFirst(2).first.flatMap { Int($0) } ?? 3
  let memory = SplitMemory(rows: rows, of: world.rank, of: world.size)
  defer { memory.release() }
  for round in 0..<rounds {
    let plain = "\(directory)/plain-\(world.rank)"
    let writing = try seconds(world) { try memory.writePlainly(to: plain) }
    let reading = try seconds(world) { try memory.readPlainly(from: plain) }
    try FileManager.default.removeItem(atPath: plain)
    var store = CheckpointStore(run: directory)
    let contents = CheckpointContents(
      configuration: "{}", model: [], optimizer: [],
      progress: Progress(seed: 1, lanes: 1, step: round))
    let saving = try seconds(world) {
      _ = try store.save(
        world.isRoot ? contents : nil, rows: memory.block,
        keeping: Retention(last: 1, best: false), on: world)
    }
    try memory.forget("\(directory)/checkpoints/latest")
    memory.invert()
    let loading = try seconds(world) {
      let selection = try store.newestValid(on: world, loading: memory.target)
      try expectEqual(selection.isLoaded, true, "loaded")
    }
    guard world.isRoot else { continue }
    let bytes = Double(rows * memory.layout.rowCount * 3)
    func speed(_ seconds: Double) -> String {
      "\(Int(bytes / seconds / 1e6)) MB/s (\(Int(seconds * 1000)) ms)"
    }
    print(
      "\(Int(bytes / 1e6)) MB, \(world.size) ranks: plain writes \(speed(writing)), "
        + "saved \(speed(saving)); plain reads \(speed(reading)), loaded \(speed(loading))")
  }
}

/// The time that the slowest rank takes.
private func seconds(_ world: Communicator, _ body: () throws -> Void) throws -> Double {
  let clock = ContinuousClock()
  try world.barrier()
  let start = clock.now
  try world.agree { try body() }
  let elapsed = (clock.now - start).components
  var time = [Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18]
  try world.allReduce(&time, .max)
  return time[0]
}

/// A rank's rows of a compact split of faces, filled with noise.
private struct SplitMemory {
  let layout: RowLayout
  private let rows: Range<Int>
  private let bytes: UnsafeMutableRawBufferPointer
  private static let pieceBytes = 1 << 20

  init(rows: Int, of rank: Int, of size: Int) {
    layout = RowLayout(
      rows: rows, rowShape: [64, 64, 3],
      arrays: [RowArray("S", .float16), RowArray("R", .steps, step: 0.01)])
    self.rows = rank * rows / size..<(rank + 1) * rows / size
    bytes = .allocate(byteCount: self.rows.count * layout.rowCount * 3, alignment: 4096)
    var numbers = CheckNumbers(seed: rank)
    let words = bytes.bindMemory(to: UInt64.self)
    for i in words.indices { words[i] = numbers.next() }
  }

  func release() { bytes.deallocate() }

  /// Makes all bytes others than they were, so that loading has something to do.
  func invert() {
    let words = bytes.bindMemory(to: UInt64.self)
    for i in words.indices { words[i] = ~words[i] }
  }

  /// S and R.
  private var arrays: [UnsafeMutableRawBufferPointer] {
    let end = bytes.count / 3 * 2
    return [bytes[..<end], bytes[end...]].map { UnsafeMutableRawBufferPointer(rebasing: $0) }
  }

  var block: RowBlock {
    RowBlock(rows: rows, of: layout, arrays: arrays.map { UnsafeRawBufferPointer($0) })
  }
  var target: RowTarget {
    RowTarget(rows: rows, of: layout, arrays: arrays)
  }

  /// A MiB after the other, then `fsync`; the file's pages leave memory for the read that follows.
  func writePlainly(to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    defer { close(descriptor) }
    try pieces { try expectEqual(write(descriptor, $0.baseAddress, $0.count), $0.count, "write") }
    try expectEqual(fsync(descriptor), 0, "fsync")
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  func readPlainly(from path: String) throws {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    try pieces { try expectEqual(read(descriptor, $0.baseAddress, $0.count), $0.count, "read") }
  }

  private func pieces(_ body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    for first in stride(from: 0, to: bytes.count, by: Self.pieceBytes) {
      let last = min(first + Self.pieceBytes, bytes.count)
      try body(UnsafeMutableRawBufferPointer(rebasing: bytes[first..<last]))
    }
  }

  /// Has the system give up its copies of a checkpoint's files.
  func forget(_ directory: String) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
      let descriptor = open("\(directory)/\(name)", O_RDONLY)
      defer { close(descriptor) }
      posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }
  }
}

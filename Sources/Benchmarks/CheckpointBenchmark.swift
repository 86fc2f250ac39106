import Checkpoints
import Foundation
import MPI
import Support

/// The speed of saving and loading a compact row state of faces, beside plain writes and reads.
///
/// Plain writes end with `fsync`. As many bytes are written and read either way.
struct CheckpointBenchmark: Benchmark {
  let name = "checkpoint"
  let summary = "saving and loading S and R of many faces, beside plain writes and reads"
  let options = [Self.folder, Self.rows, Self.rounds]

  private static let folder = BenchmarkOption(
    "folder", .folder, "where files are written and removed again (checkpoint; default here)")
  private static let rows = BenchmarkOption(
    "rows", .integer(1...10_000_000),
    "faces of 36 KiB each (checkpoint; default 20000; CelebA has 202599)")
  private static let rounds = BenchmarkOption(
    "rounds", .integer(1...1000), "times each is measured (checkpoint; default 3)")

  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport {
    let rows = settings.integer(Self.rows) ?? 20_000
    let rounds = settings.integer(Self.rounds) ?? 3
    let place = settings.folder(Self.folder) ?? "."
    let folder = try world.broadcast("\(place)/.cleave-bench-\(getpid())")
    try world.agree {
      guard world.isRoot else { return }
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    }
    // All ranks are through; what failed before is the error to report.
    defer { if world.isRoot { try? FileManager.default.removeItem(atPath: folder) } }
    let memory = RowStateMemory(rows: rows, of: world.rank, of: world.size)
    defer { memory.release() }
    let bytes = rows * memory.layout.rowCount * 3
    var lines: [String] = []
    var results: [JSONValue] = []
    for round in 0..<rounds {
      progress("round \(round + 1) of \(rounds)")
      let times = try measure(memory, round, in: folder, on: world)
      func speed(_ seconds: Double) -> String {
        "\(Int(Double(bytes) / seconds / 1e6)) MB/s (\(Int(seconds * 1000)) ms)"
      }
      lines.append(
        "\(bytes / 1_000_000) MB, \(Quantity.count(world.size, "rank")): "
          + "plain writes \(speed(times.writing)), "
          + "saved \(speed(times.saving)); plain reads \(speed(times.reading)), "
          + "loaded \(speed(times.loading))")
      results.append([
        "plain_write_seconds": .real(times.writing), "save_seconds": .real(times.saving),
        "plain_read_seconds": .real(times.reading), "load_seconds": .real(times.loading),
      ])
    }
    return BenchmarkReport(
      lines: lines,
      json: [
        "benchmark": .string(name), "ranks": .integer(world.size), "rows": .integer(rows),
        "bytes": .integer(bytes), "rounds": .array(results),
      ])
  }

  private func measure(
    _ memory: RowStateMemory, _ round: Int, in folder: String, on world: Communicator
  ) throws -> (writing: Double, reading: Double, saving: Double, loading: Double) {
    let plain = "\(folder)/plain-\(world.rank)"
    let writing = try seconds(world) { try memory.writePlainly(to: plain) }
    let reading = try seconds(world) { try memory.readPlainly(from: plain) }
    try world.agree { try FileManager.default.removeItem(atPath: plain) }
    var store = CheckpointStore(run: folder)
    let contents = CheckpointContents(
      configuration: "{}", model: [], optimizer: [],
      progress: Progress(seed: 1, lanes: 1, step: round))
    let saving = try seconds(world) {
      _ = try store.save(
        world.isRoot ? contents : nil, rows: memory.part,
        keeping: Retention(last: 1, best: false), on: world)
    }
    try world.agree { try memory.forget("\(folder)/checkpoints/latest") }
    memory.invert()
    let loading = try seconds(world) {
      let selection = try store.newestValid(on: world, loading: memory.target)
      if !selection.isLoaded { throw BenchmarkError("\(folder): was not loaded") }
    }
    return (writing, reading, saving, loading)
  }
}

/// The time that the slowest rank takes.
private func seconds(_ world: Communicator, _ body: () throws -> Void) throws -> Double {
  try world.barrier()
  let clock = Stopwatch()
  try world.agree { try body() }
  var time = [clock.seconds]
  try world.allReduce(&time, .max)
  return time[0]
}

/// A rank's rows of a compact row state of faces, filled with noise.
private struct RowStateMemory {
  let layout: RowLayout
  private let rows: Range<Int>
  private let bytes: UnsafeMutableRawBufferPointer
  private static let pieceBytes = 1 << 20
  /// The bits of four numbers of 16 bits that are finite whatever these bits are.
  private static let finite: UInt64 = 0xbfff_bfff_bfff_bfff

  init(rows: Int, of rank: Int, of size: Int) {
    layout = RowLayout(
      rows: rows, rowShape: [64, 64, 3],
      arrays: [RowArray("S", .float16), RowArray("R", .steps, step: 0.01)])
    self.rows = rank * rows / size..<(rank + 1) * rows / size
    bytes = .allocate(byteCount: self.rows.count * layout.rowCount * 3, alignment: 4096)
    var numbers = SplitMix64(seed: rank)
    let words = bytes.bindMemory(to: UInt64.self)
    for i in words.indices { words[i] = numbers.next() & Self.finite }
  }

  func release() { bytes.deallocate() }

  /// Changes all bytes, so that loading has something to do.
  func invert() {
    let words = bytes.bindMemory(to: UInt64.self)
    for i in words.indices { words[i] = ~words[i] & Self.finite }
  }

  /// S and R.
  private var arrays: [UnsafeMutableRawBufferPointer] {
    let end = bytes.count / 3 * 2
    return [bytes[..<end], bytes[end...]].map { UnsafeMutableRawBufferPointer(rebasing: $0) }
  }

  var part: RowPart {
    RowPart(rows: rows, of: layout, arrays: arrays.map { UnsafeRawBufferPointer($0) })
  }
  var target: RowTarget {
    RowTarget(rows: rows, of: layout, arrays: arrays)
  }

  /// Writes in pieces of a MiB, then calls `fsync`; the file's pages leave memory.
  func writePlainly(to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    defer { close(descriptor) }
    try pieces { try check(write(descriptor, $0.baseAddress, $0.count) == $0.count, path) }
    try check(fsync(descriptor) == 0, path)
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
  }

  func readPlainly(from path: String) throws {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    try pieces { try check(read(descriptor, $0.baseAddress, $0.count) == $0.count, path) }
  }

  private func check(_ isDone: Bool, _ path: String) throws {
    if !isDone { throw BenchmarkError("\(path): \(String(cString: strerror(errno)))") }
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

import Foundation
import Support

/// The writer of `metrics.jsonl`: one JSON object a line, written at once.
///
/// Rank 0 only.
public final class RunLog {
  private let handle: FileHandle
  private let path: String

  /// Opens the log of a run for more lines.
  ///
  /// - Parameter progress: later lines, which a killed run has left, are dropped.
  public init(_ directory: RunDirectory, upTo progress: TrainingProgress) throws {
    path = directory.metrics
    let kept = try Self.lines(of: path).filter { line in
      guard let line = Self.value(of: line) else { return false }
      return Self.isPast(line, progress)
    }
    let text = kept.map { $0 + "\n" }.joined()
    try TemporaryFile.write(text, to: path)
    handle = try FileError.wrap(path) { [path] in
      let handle = try FileHandle(forWritingTo: URL(filePath: path))
      try handle.seekToEnd()
      return handle
    }
  }

  deinit { try? handle.close() }

  /// Whether `progress` already contains the event of a line.
  ///
  /// A line of an epoch, of a warning at its end, or of an outer iteration carries the number of
  /// the step before it. A checkpoint can have the same step, so `progress` must have counted the
  /// epoch or iteration.
  private static func isPast(_ line: JSONValue, _ progress: TrainingProgress) -> Bool {
    func number(_ name: String) -> Int { line[name]?.integer ?? .max }
    guard number("step") <= progress.step else { return false }
    switch line["kind"] {
    case .string("epoch"), .string("warning"), .string("validation"):
      return number("epoch") <= progress.totalEpochs
    case .string("outer"): return number("outer") <= progress.outer
    default: return true
    }
  }

  /// The loss of every step in a run's log; lines that are not JSON, such as a line cut by a kill,
  /// are skipped.
  ///
  /// - Throws: `RunError` where the log cannot be read.
  public static func steps(of directory: RunDirectory) throws -> [(step: Int, loss: Double)] {
    try lines(of: directory.metrics).compactMap { text in
      guard let line = value(of: text), line["kind"] == "step",
        let step = line["step"]?.integer, let loss = line["loss"]?.number
      else { return nil }
      return (step, loss)
    }
  }

  /// When each step of a run's log was made; lines without a step or a time are skipped.
  ///
  /// - Throws: `RunError` where the log cannot be read.
  static func times(of directory: RunDirectory) throws -> [(step: Int, time: Date)] {
    try lines(of: directory.metrics).compactMap { text in
      guard let line = value(of: text), let step = line["step"]?.integer,
        let time = line["time"]?.text.flatMap(RunMark.moment)
      else { return nil }
      return (step, time)
    }
  }

  /// The last lines of a run's log, the newest first; lines that are not JSON are skipped.
  ///
  /// - Throws: `RunError` where the log cannot be read.
  static func newest(_ count: Int, of directory: RunDirectory) throws -> [JSONValue] {
    try lines(of: directory.metrics).suffix(count).reversed().compactMap { value(of: $0) }
  }

  /// The JSON of a line; nil for a line that a kill has cut, or that no run writes.
  private static func value(of line: String) -> JSONValue? {
    line.utf8.count <= RegularFile.documentLimit ? try? JSONValue(parsing: line) : nil
  }

  /// The lines of the file, none if there is no file; bytes that are not text spoil only their own
  /// line.
  private static func lines(of path: String) throws -> [String] {
    let bytes: [UInt8]
    do throws(RegularFile.Refusal) { bytes = try RegularFile.read(path) } catch {
      if error.errorNumber == ENOENT { return [] }
      throw RunError.unread(path, error)
    }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Writes a line.
  public func write(_ members: [JSONValue.Member]) throws {
    try FileError.wrap(path) {
      try handle.write(contentsOf: Data((JSONValue.object(members).line + "\n").utf8))
    }
  }
}

import Foundation

/// `metrics.jsonl`: one JSON object a line, written through at once. Rank 0 only.
public final class RunLog {
  private let handle: FileHandle
  private let path: String

  /// Opens the log of a run for more lines.
  ///
  /// - Parameter step: lines about later steps, left by a run that was killed, are dropped.
  public init(_ directory: RunDirectory, upTo step: Int) throws {
    path = directory.metrics
    let kept = Self.lines(of: path).filter { line in
      guard let found = (try? JSONValue(parsing: line))?["step"]?.number else { return false }
      return Int(found) <= step
    }
    let text = kept.map { $0 + "\n" }.joined()
    try RunError.wrap(path) { [path] in
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
    guard let handle = FileHandle(forWritingAtPath: path) else {
      throw RunError.system(path, "cannot be opened for writing")
    }
    self.handle = handle
    try handle.seekToEnd()
  }

  deinit { try? handle.close() }

  private static func lines(of path: String) -> [String] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").map(String.init)
  }

  /// Writes a line.
  public func write(_ members: [JSONValue.Member]) throws {
    do {
      try handle.write(contentsOf: Data((JSONValue.object(members).line + "\n").utf8))
    } catch { throw RunError.system(path, error.localizedDescription) }
  }
}

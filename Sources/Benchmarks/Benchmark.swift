import MPI
import Support

/// A measurement of speed that `cleave bench NAME` runs.
///
/// A benchmark is its file and one line of ``BenchmarkCatalogue``.
public protocol Benchmark: Sendable {
  /// The word after `cleave bench`.
  var name: String { get }
  /// What it measures, in a line.
  var summary: String { get }
  /// The options that it reads; the tool refuses others.
  var options: [BenchmarkOption] { get }

  /// Measures. **Collective.**
  ///
  /// - Parameter progress: takes a line about a long benchmark's way; the tool shows rank 0's.
  /// - Returns: The measurement; only rank 0's is complete.
  func run(
    _ settings: BenchmarkSettings, on world: Communicator, progress: (String) -> Void
  ) throws -> BenchmarkReport
}

/// What a benchmark measured.
public struct BenchmarkReport: Sendable {
  /// For people: lines of text.
  public let lines: [String]
  /// For scripts: the names of its members stay as they are.
  public let json: JSONValue

  /// A report in both forms.
  public init(lines: [String], json: JSONValue) {
    self.lines = lines
    self.json = json
  }
}

/// A benchmark that cannot go on.
struct BenchmarkError: ExitStatusError, CustomStringConvertible {
  let description: String
  var exitStatus: Int32 { 1 }

  init(_ description: String) { self.description = description }
}

import Foundation

/// What a finished process left behind.
public struct Run: Sendable, CustomStringConvertible {
  /// The exit status, or 128 + the signal that ended the process, as a shell counts.
  public let status: Int32
  /// What it wrote to standard output.
  public let output: String
  /// What it wrote to standard error.
  public let errors: String
  /// Whether the time limit ended it.
  public let timedOut: Bool

  /// Everything, for a failed expectation's comment.
  public var description: String {
    "status \(status)\(timedOut ? " (time limit)" : "")\n\(output)\n\(errors)"
  }

  /// Runs an executable to its end.
  ///
  /// - Parameters:
  ///   - executable: A path, or a name to look up in `PATH`.
  ///   - environment: Variables to set over those of the test process; nil removes one.
  ///   - folder: The working directory.
  ///   - limit: Seconds after which the process gets SIGTERM, and SIGKILL five seconds later.
  /// - Throws: Where the process cannot be started.
  public static func command(
    _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    in folder: URL? = nil, limit: Double = 120
  ) throws -> Run {
    try Job(executable, arguments, environment: environment, in: folder).end(within: limit)
  }

  /// Runs one of this package's executables, alone or as `ranks` ranks under a real `mpirun`.
  ///
  /// Ranks may outnumber the cores: they are not bound, and they yield while they wait.
  public static func product(
    _ name: String, _ arguments: [String] = [], ranks: Int? = nil,
    environment: [String: String?] = [:], in folder: URL? = nil, limit: Double = 120
  ) throws -> Run {
    try Job.product(name, arguments, ranks: ranks, environment: environment, in: folder)
      .end(within: limit)
  }

  /// The folder of the built executables: the one the running test bundle lies in.
  public static let products: URL = {
    let running = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let built = TestData.packageRoot.appending(path: ".build/release")
    return [running, built].first {
      FileManager.default.isExecutableFile(atPath: $0.appending(path: "cleave").path)
    } ?? built
  }()
}

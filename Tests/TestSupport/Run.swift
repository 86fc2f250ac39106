import Foundation

/// The results of a finished process.
public struct Run: Sendable, CustomStringConvertible {
  /// The exit status; for a process ended by a signal, 128 + the signal, as in a shell.
  public let status: Int32
  /// The text on standard output.
  public let output: String
  /// The text on standard error.
  public let errors: String
  /// Whether the time limit ended it.
  public let timedOut: Bool

  /// All results, for the comment of a failed expectation.
  public var description: String {
    "status \(status)\(timedOut ? " (time limit)" : "")\n\(output)\n\(errors)"
  }

  /// Runs an executable to its end.
  ///
  /// - Parameters:
  ///   - executable: A path, or a name to find in `PATH`.
  ///   - environment: Variables to set in addition to those of the test process; nil removes a
  ///     variable.
  ///   - folder: The working directory.
  ///   - limit: Seconds after which the process gets SIGTERM; SIGKILL follows five seconds later.
  /// - Throws: if the process cannot be started.
  public static func command(
    _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    in folder: URL? = nil, limit: Double = 300
  ) throws -> Run {
    try Job(executable, arguments, environment: environment, in: folder).end(within: limit)
  }

  /// Runs one of this package's executables, alone or as `ranks` ranks under a real `mpirun`.
  ///
  /// Ranks may outnumber the cores: they are not bound to cores, and they yield while they wait.
  public static func product(
    _ name: String, _ arguments: [String] = [], ranks: Int? = nil,
    environment: [String: String?] = [:], in folder: URL? = nil, limit: Double = 300
  ) throws -> Run {
    try Job.product(name, arguments, ranks: ranks, environment: environment, in: folder)
      .end(within: limit)
  }

  /// The folder of the built executables: the folder of the running test bundle.
  public static let products: URL = {
    let running = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let built = TestData.packageRoot.appending(path: ".build/release")
    return [running, built].first {
      FileManager.default.isExecutableFile(atPath: $0.appending(path: "cleave").path)
    } ?? built
  }()
}

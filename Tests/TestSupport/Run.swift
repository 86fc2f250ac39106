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
  /// Output goes through files, so neither a full pipe nor a grandchild that keeps one open can
  /// hold the test up.
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
    try withTemporaryFolder { scratch in
      let (output, errors) = (scratch.appending(path: "out"), scratch.appending(path: "err"))
      for file in [output, errors] { try Data().write(to: file) }
      let process = Process()
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = [executable] + arguments
      process.environment = merged(environment)
      if let folder { process.currentDirectoryURL = folder }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = try FileHandle(forWritingTo: output)
      process.standardError = try FileHandle(forWritingTo: errors)
      try process.run()
      let timedOut = !ends(process, within: limit)
      if timedOut {
        process.terminate()
        if !ends(process, within: 5) { kill(process.processIdentifier, SIGKILL) }
      }
      process.waitUntilExit()
      let signalled = process.terminationReason == .uncaughtSignal
      return Run(
        status: process.terminationStatus + (signalled ? 128 : 0),
        output: try text(of: output), errors: try text(of: errors), timedOut: timedOut)
    }
  }

  /// Runs one of this package's executables, alone or as `ranks` ranks under a real `mpirun`.
  ///
  /// Ranks may outnumber the cores: they are not bound, and they yield while they wait.
  public static func product(
    _ name: String, _ arguments: [String] = [], ranks: Int? = nil,
    environment: [String: String?] = [:], in folder: URL? = nil, limit: Double = 120
  ) throws -> Run {
    let binary = products.appending(path: name).path
    var environment = environment
    environment["OPENBLAS_NUM_THREADS"] = "1"
    guard let ranks else {
      return try command(
        binary, arguments, environment: environment, in: folder, limit: limit)
    }
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    return try command(
      "mpirun",
      ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        + ["-n", "\(ranks)", binary] + arguments,
      environment: environment, in: folder, limit: limit)
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

  /// Whether the process ends before the limit, asked every two hundredths of a second.
  private static func ends(_ process: Process, within seconds: Double) -> Bool {
    let limit = Date(timeIntervalSinceNow: seconds)
    while process.isRunning {
      if Date() > limit { return false }
      usleep(20_000)
    }
    return true
  }

  private static func merged(_ changes: [String: String?]) -> [String: String] {
    var all = ProcessInfo.processInfo.environment
    for (name, value) in changes { all[name] = value }
    return all
  }

  private static func text(of file: URL) throws -> String {
    String(decoding: try Data(contentsOf: file), as: UTF8.self)
  }
}

import Foundation

/// A running process, perhaps the `mpirun` of several ranks; a test may signal it.
///
/// Output goes to files. So neither a full pipe nor a grandchild with an open pipe can block the
/// test.
public final class Job {
  private let process = Process()
  private let scratch = FileManager.default.temporaryDirectory
    .appending(path: "cleave-tests-\(UUID().uuidString)")

  /// Starts an executable; the parameters are those of ``Run/command(_:_:environment:in:limit:)``.
  ///
  /// - Throws: if the process cannot be started.
  public init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    in folder: URL? = nil
  ) throws {
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    for file in [output, errors] { try Data().write(to: file) }
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [executable] + arguments
    process.environment = Self.merged(environment)
    if let folder { process.currentDirectoryURL = folder }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    // Threads that run tests may block signals, and a process inherits the mask of its thread.
    var (none, held) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &held)
    defer { pthread_sigmask(SIG_SETMASK, &held, nil) }
    try process.run()
  }

  /// Starts one of this package's executables, alone or as `ranks` ranks under a real `mpirun`.
  ///
  /// - Throws: if the process cannot be started.
  public static func product(
    _ name: String, _ arguments: [String] = [], ranks: Int? = nil,
    environment: [String: String?] = [:], in folder: URL? = nil
  ) throws -> Job {
    let binary = Run.products.appending(path: name).path
    var environment = environment
    environment["OPENBLAS_NUM_THREADS"] = "1"
    guard let ranks else {
      return try Job(binary, arguments, environment: environment, in: folder)
    }
    environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
    environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
    return try Job(
      "mpirun",
      ["--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
        + ["-n", "\(ranks)", binary] + arguments,
      environment: environment, in: folder)
  }

  // The system's own cleaning removes output files that remain.
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private var output: URL { scratch.appending(path: "out") }
  private var errors: URL { scratch.appending(path: "err") }

  /// Whether the process runs.
  public var isRunning: Bool { process.isRunning }

  /// The process identifier; with ranks, of `mpirun`.
  public var identifier: pid_t { process.processIdentifier }

  /// The running child processes: the ranks in order, after `mpirun` has started all ranks.
  public var children: [pid_t] {
    let path = "/proc/\(identifier)/task/\(identifier)/children"
    // An ended process has no such file, and no children.
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    return text.split(separator: " ").compactMap { pid_t($0) }
  }

  /// Waits until a condition holds; checks it a thousand times a second.
  ///
  /// - Returns: Whether the condition held; false if the process ended or the time is over.
  public func waits(atMost seconds: Double = 60, until condition: () throws -> Bool) rethrows
    -> Bool
  {
    let limit = Date(timeIntervalSinceNow: seconds)
    while process.isRunning && Date() < limit {
      if try condition() { return true }
      usleep(1000)
    }
    return false
  }

  /// Waits for the end of the process.
  ///
  /// - Parameter limit: Seconds after which the process gets SIGTERM; SIGKILL follows five seconds
  ///   later.
  /// - Throws: if its output cannot be read.
  public func end(within limit: Double = 300) throws -> Run {
    let timedOut = !ends(within: limit)
    if timedOut {
      process.terminate()
      if !ends(within: 5) { kill(identifier, SIGKILL) }
    }
    process.waitUntilExit()
    let signalled = process.terminationReason == .uncaughtSignal
    return Run(
      status: process.terminationStatus + (signalled ? 128 : 0),
      output: try Self.text(of: output), errors: try Self.text(of: errors), timedOut: timedOut)
  }

  /// Whether the process ends before the limit; checks every two hundredths of a second.
  private func ends(within seconds: Double) -> Bool {
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

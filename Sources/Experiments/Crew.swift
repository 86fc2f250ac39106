import Foundation
import Guard
import Support

/// Makes jobs by child processes, several at once, each when what it needs is there.
public struct Crew {
  /// How the work ended.
  public struct Outcome: Sendable {
    /// Why jobs failed, by their outputs.
    public var failures: [String: String] = [:]
    /// Whether a signal, or the end of a run's time, ended it before all was done.
    public var isInterrupted = false
  }

  /// A job that is being made.
  private struct Work {
    let job: Job
    let process: Process
    let lock: JobLock
    let began: Date
  }

  private let folder: ExperimentFolder
  private let jobs: [Job]
  private let atOnce: Int
  private let ranks: Int
  private let tell: (String) -> Void

  /// - Parameters:
  ///   - atOnce: jobs at once.
  ///   - ranks: ranks of a run.
  ///   - tell: takes lines of progress.
  public init(
    _ folder: ExperimentFolder, _ jobs: JobList, atOnce: Int, ranks: Int,
    tell: @escaping (String) -> Void
  ) {
    (self.folder, self.jobs) = (folder, jobs.jobs)
    (self.atOnce, self.ranks, self.tell) = (atOnce, ranks, tell)
  }

  /// Makes all jobs that are not done, and waits for those that other processes make.
  ///
  /// A job that fails does not end the others, but those that need it are not made. After a signal
  /// runs write a checkpoint, and a later call goes on.
  ///
  /// - Throws: `ExperimentError` where images are missing; `FileError`.
  public func work() throws -> Outcome {
    try folder.make()
    StopSignals.install()
    var shift = Shift(try jobs.filter { try folder.state(of: $0) != .done })
    try Self.check(shift.waiting)
    while !shift.isOver {
      try collect(&shift)
      if StopSignals.arrived || shift.outcome.isInterrupted { shift.stop() }
      let began = try begin(&shift)
      // Nothing to do here: other processes make what is left.
      usleep(began || !shift.working.isEmpty ? 10_000 : 500_000)
    }
    return shift.outcome
  }

  /// The jobs of one call, and how far they are.
  private struct Shift {
    /// Jobs that nobody here has begun, in order.
    var waiting: [Job]
    /// Outputs that are not there yet.
    var undone: Set<String>
    var working: [Work] = []
    var outcome = Outcome()
    let total: Int

    init(_ jobs: [Job]) {
      (waiting, undone, total) = (jobs, Set(jobs.map(\.output)), jobs.count)
    }

    var isOver: Bool { waiting.isEmpty && working.isEmpty }

    /// Jobs that are over, for people.
    var progress: String { "[\(total - waiting.count - working.count)/\(total)]" }

    /// Ends what is being made, and begins nothing more.
    mutating func stop() {
      outcome.isInterrupted = true
      waiting = []
      for work in working where work.process.isRunning { work.process.terminate() }
    }

    /// Notes that a job is over.
    mutating func settle(_ job: Job, failure: String? = nil) {
      waiting.removeAll { $0.output == job.output }
      undone.remove(job.output)
      outcome.failures[job.output] = failure
    }
  }

  /// Takes in the children that have ended.
  private func collect(_ shift: inout Shift) throws {
    for (index, work) in shift.working.enumerated().reversed() where !work.process.isRunning {
      shift.working.remove(at: index)
      let status = work.process.terminationStatus
      switch (work.process.terminationReason, status) {
      case (.exit, 0):
        try finish(work.job)
        shift.settle(work.job)
        let seconds = Quantity.clock(Date.now.timeIntervalSince(work.began))
        tell("\(shift.progress) \(work.job.output) \(seconds)")
      case (.exit, 75): shift.outcome.isInterrupted = true
      case _ where StopSignals.arrived: shift.outcome.isInterrupted = true
      default:
        let reason = reason(of: work, status)
        shift.settle(work.job, failure: reason)
        tell("failed: \(work.job.output): \(reason)")
      }
    }
  }

  /// Begins jobs while there is room; whether there was one to begin.
  private func begin(_ shift: inout Shift) throws -> Bool {
    var began = false
    for job in shift.waiting where shift.working.count < atOnce {
      if let missing = job.needs.first(where: { shift.outcome.failures[$0] != nil }) {
        shift.settle(job, failure: "needs \(missing)")
        continue
      }
      guard !job.needs.contains(where: shift.undone.contains),
        let lock = try JobLock(folder.companion("locks", job.output, ""))
      else { continue }
      let state = try folder.state(of: job)
      if state == .done {
        // Another process has made it.
        shift.settle(job)
        continue
      }
      shift.waiting.removeAll { $0.output == job.output }
      shift.working.append(
        Work(job: job, process: try start(job, state), lock: lock, began: .now))
      began = true
    }
    return began
  }

  /// Makes sure that the images are there from which files are made.
  private static func check(_ jobs: [Job]) throws(ExperimentError) {
    for job in jobs {
      guard let source = job.source, let root = Self.root(of: job, source) else { continue }
      if FileManager.default.fileExists(atPath: "\(root)/\(source.needs)") { continue }
      throw .data(
        "\(root)/\(source.needs): found nothing there, expected \(source.origin); name the folder "
          + "of data by --data or CLEAVE_DATA")
    }
  }

  private static func root(of job: Job, _ source: ImageSource) -> String? {
    for (word, model) in zip(job.words, source.words) where model.hasPrefix("{root}/") {
      return String(word.dropLast(model.count - "{root}".count))
    }
    return nil
  }

  private func start(_ job: Job, _ state: ExperimentFolder.State) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    var words = job.words
    if state == .begun { words = ["train", "--resume", job.output, "--quiet"] }
    let isParallel = job.kind == .run && ranks > 1
    let program = "/proc/\(getpid())/exe"
    // Children end with this process, however it ends.
    process.arguments =
      ["setpriv", "--pdeathsig", "TERM"]
      + (isParallel ? Self.launcher(ranks) : []) + [program] + words
    process.currentDirectoryURL = URL(filePath: folder.path)
    process.environment = Self.environment()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try Self.file(outputPlace(job))
    process.standardError = try Self.file(folder.companion("logs", job.output, ".log"))
    try process.run()
    return process
  }

  /// `mpirun` for ranks of this host.
  private static func launcher(_ ranks: Int) -> [String] {
    ["mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
      + (getuid() == 0 ? ["--allow-run-as-root"] : []) + ["-n", "\(ranks)"]
  }

  /// The environment of a process that is no rank of ours.
  private static func environment() -> [String: String] {
    let ranks = ["OMPI_", "PMIX_", "PMI_", "SLURM_STEP_", "CLEAVE_STATUS", "CLEAVE_TERMINAL"]
    return ProcessInfo.processInfo.environment
      .filter { name, _ in !ranks.contains { name.hasPrefix($0) } }
      .merging(["OPENBLAS_NUM_THREADS": "1"]) { $1 }
  }

  private func outputPlace(_ job: Job) -> String {
    job.kind == .reading
      ? "\(folder.path)/\(job.output).new" : folder.companion("logs", job.output, ".out")
  }

  private static func file(_ path: String) throws -> FileHandle {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard file >= 0 else { throw FileError.last(path) }
    return FileHandle(fileDescriptor: file, closeOnDealloc: true)
  }

  private func finish(_ job: Job) throws(FileError) {
    guard job.kind == .reading else { return }
    let place = "\(folder.path)/\(job.output)"
    guard rename(outputPlace(job), place) == 0 else { throw FileError.last(place) }
  }

  /// The line in which a command said why it ended.
  private func reason(of work: Work, _ status: Int32) -> String {
    let log = folder.companion("logs", work.job.output, ".log")
    let bytes = (try? RegularFile.read(log, atMost: RegularFile.documentLimit)) ?? []
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let said = lines.last { $0.hasPrefix("cleave ") }.map { String($0).printable.shortened }
    let how = work.process.terminationReason == .exit ? "status" : "signal"
    return said ?? "ended with \(how) \(status); \(log)"
  }
}

import Foundation
import Support
import Synchronization

/// A thread that ends this rank if not all ranks of the job have come together within a minute.
///
/// Otherwise a rank would wait for ever in `MPI_Init`, for example for another program.
final class StartWatch: Sendable {
  /// Seconds that ranks have to come together.
  private static let limit = 50
  private static let checksPerSecond = 4
  private let isDone = Atomic<Bool>(false)

  /// Starts the watch.
  init(program: String) {
    let thread = Thread { [self] in
      // Checks are counted, not time: a job that is suspended may take longer.
      for _ in 0..<Self.limit * Self.checksPerSecond {
        usleep(UInt32(1_000_000 / Self.checksPerSecond))
        if isDone.load(ordering: .acquiring) { return }
      }
      let error = Self.explanation()
      printError("\(program): rank \(Launch.rank ?? 0) (\(Launch.hostName)): \(error)")
      _exit(error.exitStatus)
    }
    thread.name = "cleave-start"
    thread.start()
  }

  /// Ends the watch when all ranks have answered.
  func stop() { isDone.store(true, ordering: .releasing) }

  private static func explanation() -> LaunchError {
    let ranks = Launch.announcedSize.map { "the \($0) ranks" } ?? "the ranks"
    let found = "\(ranks) have not come together within \(limit) s"
    if let foreign = Launch.foreignRank {
      return LaunchError(
        description: "\(found): found \(foreign.program) as rank \(foreign.rank), expected the "
          + "same program on all ranks")
    }
    return LaunchError(
      description: "\(found), expected the same program on all, and hosts that reach each other",
      exitStatus: 1)
  }
}

extension Launch {
  /// A rank of this host that is another program than this rank; nil if there is none.
  static var foreignRank: (rank: Int, program: String)? {
    let own = program(of: Int(getpid()))
    let launcher = ProcessIdentity.ancestor(named: LauncherWatch.launchers).process
    for process in children(of: launcher) {
      // A shell that starts this program is no other program.
      let programs = family(of: process).compactMap { program(of: $0) }
      guard let rank = rank(of: process), let other = programs.first, !programs.contains(own ?? "")
      else { continue }
      return (rank, other)
    }
    return nil
  }

  private static func program(of process: Int) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
  }

  private static func children(of process: Int) -> [Int] {
    let tasks =
      (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")) ?? []
    return tasks.flatMap { task in
      let file = "/proc/\(process)/task/\(task)/children"
      let bytes = FileManager.default.contents(atPath: file) ?? Data()
      return String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
    }
  }

  /// A process and all that descend from it.
  private static func family(of process: Int) -> [Int] {
    [process] + children(of: process).flatMap { family(of: $0) }
  }

  /// The rank that the launcher has given a process.
  private static func rank(of process: Int) -> Int? {
    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
    let variables = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    for name in rankVariables {
      let value = variables.first { $0.hasPrefix(name + "=") }?.dropFirst(name.count + 1)
      if let rank = value.flatMap({ Int($0) }) { return rank }
    }
    return nil
  }
}

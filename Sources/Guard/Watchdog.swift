import Foundation
import MPI
import Support
import Synchronization

/// A thread that ends this rank when its work stops, and reports where the work stopped.
///
/// It makes no MPI call. It also watches the other ranks of the node: when one has died, this rank
/// does not wait for it.
public final class Watchdog: Sendable {
  private let limit: Double
  private let rank: Int
  private let host: String
  /// Ranks on this node and their processes.
  private let neighbours: [(rank: Int, process: pid_t)]
  private let rankCount: Int
  private let hasOtherNodes: Bool
  private let folder: String?
  private let isDone = Atomic<Bool>(false)

  /// The activity of ranks that write a checkpoint, or wait for ranks that write it.
  public static let checkpointing: StaticString = "writing a checkpoint"
  /// The default limit without progress, in seconds: no step and no part of a checkpoint takes as
  /// long.
  public static let usualLimit = 600.0
  /// Seconds between two checks.
  private static let period = 0.25
  /// If a check comes so many seconds late, the job was suspended and does not hang.
  private static let suspension = 2.0
  /// Seconds that a rank waits for ranks of other nodes after it was asked to end.
  private static let farewell = 20.0
  /// Seconds that ranks that hang wait for each other's reports.
  private static let collection = 2.0

  /// Starts the watch.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - seconds: the limit without progress; 0 for no limit.
  ///   - folder: the folder for reports.
  /// - Throws: `MPIError`.
  public init(seconds: Double, folder: String?, world: Communicator) throws {
    limit = seconds > 0 ? seconds : .infinity
    rank = world.rank
    rankCount = world.size
    host = world.hostName
    self.folder = folder
    let hosts = try world.allGather(world.hostName)
    let processes = try world.allGather([Int64(getpid())])
    hasOtherNodes = Set(hosts).count > 1
    let own = world.rank
    neighbours = hosts.indices
      .filter { $0 != own && hosts[$0] == hosts[own] }
      .map { ($0, pid_t(processes[$0])) }
      // Ranks in separate containers cannot see each other.
      .filter { kill($0.1, 0) == 0 }
    if world.isRoot { removeReports() }
    try world.barrier()
    let thread = Thread { [self] in watch() }
    thread.name = "cleave-watchdog"
    thread.start()
  }

  /// Ends the watch when the work is done.
  public func stop() { isDone.store(true, ordering: .releasing) }

  private func watch() {
    var seen = Activity.now.changes
    var (advanced, looked) = (Self.clock, Self.clock)
    while true {
      usleep(UInt32(1e6 * Self.period))
      if isDone.load(ordering: .acquiring) { return }
      let (now, activity) = (Self.clock, Activity.now)
      if activity.changes != seen || now - looked > Self.suspension {
        seen = activity.changes
        advanced = now
      }
      looked = now
      if let lost = neighbours.first(where: { kill($0.process, 0) != 0 }) {
        leave("rank \(lost.rank), on this node, is gone")
      }
      let still = now - advanced
      // A checkpoint takes longer on some ranks than on others.
      if hasOtherNodes && StopSignals.arrived && activity.waitingFor != nil && still > Self.farewell
        && activity.doing != "\(Self.checkpointing)"
      {
        leave("asked to end while ranks of other nodes do not answer")
      }
      if still > limit { report(activity, still: still) }
    }
  }

  /// Seconds of a clock that nobody adjusts.
  private static var clock: Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e9 }

  /// Ends this rank, and with it the job, without a call of MPI, because MPI may hang.
  private func leave(_ reason: String) -> Never {
    say(reason)
    _exit(1)
  }

  private func say(_ text: String) {
    StandardStreams.message("cleave: rank \(rank) (\(host)): \(text)".printable + "\n")
  }

  // MARK: - Reports

  /// Writes this rank's activity, waits for the other ranks' reports, and ends this rank.
  private func report(_ activity: Activity.Snapshot, still: Double) -> Never {
    var place = "step \(activity.step), \(activity.doing ?? "start")"
    if let lane = activity.lane { place += ", lane \(lane)" }
    if let bucket = activity.bucket, activity.waitingFor != nil { place += ", bucket \(bucket)" }
    let wait = activity.waitingFor.map { ", waiting for the other ranks (\($0))" } ?? ""
    say("no progress for \(Int(still)) s: \(place)\(wait)")
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    func number(_ value: Int?) -> JSONValue { value.map { .integer($0) } ?? .null }
    let document: JSONValue = [
      "rank": .integer(rank), "host": .string(host), "seconds": .real(still),
      "step": .integer(activity.step), "doing": text(activity.doing),
      "lane": number(activity.lane), "waiting_for": text(activity.waitingFor),
      "bucket": number(activity.bucket),
    ]
    if let folder {
      let file = URL(filePath: "\(folder)/hang-\(rank).json")
      do {
        try TemporaryFile.write(document.document + "\n", to: file.path)
      } catch {
        say("\(error)")
      }
    }
    usleep(UInt32(1e6 * Self.collection))
    if let behind = behind() { say("behind: \(behind)") }
    _exit(1)
  }

  /// The ranks that hold up the job: ranks that gave no report, or that were at work.
  ///
  /// Nil except on the lowest rank that reported.
  private func behind() -> String? {
    guard let folder, rankCount > 1 else { return nil }
    let reports = (0..<rankCount).map { other in
      (try? RegularFile.read(
        "\(folder)/hang-\(other).json", atMost: RegularFile.documentLimit))
        .flatMap { try? JSONValue(parsing: String(decoding: $0, as: UTF8.self)) }
    }
    guard reports.firstIndex(where: { $0 != nil }) == rank else { return nil }
    let names = reports.enumerated().compactMap { other, report in
      guard let report else { return "rank \(other) (no report)" }
      guard report["waiting_for"] == .null, case .string(let host)? = report["host"] else {
        return nil
      }
      return "rank \(other) (\(host))"
    }
    return names.isEmpty ? nil : names.joined(separator: ", ")
  }

  private func removeReports() {
    guard let folder else { return }
    let files = FileManager.default
    for name in (try? files.contentsOfDirectory(atPath: folder)) ?? []
    where name.hasPrefix("hang-") && name.hasSuffix(".json") {
      try? files.removeItem(atPath: "\(folder)/\(name)")
    }
  }
}

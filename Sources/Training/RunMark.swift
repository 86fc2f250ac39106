import Foundation
import Support

/// The mark of a run, `run.json`: who made the folder, from what, and who went on with it.
public struct RunMark: Equatable, Sendable {
  /// What tells the run from all others, 32 hexadecimal digits.
  public let id: String
  /// The program that made it.
  public let program: String
  /// When it was made, such as `2026-11-29T17:45:59Z`.
  public let created: String
  /// What the run was started from; nil in runs of earlier versions.
  public private(set) var request: RunRequest?
  /// The noise that was on the images, as their file says; nil where it says nothing.
  public private(set) var noise: String?
  /// The first process that trained the run, and the last; nil in runs of earlier versions.
  public private(set) var first: RunSession?, last: RunSession?
  /// How many processes have trained it, one after the other.
  public private(set) var sessions = 0
  /// Seconds that all of them but the last have trained, as far as the log tells.
  public private(set) var secondsBefore = 0.0

  static let format = "cleave-run"
  static let version = 1

  /// The mark of a new run.
  init() {
    id = Self.newID()
    program = "cleave \(Program.version)"
    created = Self.now()
  }

  /// Reads a mark; nil for a text that is none.
  init?(_ text: String) {
    guard let document = try? JSONValue(parsing: text), document["format"] == .string(Self.format),
      let id = document["id"]?.text
    else { return nil }
    self.id = id
    program = document["program"]?.text ?? ""
    created = document["created"]?.text ?? ""
    request = document["preset"]?.text.map { RunRequest(preset: $0) }
    noise = document["noise"]?.text
    first = document["first"].flatMap { RunSession($0) }
    last = document["last"].flatMap { RunSession($0) }
    sessions = min(max(0, document["sessions"]?.integer ?? 0), 1_000_000_000)
    secondsBefore = max(0, document["seconds_before_last"]?.number ?? 0)
  }

  /// The same mark when another process begins to train the run.
  ///
  /// - Parameters:
  ///   - request: what a new run is started from; nil for a run that goes on.
  ///   - seconds: how long the last process has trained.
  ///   - isSameProcess: whether it goes over to another stage, and has begun before.
  func begun(
    _ session: RunSession, from request: RunRequest?, noise: String?, after seconds: Double,
    isSameProcess: Bool
  ) -> RunMark {
    var mark = self
    if let request {
      mark.request = request
      mark.noise = noise
    }
    mark.first = first ?? session
    mark.last = session
    if !isSameProcess { mark.sessions += 1 }
    mark.secondsBefore += seconds
    return mark
  }

  var text: String {
    var members: [JSONValue.Member] = [
      .init("format", .string(Self.format)), .init("version", .integer(Self.version)),
      .init("id", .string(id)), .init("program", .string(program)),
      .init("created", .string(created)),
    ]
    if let request { members.append(.init("preset", .string(request.preset))) }
    if let noise { members.append(.init("noise", .string(noise))) }
    if let first { members.append(.init("first", first.json)) }
    if let last {
      members.append(.init("last", last.json))
      members.append(.init("sessions", .integer(sessions)))
      members.append(.init("seconds_before_last", .real(secondsBefore)))
    }
    return JSONValue.object(members).document + "\n"
  }

  /// 128 random bits.
  static func newID() -> String {
    (0..<16).map { _ in
      let digits = String(UInt8.random(in: 0...255), radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }

  /// The present time in UTC.
  public static func now() -> String { Date.now.formatted(.iso8601) }

  /// The moment that a time of a run's files names; nil for any other text.
  public static func moment(_ time: String) -> Date? { try? Date(time, strategy: .iso8601) }
}

/// What a run is started from.
public struct RunRequest: Equatable, Sendable {
  /// The name of the preset, or the path of the configuration file.
  public var preset: String

  /// A request of a preset or file.
  public init(preset: String) { self.preset = String(preset.prefix(1000)) }
}

/// One process, or the ranks of one job, that trains a run for a while.
public struct RunSession: Equatable, Sendable {
  /// When it began.
  public let started: String
  /// The program.
  public let program: String
  /// The hosts of its ranks, each once.
  public let hosts: [String]
  /// Its ranks.
  public let ranks: Int
  /// The words of its command line, as a shell takes them.
  public let command: String
  /// The step that it goes on from, and the last step of the run.
  public let step: Int, lastStep: Int

  /// Longer command lines are cut, and longer lists of hosts, so that the file stays small.
  private static let mostCharacters = 2000, mostHosts = 32

  /// A session that begins now.
  ///
  /// - Parameter hosts: the host of each rank.
  public init(command: String, hosts: [String], from step: Int, to lastStep: Int) {
    started = RunMark.now()
    program = "cleave \(Program.version)"
    var seen: Set<String> = []
    self.hosts = Array(hosts.filter { seen.insert($0).inserted }.prefix(Self.mostHosts))
    ranks = hosts.count
    self.command = String(command.prefix(Self.mostCharacters))
    self.step = step
    self.lastStep = lastStep
  }

  /// Reads a session; nil for a value that is none.
  init?(_ json: JSONValue) {
    guard let started = json["started"]?.text, let ranks = json["ranks"]?.integer,
      let command = json["command"]?.text, case .array(let hosts)? = json["hosts"]
    else { return nil }
    self.started = started
    self.ranks = ranks
    self.command = command
    self.hosts = hosts.compactMap(\.text)
    program = json["program"]?.text ?? ""
    step = json["step"]?.integer ?? 0
    lastStep = json["last_step"]?.integer ?? 0
  }

  /// The session as `run.json` has it.
  public var json: JSONValue {
    [
      "started": .string(started), "program": .string(program),
      "hosts": .array(hosts.map { .string($0) }), "ranks": .integer(ranks), "step": .integer(step),
      "last_step": .integer(lastStep), "command": .string(command),
    ]
  }
}

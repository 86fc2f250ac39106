import Foundation

/// A process, known beyond the host on which it runs.
public struct ProcessIdentity: Equatable, Sendable {
  /// The name of its host.
  public let host: String
  /// What the number belongs to: one start of one machine, and one space of process numbers in it.
  ///
  /// Empty where the system does not tell.
  public let machine: String
  /// Its number.
  public let process: Int
  /// Clock ticks from the machine's start to the start of the process.
  public let started: Int

  /// A process from its parts.
  public init(host: String, machine: String, process: Int, started: Int) {
    self.host = host
    self.machine = machine
    self.process = process
    self.started = started
  }

  /// This process.
  public static let own = ProcessIdentity(here: Int(getpid()))

  /// A process of this machine; one that is gone if there is none of this number.
  public init(here process: Int) {
    self.init(
      host: Self.ownHost, machine: Self.ownMachine, process: process,
      started: Self.start(of: process) ?? 0)
  }

  /// The process that started this one, or the nearest one before it whose program has one of
  /// these names.
  public static func ancestor(named names: Set<String>) -> ProcessIdentity {
    let parent = Int(getppid())
    var next = parent
    while next > 1 {
      guard let name = text(of: "/proc/\(next)/comm"), let fields = status(of: next) else { break }
      if names.contains(name.trimmingCharacters(in: .whitespacesAndNewlines)) {
        return ProcessIdentity(here: next)
      }
      next = Int(fields[1]) ?? 0
    }
    return ProcessIdentity(here: parent)
  }

  /// Whether the process runs; nil where this process cannot know, for example on another host.
  public var isAlive: Bool? {
    guard !machine.isEmpty, machine == Self.ownMachine else { return nil }
    return Self.start(of: process) == started
  }

  /// `node3, process 1234`.
  public var words: String { "\(host), process \(process)" }

  /// The C function is `gethostname`.
  private static let ownHost: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown host" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  private static let ownMachine: String = {
    guard let boot = text(of: "/proc/sys/kernel/random/boot_id"),
      let space = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")
    else { return "" }
    return boot.trimmingCharacters(in: .whitespacesAndNewlines) + " " + space
  }()

  private static func text(of path: String) -> String? {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  }

  /// When a process started; nil for one that is gone or only waits to be collected.
  private static func start(of process: Int) -> Int? {
    guard let fields = status(of: process), !["Z", "X"].contains(fields[0]) else { return nil }
    return Int(fields[19])
  }

  /// The fields of `/proc/PID/stat` after the name: state, parent and so on, 20 at least.
  private static func status(of process: Int) -> [Substring]? {
    // The name in parentheses may hold spaces.
    guard let line = text(of: "/proc/\(process)/stat"), let end = line.lastIndex(of: ")") else {
      return nil
    }
    let fields = line[line.index(after: end)...].split(separator: " ")
    return fields.count >= 20 ? fields : nil
  }
}

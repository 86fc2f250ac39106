import Foundation

/// Memory of this process that is resident, as the kernel counts it, in bytes.
public struct ProcessMemory {
  /// The process's own memory.
  public var anonymous = 0
  /// Pages of files: programs, libraries, mapped data.
  public var files = 0
  /// Memory shared with other processes.
  public var shared = 0

  /// No memory.
  public init() {}

  /// The largest resident memory so far, in bytes.
  ///
  /// The C function is `getrusage`.
  public static var peak: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
  }

  /// The memory that processes of this machine or container may still take, in bytes; nil where
  /// the system does not say.
  public static var available: Int? {
    func number(_ path: String, after key: String = "") -> Int? {
      guard let data = FileManager.default.contents(atPath: path) else { return nil }
      let text = String(decoding: data, as: UTF8.self)
      let lines = text.split(separator: "\n").filter { $0.hasPrefix(key) }
      return lines.first.flatMap {
        Int($0.dropFirst(key.count).drop { $0 == " " }.prefix(while: \.isNumber))
      }
    }
    let free = number("/proc/meminfo", after: "MemAvailable:").map { $0 << 10 }
    // A container's own limit; pages of files in it can be dropped.
    let limits = [
      ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.stat", "anon "),
      (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.stat",
        "total_rss "
      ),
    ].compactMap { limit, use, key in
      number(limit).map { max(0, $0 - (number(use, after: key) ?? 0)) }
    }
    return (limits + [free].compactMap { $0 }).min()
  }

  /// The present memory; all zero where there is no `/proc`.
  public static func now() -> ProcessMemory {
    var memory = ProcessMemory()
    guard let data = FileManager.default.contents(atPath: "/proc/self/status") else {
      return memory
    }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count >= 2, let kibibytes = Int(words[1]) else { continue }
      switch words[0] {
      case "RssAnon:": memory.anonymous = kibibytes << 10
      case "RssFile:": memory.files = kibibytes << 10
      case "RssShmem:": memory.shared = kibibytes << 10
      default: continue
      }
    }
    return memory
  }
}

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

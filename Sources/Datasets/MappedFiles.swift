import Foundation
import Synchronization

/// Ends this process with one line when a file that is mapped has lost bytes that are needed.
///
/// The system then sends SIGBUS to the reader. The handler takes no memory and no lock; all text
/// but one number is ready before.
public enum MappedFiles {
  /// A mapping that the handler knows.
  private struct Entry {
    var start: UInt, end: UInt
    /// Bytes that the file must have, and the time of its last change when it was mapped.
    var needed: Int, changed: timespec
    /// The path; the line before the number that was found; the line after it.
    var path: UnsafeMutablePointer<CChar>?
    var before: UnsafeMutablePointer<CChar>?, after: UnsafeMutablePointer<CChar>?
  }

  private static let capacity = 256
  nonisolated(unsafe) private static let entries: UnsafeMutablePointer<Entry> = {
    let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    let none = Entry(
      start: 0, end: 0, needed: 0, changed: timespec(), path: nil, before: nil, after: nil)
    entries.initialize(repeating: none, count: capacity)
    return entries
  }()
  nonisolated(unsafe) private static let line = UnsafeMutablePointer<CChar>.allocate(
    capacity: lineBytes)
  private static let lineBytes = 1 << 14
  nonisolated(unsafe) private static var speaker = strdup("cleave: ")
  nonisolated(unsafe) private static var rank = 0
  nonisolated(unsafe) private static var earlier = sigaction()
  private static let isInstalled = Mutex(false)

  /// The status for files that were changed, which are bad data, and for disks that cannot be read.
  private static let (badData, diskTrouble): (Int32, Int32) = (65, 74)

  /// Sets the words at the start of the line, such as `cleave train`, and this process's rank.
  public static func speak(as words: String, rank: Int) {
    speaker = strdup(words + ": ")
    self.rank = rank
  }

  /// Watches a mapping from now on.
  ///
  /// - Parameters:
  ///   - needed: bytes that the file must have.
  ///   - item: the dataset whose images are mapped.
  /// - Returns: a number for `remove(_:)`; nil where too many are mapped.
  static func add(
    _ base: UnsafeMutableRawPointer, length: Int, of path: String, status: stat, needed: Int,
    item: String
  ) -> Int? {
    isInstalled.withLock { isInstalled in
      if !isInstalled { install() }
      isInstalled = true
      guard let free = (0..<capacity).first(where: { entries[$0].end == 0 }) else { return nil }
      entries[free] = Entry(
        start: UInt(bitPattern: base), end: UInt(bitPattern: base) + UInt(length), needed: needed,
        changed: status.st_mtim, path: strdup(path), before: strdup("\(path): \(item): found "),
        after: strdup(", expected \(needed) bytes or more: "))
      return free
    }
  }

  /// Ends the watch of a mapping.
  static func remove(_ number: Int) {
    isInstalled.withLock { _ in
      let entry = entries[number]
      entries[number].end = 0
      for text in [entry.path, entry.before, entry.after] { free(text) }
    }
  }

  /// Handles SIGBUS, on a stack of its own as `StopSignals` explains.
  private static func install() {
    (line[0], rank) = (0, rank)
    var stack = stack_t()
    sigaltstack(nil, &stack)
    if stack.ss_flags & Int32(SS_DISABLE) != 0 {
      let size = 1 << 16
      stack = stack_t(
        ss_sp: .allocate(byteCount: size, alignment: 64), ss_flags: 0, ss_size: size)
      sigaltstack(&stack, nil)
    }
    var action = sigaction()
    action.__sigaction_handler.sa_sigaction = { _, information, _ in
      MappedFiles.fault(at: information?.pointee._sifields._sigfault.si_addr)
    }
    action.sa_flags = SA_SIGINFO | SA_ONSTACK
    sigaction(SIGBUS, &action, &earlier)
  }

  /// In the handler: speaks and ends the process, or leaves a fault elsewhere to the handler
  /// before.
  private static func fault(at address: UnsafeMutableRawPointer?) {
    let place = UInt(bitPattern: address)
    var found = -1
    for number in 0..<capacity
    where place >= entries[number].start && place < entries[number].end { found = number }
    guard found >= 0 else {
      sigaction(SIGBUS, &earlier, nil)  // the access is repeated
      return
    }
    // Ranks that meet the same fault speak in turn: the end of the first ends the others, whose
    // wait a signal of the launcher cuts short.
    if rank > 0 {
      var wait = timespec(tv_sec: min(rank, 20) / 5, tv_nsec: min(rank, 20) % 5 * 200_000_000)
      if nanosleep(&wait, nil) != 0 { _exit(badData) }
    }
    var status = stat()
    let isThere = entries[found].path.map { stat($0, &status) == 0 } ?? false
    let isChanged =
      !isThere || status.st_size < entries[found].needed
      || status.st_mtim.tv_sec != entries[found].changed.tv_sec
      || status.st_mtim.tv_nsec != entries[found].changed.tv_nsec
    var length = 0
    append(speaker, &length)
    append(entries[found].before, &length)
    if isThere {
      append(Int(status.st_size), &length)
      append(" bytes", &length)
    } else {
      append("no file", &length)
    }
    append(entries[found].after, &length)
    append(
      isChanged
        ? "cut short or rewritten while in use" : "a part cannot be read: trouble of its disk",
      &length)
    append("\n", &length)
    write(2, line, length)
    _exit(isChanged ? badData : diskTrouble)
  }

  private static func append(_ text: UnsafeMutablePointer<CChar>?, _ length: inout Int) {
    guard var next = text else { return }
    while next.pointee != 0 && length < lineBytes {
      line[length] = next.pointee
      (next, length) = (next + 1, length + 1)
    }
  }

  private static func append(_ text: StaticString, _ length: inout Int) {
    for i in 0..<text.utf8CodeUnitCount where length < lineBytes {
      line[length] = CChar(bitPattern: text.utf8Start[i])
      length += 1
    }
  }

  private static func append(_ number: Int, _ length: inout Int) {
    var divisor = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 && length < lineBytes {
      line[length] = CChar(48 + number / divisor % 10)
      (length, divisor) = (length + 1, divisor / 10)
    }
  }
}

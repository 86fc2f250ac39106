import Foundation
import Support
import Synchronization

/// Ends the process, with one line and status 65, if HDF5 itself crashes on a file or reads it for
/// ever.
///
/// HDF5 1.10 trusts addresses and sizes in a file: a few changed bytes can lead it beyond its
/// memory. Nothing can go on after that.
public enum UntrustedRead {
  private static let isBusy = Atomic(false)
  nonisolated(unsafe) private static var line: UnsafeMutablePointer<CChar>?
  nonisolated(unsafe) private static var length = 0
  /// The handler's own stack: HDF5 may have used up the other.
  nonisolated(unsafe) private static let stack = UnsafeMutableRawPointer.allocate(
    byteCount: stackBytes, alignment: 64)
  private static let stackBytes = 1 << 16

  /// Runs a read, which calls nothing but HDF5; within another guarded read, or beside one of
  /// another thread, nothing changes.
  ///
  /// The C functions are `sigaction` and `sigaltstack`.
  ///
  /// - Parameter file: the name of the file, for the line.
  public static func guarded<Result, Failure: Error>(
    _ file: String, bytes: Int, _ read: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard isBusy.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
    else { return try read() }
    let text = "cleave: \(file): found a damaged file: HDF5 crashes on it".printable + "\n"
    line = strdup(text)
    length = text.utf8.count
    var own = stack_t(ss_sp: stack, ss_flags: 0, ss_size: stackBytes)
    var former = stack_t()
    sigaltstack(&own, &former)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { _ in
      if let line = UntrustedRead.line { _ = write(2, line, UntrustedRead.length) }
      _exit(65)
    }
    action.sa_flags = SA_ONSTACK
    let signals = [SIGSEGV, SIGBUS, SIGFPE, SIGABRT]
    var before = Array(repeating: sigaction(), count: signals.count)
    for (index, number) in signals.enumerated() { sigaction(number, &action, &before[index]) }
    defer {
      for (index, number) in signals.enumerated() { sigaction(number, &before[index], nil) }
      sigaltstack(&former, nil)
      free(line)
      line = nil
      isBusy.store(false, ordering: .releasing)
    }
    // A gigabyte a second is usual.
    let limit = 10 + Double(bytes) / 2e7
    return try EndlessRead.guarded(file, "/", seconds: limit) { () throws(Failure) in try read() }
  }
}

import Dispatch
import Foundation
import Support

/// Ends the process, with one line and status 65, if HDF5 would read a damaged file forever.
///
/// For variable-length strings, HDF5 1.10 follows a chain of objects. One changed byte can close
/// the chain to a circle. Only the end of the process ends such a call.
enum EndlessRead {
  /// Runs a read with a limit in seconds of this thread's computing time; a slow disk does not
  /// count.
  static func guarded<Result, Failure: Error>(
    _ file: String, _ object: String, seconds: Double, _ read: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var clock = clockid_t()
    guard pthread_getcpuclockid(pthread_self(), &clock) == 0 else { return try read() }
    let done = DispatchSemaphore(value: 0)
    let limit = time(of: clock) + seconds
    let thread = Thread { [clock] in
      while done.wait(timeout: .now() + 0.5) == .timedOut {
        if time(of: clock) < limit { continue }
        let line = "cleave: \(file): \(object): found a damaged file: HDF5 reads it for ever"
        StandardStreams.message(line.printable + "\n")
        _exit(65)
      }
    }
    thread.start()
    defer { done.signal() }
    return try read()
  }

  private static func time(of clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

import Foundation

/// Signals that ask a run to write a checkpoint and end: SIGTERM, SIGUSR1 and SIGINT.
public enum StopSignals {
  nonisolated(unsafe) private static var received: sig_atomic_t = 0

  /// Takes the signals over from now on.
  ///
  /// They are let through as well: a process started by a thread that blocks signals inherits that.
  public static func install() {
    var taken = sigset_t()
    sigemptyset(&taken)
    for number in [SIGTERM, SIGUSR1, SIGINT] {
      signal(number) { StopSignals.received = sig_atomic_t($0) }
      sigaddset(&taken, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &taken, nil)
  }

  /// Whether one has come.
  public static var arrived: Bool { received != 0 }
}

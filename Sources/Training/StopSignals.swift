import Foundation

/// Signals that ask a run to write a checkpoint and end: SIGTERM, SIGUSR1 and SIGINT.
public enum StopSignals {
  nonisolated(unsafe) private static var received: sig_atomic_t = 0

  /// Takes the signals over from now on.
  public static func install() {
    for number in [SIGTERM, SIGUSR1, SIGINT] {
      signal(number) { StopSignals.received = sig_atomic_t($0) }
    }
  }

  /// Whether one has come.
  public static var arrived: Bool { received != 0 }
}

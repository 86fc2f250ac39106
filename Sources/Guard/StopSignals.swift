import Foundation

/// Signals that ask a run to write a checkpoint and end: SIGTERM, SIGUSR1 and SIGINT.
public enum StopSignals {
  nonisolated(unsafe) private static var received: sig_atomic_t = 0

  /// Takes the signals over from now on; called on the thread that trains.
  ///
  /// Their handler has a stack of its own: the one in use may be a piece of the heap, since kernels of oneDNN before
  /// 3.11.2 point the stack pointer there (its issue 4845), and a handler would overwrite what lies below.
  /// The signals are let through as well: a process started by a thread that blocks signals inherits that.
  public static func install() {
    let size = 1 << 16
    var stack = stack_t(
      ss_sp: .allocate(byteCount: size, alignment: 64), ss_flags: 0, ss_size: size)
    sigaltstack(&stack, nil)
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { StopSignals.received = sig_atomic_t($0) }
    action.sa_flags = SA_ONSTACK | SA_RESTART
    var taken = sigset_t()
    sigemptyset(&taken)
    for number in [SIGTERM, SIGUSR1, SIGINT] {
      sigaction(number, &action, nil)
      sigaddset(&taken, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &taken, nil)
  }

  /// Whether one has come.
  public static var arrived: Bool { received != 0 }
}

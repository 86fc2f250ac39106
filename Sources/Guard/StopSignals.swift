import Foundation

/// Signals that ask a run to write a checkpoint and end: SIGTERM, SIGUSR1, SIGINT and SIGHUP.
public enum StopSignals {
  nonisolated(unsafe) private static var received: sig_atomic_t = 0

  /// Handles the signals from now on; called on the thread that trains.
  ///
  /// The handler has its own stack. Kernels of oneDNN before 3.11.2 point the stack pointer into
  /// the heap (its issue 4845); a handler on that stack would overwrite memory below the pointer.
  /// The call also unblocks the signals, because a process inherits blocked signals from the thread
  /// that started the process.
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
    for number in [SIGTERM, SIGUSR1, SIGINT, SIGHUP] {
      var before = sigaction()
      sigaction(number, nil, &before)
      // Under `nohup` the end of a terminal is ignored.
      if number == SIGHUP && unsafeBitCast(before.__sigaction_handler.sa_handler, to: Int.self) == 1
      {
        continue
      }
      sigaction(number, &action, nil)
      sigaddset(&taken, number)
    }
    pthread_sigmask(SIG_UNBLOCK, &taken, nil)
  }

  /// Whether a signal has arrived.
  public static var arrived: Bool { received != 0 }
}

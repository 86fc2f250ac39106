import Dispatch
import Foundation
import Synchronization

/// The threads of this process that share the loops of a training step (`--threads`).
///
/// There is one pool; BLAS itself has one thread. The pool is started once, before the first
/// tensor. Without it, everything runs on the calling thread. Only the thread that calls MPI and
/// HDF5 hands out work.
///
/// Runs with equal numbers of threads are equal bit for bit. Another number divides products at
/// other places, and the edges are rounded in another way.
public enum Workers {
  /// Threads that share a loop, including the calling thread.
  public static var count: Int { 1 + (team?.helpers ?? 0) }

  /// Elements of the smallest loop that is worth a second thread.
  public static let smallestLoop = 8192

  private static let threads = Atomic<Int>(1)
  private static let team: Team? = {
    let count = threads.load(ordering: .relaxed)
    return count > 1 ? Team(helpers: count - 1) : nil
  }()

  /// Starts the pool and keeps products on the calling thread.
  ///
  /// Only the first call has an effect.
  public static func start(_ count: Int) {
    precondition(count >= 1, "\(count) threads")
    BLAS.useOneThread()
    threads.store(count, ordering: .relaxed)
    _ = team
  }

  /// Runs `body` on disjoint parts of the rows of a matrix; a small matrix is one part.
  public static func shareRows(_ rows: Int, columns: Int, _ body: (Range<Int>) -> Void) {
    share(rows, grain: max(1, smallestLoop / max(1, columns)), body)
  }

  /// Runs `body` on disjoint parts that cover 0..<count; returns after all parts.
  ///
  /// - Parameters:
  ///   - grain: parts begin at multiples of it; a range shorter than two grains is not divided.
  ///   - body: called on several threads at the same time. It must not hand out work itself.
  public static func share(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
    guard let team, count >= 2 * grain else { return body(0..<count) }
    let grains = (count + grain - 1) / grain
    let parts = team.helpers + 1
    team.run { part in
      let start = min(part * grains / parts * grain, count)
      let end = min((part + 1) * grains / parts * grain, count)
      if start < end { body(start..<end) }
    }
  }
}

/// Helper threads that wait for work: they spin for some time, then they sleep.
private final class Team: Sendable {
  /// Threads besides the calling thread.
  let helpers: Int
  private let round = Atomic<Int>(0)
  private let unfinished = Atomic<Int>(0)
  private let work = Atomic<UInt>(0)  // address of the Job of this round
  private let beds: [Bed]

  /// The place where one helper sleeps.
  private final class Bed: Sendable {
    let isAsleep = Atomic<Bool>(false)
    let alarm = DispatchSemaphore(value: 0)
  }

  private struct Job {
    let body: (Int) -> Void
  }

  /// How often a helper looks at the round's number before it sleeps: about 0.2 ms.
  ///
  /// This is longer than the gap between two loops of a step.
  private static let patience = 200_000

  init(helpers: Int) {
    self.helpers = helpers
    beds = (0..<helpers).map { _ in Bed() }
    for helper in 0..<helpers {
      let thread = Thread { [self] in serve(helper) }
      thread.name = "cleave-worker"
      thread.start()
    }
  }

  /// Runs `body` for parts 0...helpers, part 0 on the calling thread.
  func run(_ body: (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      var job = Job(body: body)
      withUnsafeMutablePointer(to: &job) { job in
        work.store(UInt(bitPattern: job), ordering: .relaxed)
        unfinished.store(helpers, ordering: .relaxed)
        round.add(1, ordering: .sequentiallyConsistent)
        for bed in beds
        where bed.isAsleep.compareExchange(
          expected: true, desired: false, ordering: .sequentiallyConsistent
        ).exchanged {
          bed.alarm.signal()
        }
        job.pointee.body(0)
        while unfinished.load(ordering: .acquiring) > 0 {}
      }
    }
  }

  private func serve(_ helper: Int) {
    BLAS.useOneThread()
    leaveSignalsToOthers()
    var seen = 0
    while true {
      wait(for: seen + 1, in: beds[helper])
      seen += 1
      if let job = UnsafePointer<Job>(bitPattern: work.load(ordering: .relaxed)) {
        job.pointee.body(helper + 1)
      }
      unfinished.subtract(1, ordering: .acquiringAndReleasing)
    }
  }

  /// Blocks all signals except signals of errors.
  ///
  /// Products may run on a stack that no signal handler should use (see `StopSignals`).
  private func leaveSignalsToOthers() {
    var signals = sigset_t()
    sigfillset(&signals)
    for error in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT] { sigdelset(&signals, error) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
  }

  private func wait(for next: Int, in bed: Bed) {
    while true {
      for _ in 0..<Self.patience where round.load(ordering: .acquiring) >= next { return }
      bed.isAsleep.store(true, ordering: .sequentiallyConsistent)
      let isLate = round.load(ordering: .sequentiallyConsistent) >= next
      let wokeItself =
        isLate
        && bed.isAsleep.compareExchange(
          expected: true, desired: false, ordering: .sequentiallyConsistent
        ).exchanged
      if !wokeItself { bed.alarm.wait() }
    }
  }
}

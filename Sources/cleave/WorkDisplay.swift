import Datasets
import Foundation
import Support
import Training

/// Shows long work on a data set as a progress line, and lets signals stop it.
final class WorkDisplay {
  private let console: Console
  private let started = ContinuousClock.now
  private var shown: ContinuousClock.Instant?
  private var done = 0

  /// A display whose clock starts now; SIGTERM, SIGINT and SIGUSR1 are taken over.
  init(_ console: Console) {
    self.console = console
    StopSignals.install()
  }

  /// What tells the work's progress here, and the work of signals.
  var monitor: WorkMonitor {
    WorkMonitor(
      progress: { [self] done, total in show(done, of: total) },
      isStopped: { StopSignals.arrived })
  }

  /// Says how many images were done how fast; nothing where none was counted.
  func finish() {
    guard done > 0 else { return }
    let seconds = Self.seconds(since: started)
    console.note(
      "\(Quantity.count(done, "image")) in \(Quantity.seconds(seconds)), "
        + "\(Quantity.grouped(Int(Double(done) / seconds))) images/s")
  }

  private func show(_ done: Int, of total: Int) {
    self.done = done
    // Whoever reads lines wants fewer of them than a terminal, whose line is replaced.
    let pause = console.isLive ? 0.2 : 5
    guard done < total, Self.seconds(since: shown ?? started) >= pause else { return }
    shown = .now
    let seconds = Self.seconds(since: started)
    let rate = Double(done) / seconds
    console.progress(
      "\(Quantity.grouped(done)) of \(Quantity.grouped(total)) images  "
        + "\(Quantity.grouped(Int(rate))) images/s  "
        + "ETA \(Quantity.clock(Double(total - done) / rate))")
  }

  private static func seconds(since start: ContinuousClock.Instant) -> Double {
    (ContinuousClock.now - start) / .seconds(1)
  }
}

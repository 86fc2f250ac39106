import Datasets
import Foundation
import Guard
import Support
import Training

/// Shows long work on a data set as a progress line; signals stop the work.
final class WorkDisplay {
  private let console: Console
  private let started = ContinuousClock.now
  private var shown: ContinuousClock.Instant?
  private var done = 0

  /// Starts the clock and handles SIGTERM, SIGINT and SIGUSR1.
  init(_ console: Console) {
    self.console = console
    StopSignals.install()
  }

  /// A monitor that shows progress here and stops the work after a signal.
  var monitor: WorkMonitor {
    WorkMonitor(
      progress: { [self] done, total in show(done, of: total) },
      isStopped: { StopSignals.arrived })
  }

  /// Prints the number of images and their rate; prints nothing without images.
  func finish() {
    guard done > 0 else { return }
    let seconds = Self.seconds(since: started)
    console.note(
      "\(Quantity.count(done, "image")) in \(Quantity.seconds(seconds)), "
        + "\(Quantity.grouped(Int(Double(done) / seconds))) images/s")
  }

  private func show(_ done: Int, of total: Int) {
    self.done = done
    // A terminal replaces its line, so it gets lines more often than a log file.
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

import Foundation

/// When a run had made its steps: seconds of training, by its log and its mark.
public struct RunClock {
  private let times: [(step: Int, time: Date)]
  private let mark: RunMark?
  /// Those of the first of two stages, which the mark does not count.
  private let secondsOfFirstStage: Double

  /// Reads the log of a run.
  ///
  /// - Throws: `RunError` where the log cannot be read.
  public init(_ run: RunDirectory) throws {
    times = try RunLog.times(of: run)
    mark = run.identity
    secondsOfFirstStage =
      run.stage == nil ? 0 : RunProgress(run.first, run.first.identity).seconds ?? 0
  }

  /// Seconds of training up to the end of a step, in whole seconds, with those of a first stage;
  /// pauses between processes do not count.
  ///
  /// The mark tells when the first and the last process began. It does not tell of those between, so
  /// steps of more than two processes have no time but those of the last.
  public func seconds(at step: Int) -> Double? {
    guard let time = times.first(where: { $0.step >= step })?.time, let mark,
      let first = mark.first.flatMap({ RunMark.moment($0.started) }),
      let last = mark.last.flatMap({ RunMark.moment($0.started) })
    else { return nil }
    if time >= last {
      return secondsOfFirstStage + mark.secondsBefore + time.timeIntervalSince(last)
    }
    return mark.sessions <= 2 ? time.timeIntervalSince(first) : nil
  }
}

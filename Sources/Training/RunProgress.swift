import Foundation
import Support

/// What the log of a run says about its present: the last line of each kind, and the times.
public struct RunProgress: Sendable {
  /// The newest line of each kind, by its kind.
  public let last: [String: JSONValue]
  /// Seconds that the last process has trained, up to its newest line or, if it trains, up to now;
  /// 0 where run.json or the log does not tell.
  public let secondsOfLast: Double
  /// Seconds that all processes have trained; nil in runs of earlier versions.
  public let seconds: Double?
  /// Seconds to the end of a run in training, by the speed of this process with all its pauses;
  /// nil where the log does not tell.
  public let secondsLeft: Double?

  /// Lines at the end of the log that are looked at.
  private static let mostLines = 2000

  /// Reads the end of the log; a log that cannot be read says nothing.
  ///
  /// - Parameters:
  ///   - mark: the run's.
  ///   - isTraining: whether the last process still trains the run.
  public init(_ directory: RunDirectory, _ mark: RunMark?, isTraining: Bool = false) {
    let lines = (try? RunLog.newest(Self.mostLines, of: directory)) ?? []
    var last: [String: JSONValue] = [:]
    var newest: Date?
    for line in lines {
      if let kind = line["kind"]?.text, last[kind] == nil { last[kind] = line }
      if newest == nil { newest = line["time"]?.text.flatMap(RunMark.moment) }
    }
    self.last = last
    guard let session = mark?.last, let begin = RunMark.moment(session.started) else {
      (secondsOfLast, seconds, secondsLeft) = (0, nil, nil)
      return
    }
    let logged = newest.map { max(0, $0.timeIntervalSince(begin)) } ?? 0
    secondsOfLast = isTraining ? max(logged, Date.now.timeIntervalSince(begin)) : logged
    seconds = secondsOfLast + (mark?.secondsBefore ?? 0)
    let step = last["step"]?["step"]?.integer ?? 0
    guard isTraining, step > session.step, logged > 0 else {
      secondsLeft = nil
      return
    }
    let perStep = logged / (Double(step) - Double(session.step))
    secondsLeft = max(
      0, (Double(session.lastStep) - Double(step)) * perStep - (secondsOfLast - logged))
  }
}

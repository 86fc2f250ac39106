import Report
import Support

/// A metric over the checkpoints of a run.
public struct Course: Sendable {
  /// A checkpoint that was measured.
  public struct Point: Sendable {
    /// The steps before it.
    public let step: Int
    /// Seconds of training before it; nil where the run's log does not tell.
    public let seconds: Double?
    /// The number.
    public let value: Double

    /// A point from its parts.
    public init(step: Int, seconds: Double?, value: Double) {
      self.step = step
      self.seconds = seconds
      self.value = value
    }
  }

  /// The path of the run.
  public let run: String
  /// Its checkpoints, oldest first.
  public let points: [Point]

  /// A course from its parts.
  public init(run: String, points: [Point]) {
    self.run = run
    self.points = points
  }

  /// The first checkpoint whose number is at most a limit, or at least, where higher is better.
  public func first(reaching limit: Double, isHigherBetter: Bool) -> Point? {
    points.first { isHigherBetter ? $0.value >= limit : $0.value <= limit }
  }

  /// The number that is within a factor of the last one: a little worse than it.
  public func limit(within factor: Double, isHigherBetter: Bool) -> Double? {
    points.last.map { last in
      // Below 0, the worse of the two is the other one.
      (last.value < 0) == isHigherBetter ? last.value * factor : last.value / factor
    }
  }
}

extension Course {
  /// The metric over the training time of runs, or over their steps where a time is not known.
  public static func plot(_ courses: [Course], of metric: any Metric.Type) -> Plot {
    let hasTimes = courses.allSatisfy { $0.points.allSatisfy { $0.seconds != nil } }
    let lines = courses.map { course in
      Plot.Points(
        course.run.split(separator: "/").last.map(String.init) ?? course.run,
        x: course.points.map { hasTimes ? $0.seconds ?? 0 : Double($0.step) },
        y: course.points.map(\.value))
    }
    return Plot(
      title: "\(metric.name) over the checkpoints", subtitle: metric.summary,
      x: hasTimes ? Plot.Axis("training", unit: "s") : Plot.Axis("steps"),
      y: Plot.Axis(metric.name, unit: metric.unit.unit), marks: .lines(lines))
  }
}

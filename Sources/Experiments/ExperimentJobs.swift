import Evaluation
import Models
import Support

/// The cells of an experiment at a scale, and the jobs that they need.
public struct ExperimentJobs: Sendable {
  let cells: [Cell]
  /// The jobs.
  public let list: JobList

  /// Lists cells and jobs.
  ///
  /// - Parameter root: the folder of data.
  /// - Throws: `ExperimentError` for a definition that cannot be followed.
  public init(_ experiment: Experiment, at scale: Experiment.Scale, root: String) throws {
    cells = try experiment.cells(at: scale)
    for cell in cells where MetricCatalogue.metric(cell.reading.metric) == nil {
      throw ExperimentError.data(
        "\(experiment.name): unknown metric \(cell.reading.metric)"
          + Spelling.hint(for: cell.reading.metric, in: MetricCatalogue.names))
    }
    let layout = experiment.layout
    if layout.within == nil, !layout.gainOver.isEmpty, cells.contains(where: \.reading.isCourse) {
      throw ExperimentError.data(
        "\(experiment.name): table: found gain_over of checkpoints without within, expected within: "
          + "the times are compared")
    }
    list = try JobList(cells, isSmoke: scale == .smoke, root: root)
  }
}

/// What the catalogue of metrics says of numbers.
enum MetricNames {
  /// The compared images whose number stands for the model.
  static func headline(of metric: String) -> [String] {
    MetricCatalogue.metric(metric)?.headline ?? []
  }

  /// Whether a higher number is better.
  static func isHigherBetter(_ metric: String) -> Bool {
    MetricCatalogue.metric(metric)?.isHigherBetter ?? false
  }

  /// The kind of a number under a name of a result.
  static func unit(of value: String) -> Measure { MetricCatalogue.unit(of: value) ?? .count }
}

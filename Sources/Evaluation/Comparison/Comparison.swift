import Models
import Support
import Training

/// What several runs gave, put together by their settings.
///
/// Runs whose settings differ in the seed alone are one group, and so are the runs of one folder of
/// `train --each-group`: its numbers are the mean over the runs and their standard deviation.
public struct Comparison: Sendable {
  /// A run that was measured, with what tells it from others.
  public struct Entry: Sendable {
    /// Its settings, each a key and a value as text, and the noise of its images.
    public let settings: [(key: String, value: String)]
    /// What was measured.
    public let result: EvaluationResult
    /// What the run is called: its path, or the folder of the runs of groups.
    public let name: String

    /// Keys that say where images lie, how ranks share the work and what a run writes, and so change
    /// no result but by rounding.
    private static let bookkeeping = Set(
      RecordingSettings.keys.map(\.name)
        + [
          "lanes", "exact", "message_kib", "data", "images", "layout", "shape", "scale", "external",
          "group",
        ]
    ).subtracting(["patience"])

    /// A result with the settings of its run, and `data_noise`: the noise of its images, as their
    /// file has it.
    ///
    /// - Parameters:
    ///   - settings: those that the runs of groups share, which are one line of a comparison; nil for
    ///     those of the run.
    ///   - name: what the run is called.
    public init(
      _ evaluation: Evaluation, _ result: EvaluationResult, settings: Configuration? = nil,
      name: String
    ) {
      let configuration = settings ?? evaluation.trained.configuration
      let assignments = configuration.assignments.map { text in
        let key = String(text.prefix { $0 != "=" })
        return (key, String(text.dropFirst(key.count + 1)))
      }
      .filter { !Self.bookkeeping.contains($0.0) }
      let noise = ("data_noise", evaluation.source.images.noise ?? "none")
      self.init(settings: assignments + [noise], result: result, name: name)
    }

    /// An entry from its parts.
    public init(
      settings: [(key: String, value: String)], result: EvaluationResult, name: String? = nil
    ) {
      self.settings = settings
      self.result = result
      self.name = name ?? result.run
    }

    func value(_ key: String) -> String? { settings.first { $0.key == key }?.value }
  }

  /// Runs of the same settings.
  public struct Group: Sendable {
    /// The values of `keys`; empty for a key that the runs do not have.
    public let values: [String]
    /// The first run, and how many more there are; of runs of groups their folder.
    public let name: String
    /// The paths of the runs.
    public let runs: [String]
    /// The numbers of the metrics.
    public let figures: [Figure]

    /// A figure of a metric and a compared image.
    public func figure(_ metric: String, _ of: String) -> Figure? {
      figures.first { $0.metric == metric && $0.of == of }
    }

    /// The number that stands for the model: the first that there is.
    public func headline(of metric: any Metric.Type) -> Figure? {
      metric.headline.lazy.compactMap { figure(metric.name, $0) }.first
    }
  }

  /// A number of a metric over the runs of a group.
  public struct Figure: Sendable {
    /// The name of the metric, and the compared image.
    public let metric: String, of: String
    /// The mean over the runs.
    public let mean: Double
    /// The standard deviation over the runs; nil for one run.
    public let deviation: Double?
    /// Its standard error, for one run whose metric tells it.
    public let standardError: Double?
    /// How much better than the baseline, as a share of the baseline; nil without one.
    public var gain: Double?
  }

  /// The keys in which the groups differ.
  public let keys: [String]
  /// The groups, in the order of their first runs.
  public private(set) var groups: [Group]

  private static let seedKey = "seed"

  /// Puts runs together.
  ///
  /// - Parameters:
  ///   - entries: the compared runs.
  ///   - baselines: runs that the others are compared with. A group is compared with the baseline
  ///     of the same images that has the same values of all keys in which the baselines differ.
  /// - Throws: `UnlikeFingerprints`.
  public init(_ entries: [Entry], baselines: [Entry] = []) throws {
    try Self.checkFingerprints((entries + baselines).map(\.result))
    keys = Self.differing(entries)
    groups = Self.groups(entries, by: keys)
    guard !baselines.isEmpty else { return }
    let shared = Self.differing(baselines)
    let others = Self.groups(baselines, by: shared)
    groups = try groups.map { group in
      guard let entry = entries.first(where: { $0.result.run == group.runs[0] }) else {
        return group
      }
      let wanted = shared.map { entry.value($0) ?? "" }
      func isOfSameImages(_ base: Group) -> Bool {
        baselines.contains {
          $0.result.run == base.runs[0] && $0.result.data == entry.result.data
            && $0.result.split == entry.result.split
        }
      }
      guard let base = others.first(where: { $0.values == wanted && isOfSameImages($0) }) else {
        let settings = zip(shared, wanted).map { "\($0)=\($1)" }
        throw UnlikeFingerprints(
          description:
            "--baseline: found none for \(entry.result.run), expected one that is measured "
            + "on \(entry.result.data), \(entry.result.split)"
            + (settings.isEmpty ? "" : ", with " + settings.joined(separator: " "))
            + "; name it, or measure all runs on the same images by --data")
      }
      return Group(
        values: group.values, name: group.name, runs: group.runs,
        figures: group.figures.map { $0.beside(base, in: group) })
    }
  }

  /// Numbers of a metric that cannot be put into one table.
  public struct UnlikeFingerprints: ExitStatusError, CustomStringConvertible {
    /// One line.
    public let description: String
    /// 65: the runs' data do not go together.
    public var exitStatus: Int32 { 65 }
  }

  /// Makes sure that numbers of a metric belong to the same, such as one network and one set of
  /// images.
  private static func checkFingerprints(_ results: [EvaluationResult]) throws {
    guard let first = results.first else { return }
    for other in results.dropFirst() {
      for (name, text) in other.fingerprints {
        guard let expected = first.fingerprints.first(where: { $0.name == name })?.text,
          expected != text
        else { continue }
        throw UnlikeFingerprints(
          description: "\(other.run): \(name): found \(text), expected \(expected) as for "
            + "\(first.run); measure all runs against the same images by --data")
      }
    }
  }

  /// The keys of which not all runs that have them have the same value, in the order of their first
  /// appearance; what only some models have follows from `model`.
  private static func differing(_ entries: [Entry]) -> [String] {
    var keys: [String] = []
    for entry in entries {
      for (key, _) in entry.settings where key != seedKey && !keys.contains(key) {
        keys.append(key)
      }
    }
    return keys.filter { key in Set(entries.compactMap { $0.value(key) }).count > 1 }
  }

  private static func groups(_ entries: [Entry], by keys: [String]) -> [Group] {
    var order: [[String]] = []
    var members: [[String]: [Entry]] = [:]
    for entry in entries {
      let values = keys.map { entry.value($0) ?? "" }
      if members[values] == nil { order.append(values) }
      members[values, default: []].append(entry)
    }
    return order.map { values in
      let entries = members[values] ?? []
      let names = Set(entries.map(\.name))
      let more = names.count > 1 ? " and \(entries.count - 1) more" : ""
      return Group(
        values: values, name: entries[0].name + more, runs: entries.map(\.result.run),
        figures: figures(entries.map(\.result)))
    }
  }

  /// The numbers that all runs have.
  private static func figures(_ results: [EvaluationResult]) -> [Figure] {
    results[0].metrics.filter { !$0.name.hasSuffix(MetricCatalogue.standardError) }
      .flatMap { name, values in
        values.compactMap { value -> Figure? in
          let found = results.compactMap { result in
            result[name].first { $0.of == value.of }?.value
          }
          guard found.count == results.count, !found.contains(where: \.isNaN) else { return nil }
          let n = Double(found.count)
          let mean = found.reduce(0, +) / n
          let squares = found.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
          let error = results[0][name + MetricCatalogue.standardError].first { $0.of == value.of }
          return Figure(
            metric: name, of: value.of, mean: mean,
            deviation: found.count > 1 ? (squares / (n - 1)).squareRoot() : nil,
            standardError: found.count > 1 ? nil : error.flatMap { $0.value.isNaN ? nil : $0.value }
          )
        }
      }
  }
}

extension Comparison.Figure {
  /// The same with its gain over that of a baseline.
  fileprivate func beside(
    _ base: Comparison.Group, in group: Comparison.Group
  ) -> Comparison.Figure {
    guard let metric = MetricCatalogue.metric(metric), group.headline(of: metric)?.of == of,
      // A baseline without a split has no L: its reconstruction is its answer.
      let other = base.figure(self.metric, of) ?? base.headline(of: metric), other.mean != 0
    else { return self }
    var figure = self
    let change = metric.isHigherBetter ? mean - other.mean : other.mean - mean
    figure.gain = change / abs(other.mean)
    return figure
  }
}

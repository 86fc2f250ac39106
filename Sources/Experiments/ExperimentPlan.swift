import Datasets
import Models
import Planning
import Support

/// What an experiment will need, before anything is made.
public struct ExperimentPlan: Sendable {
  /// The jobs that are not done: runs, sets of images, readings.
  public let runs: Int, sets: Int, readings: Int
  /// Images of all sets, and rows that all runs see, epoch after epoch.
  public let images: Int, rows: Int
  /// Hours of one core for the training of all runs.
  public let coreHours: Double
  /// Bytes of images and of last checkpoints.
  public let diskBytes: Int
  /// Runs that cannot be planned, with the reason; their needs are not in the sums.
  public let unplanned: [String]

  /// Plans the jobs of a folder that are not done, as if each run had one rank.
  ///
  /// Runs that differ in seed, rates and weights alone are measured once.
  ///
  /// - Throws: errors of a folder that cannot be read.
  public init(
    _ list: JobList, in folder: ExperimentFolder, isSmoke: Bool,
    progress: (String) -> Void
  ) throws {
    let open = try list.jobs.filter { try folder.state(of: $0) != .done }
    runs = open.count { $0.kind == .run }
    sets = open.count { $0.kind == .images }
    readings = open.count { $0.kind == .reading }
    var (hours, disk, rows) = (0.0, 0, 0)
    var images: [String: Int] = [:]
    var unplanned: [String] = []
    var known: [String: StagedPlan] = [:]
    // Estimated levels of noise need real images: they are planned like given ones.
    func isEstimated(_ training: Cell.Training) -> Bool {
      training.assignments.contains { $0.hasSuffix(":auto") }
    }
    let trainings = list.trainings.sorted {
      (isEstimated($0.value.0) ? 1 : 0, $0.key) < (isEstimated($1.value.0) ? 1 : 0, $1.key)
    }
    for (run, (training, configuration)) in trainings {
      guard open.contains(where: { $0.output == run }),
        let source = ImageSource.all.first(where: { $0.name == training.images.source })
      else { continue }
      let all = isSmoke ? Self.ownCount(source) : source.count
      let count = min(all, training.images.selection["count"].flatMap { Int($0) } ?? all)
      images["\(training.images)"] = count * source.shape.count
      if configuration.system.needsLabels {
        unplanned.append("\(run): a classifier needs labels")
        continue
      }
      let key = Self.shape(configuration) + "\(source.shape) \(count)"
      do {
        let plan = try known[key] ?? Self.plan(configuration, count, source.shape)
        if known.updateValue(plan, forKey: key) == nil { progress("planned \(training.preset)") }
        hours += plan.coreHours
        disk += plan.last.checkpointBytes + plan.handedOverBytes
        rows += plan.last.rows * plan.last.epochs
      } catch { unplanned.append("\(run): \(error)") }
    }
    (coreHours, diskBytes) = (hours, disk + images.values.reduce(0, +))
    (self.rows, self.unplanned) = (rows, unplanned)
    self.images = images.count
  }

  /// The number behind `--count`.
  private static func ownCount(_ source: ImageSource) -> Int {
    zip(source.ownWords, source.ownWords.dropFirst()).first { $0.0 == "--count" }
      .flatMap { Int($0.1) } ?? source.count
  }

  private static let free: Set<String> = [
    "seed", "lambda", "beta", "learning_rate", "known_noise", "noise", "outlier_share",
  ]

  /// The settings on which the time of a run depends.
  private static func shape(_ configuration: Configuration) -> String {
    configuration.assignments.filter { !free.contains(String($0.prefix { $0 != "=" })) }
      .joined(separator: " ")
  }

  private static func plan(
    _ configuration: Configuration, _ count: Int, _ shape: ImageShape
  ) throws -> StagedPlan {
    func plan(_ configuration: Configuration) throws -> Plan {
      try Planner(
        configuration, on: Planner.supposed(count, of: shape, configuration), isSupposed: true,
        ranks: 1, ranksPerNode: nil, network: nil
      ).plan()
    }
    let first = try configuration.firstStage(rows: count, of: shape)
    return StagedPlan(first: try first.map(plan), last: try plan(configuration))
  }
}

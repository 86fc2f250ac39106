import Datasets
import Guard
import MPI
import Models
import Support
import Training

/// Trains the runs of groups in one job: each on one rank, one after the other.
///
/// A group is small, so its run gains little from several ranks, and its result would depend on
/// their number. On one rank it never does, and ranks work on different groups without messages.
public struct GroupTraining {
  /// What became of the run of a group.
  public struct Result: Sendable {
    /// The group.
    public let group: GroupRuns.Group
    /// How its run ended; nil where it failed, and for one that this job did not come to.
    public var outcome: RunOutcome?
    /// Whether it was finished before this job.
    public var wasFinished = false
    /// The step at which it stands, and the loss of the last step that was logged.
    public var step: Int?, loss: Double?
    /// Seconds that it took.
    public var seconds = 0.0
    /// What the run warned of.
    public var warnings: [String] = []
    /// Why it failed, and the exit status of that; nil and 0 where it did not.
    public var failure: String?, status: Int32 = 0
  }

  private let runs: GroupRuns
  private let world: Communicator

  /// The training of runs.
  public init(_ runs: GroupRuns, on world: Communicator) {
    self.runs = runs
    self.world = world
  }

  /// Checks that the settings suit the rows of each group, before anything is made.
  ///
  /// - Parameter shape: of a row.
  /// - Throws: `ConfigurationError` that names the group.
  public static func check(
    _ configuration: Configuration, _ groups: [RowGroups.Group], of shape: ImageShape
  ) throws {
    if configuration.hasFirstStage {
      throw ConfigurationError(
        key: "first", found: configuration.firstStageSettings.stage,
        expected: "nothing: the runs of groups have one stage")
    }
    for group in groups {
      do throws(ConfigurationError) {
        let resolved = try configuration.validated(rows: group.count, of: shape)
        try resolved.common.lanes.check(ranks: 1)
      } catch { throw ConfigurationError("group \(group.name): \(error)") }
    }
    _ = try configuration.validated(rows: groups[0].count, of: shape).makeModel(of: shape)
  }

  /// The places of the groups of each rank: the largest group goes to the rank with the fewest rows.
  static func shares(_ rows: [Int], ranks: Int) -> [[Int]] {
    var (shares, loads) = (
      [[Int]](repeating: [], count: ranks), [Int](repeating: 0, count: ranks)
    )
    for place in rows.indices.sorted(by: { (-rows[$0], $0) < (-rows[$1], $1) }) {
      let rank = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
      shares[rank].append(place)
      loads[rank] += rows[place]
    }
    return shares.map { $0.sorted() }
  }

  /// Trains all runs that are not finished, each on one rank.
  ///
  /// A run that fails does not end the others. After a signal, or near the deadline, a rank begins
  /// no other run. **Collective.**
  ///
  /// - Parameters:
  ///   - assignments: settings that are changed, with which finished runs may go on, too.
  ///   - data: the file of the data set, where it lies elsewhere now.
  ///   - observe: makes the observer of a run; it gets the number of the run and that of the runs of
  ///     this rank.
  /// - Returns: what became of each group, on every rank.
  /// - Throws: errors that do not belong to one run.
  public func run(
    _ assignments: [String] = [], data: String? = nil, limits: TrainingLimits, command: String,
    observe: (GroupRuns.Group, _ number: Int, _ count: Int) -> any TrainingObserver
  ) throws -> [Result] {
    var results = runs.groups.map { Result(group: $0) }
    // Finished runs count for nothing, so that ranks share what is left.
    let states = try world.agree { try runs.groups.map { try runs.state(of: $0) } }
    for (place, state) in states.enumerated() {
      guard case .finished(let step) = state, assignments.isEmpty else { continue }
      results[place].wasFinished = true
      results[place].step = step
    }
    let left = results.indices.filter { !results[$0].wasFinished }
    let shares = Self.shares(left.map { results[$0].group.rows }, ranks: world.size)
    let own = shares[world.rank].map { left[$0] }
    for (number, place) in own.enumerated() {
      if StopSignals.arrived { break }
      let group = results[place].group
      let record = GroupRecord(observe(group, number + 1, own.count))
      let clock = Stopwatch()
      do {
        results[place].outcome = try train(group, assignments, data, limits, command, record)
        results[place].step = try runs.state(of: group).step
      } catch {
        results[place].failure = "\(error)"
        results[place].status = world.exitStatus(error)
      }
      results[place].seconds = clock.seconds
      (results[place].warnings, results[place].loss) = (record.warnings, record.loss)
      // What stops one run stops the job; trouble of the machine troubles all.
      if results[place].outcome == .stopped || results[place].status == Self.machine { break }
    }
    try world.sleepingBarrier()
    return try shared(results, own: own)
  }

  /// The exit status of trouble of the machine (docs/files.md).
  private static let machine: Int32 = 74

  private func train(
    _ group: GroupRuns.Group, _ assignments: [String], _ data: String?, _ limits: TrainingLimits,
    _ command: String, _ observer: any TrainingObserver
  ) throws -> RunOutcome {
    let directory = runs.run(of: group)
    let alone = Communicator.alone(exitStatus: world.exitStatus)
    guard directory.holdsRun else {
      let configuration = runs.configuration(of: group)
      return try TrainingRun.start(
        configuration, on: try images(of: configuration), in: directory, observer: observer,
        limits: limits, request: runs.request, command: command, world: alone)
    }
    let lease = try RunLease.resuming(directory, patience: limits.patience) {
      observer.warning($0)
    }
    let kept = try RunSettings.read(directory) { observer.warning($0) }
    var configuration = kept
    for assignment in assignments { try configuration.set(assignment) }
    try configuration.checkResume(of: kept)
    var common = configuration.common
    if let data { common.data.data = data }
    configuration.write(common)
    return try TrainingRun.resume(
      configuration, on: try images(of: configuration), in: directory, lease: lease,
      observer: observer, limits: limits, command: command, world: alone)
  }

  private func images(of configuration: Configuration) throws -> ImageSet {
    let data = configuration.common.data
    return try ImageSet.open(data.data, options: data.imageSetOptions)
  }

  // MARK: - What all ranks know

  /// **Collective.**
  private func shared(_ results: [Result], own: [Int]) throws -> [Result] {
    let lines = own.map { place -> String in
      let result = results[place]
      let document: JSONValue = [
        "place": .integer(place),
        "outcome": result.outcome.map { .string(Self.name(of: $0)) } ?? .null,
        "step": result.step.map { .integer($0) } ?? .null,
        "loss": result.loss.map { .real($0) } ?? .null, "seconds": .real(result.seconds),
        "warnings": .array(result.warnings.map { .string($0) }),
        "failure": result.failure.map { .string($0) } ?? .null,
        "status": .integer(Int(result.status)),
      ]
      return document.line
    }
    var all = results
    for text in try world.allGather(lines.joined(separator: "\n")) {
      for line in text.split(separator: "\n") {
        let document = try JSONValue(parsing: String(line))
        guard let place = document["place"]?.integer, all.indices.contains(place) else { continue }
        all[place].outcome = document["outcome"]?.text.flatMap(Self.outcome)
        all[place].step = document["step"]?.integer
        all[place].loss = document["loss"]?.number
        all[place].seconds = document["seconds"]?.number ?? 0
        if case .array(let warnings)? = document["warnings"] {
          all[place].warnings = warnings.compactMap(\.text)
        }
        all[place].failure = document["failure"]?.text
        all[place].status = Int32(document["status"]?.integer ?? 0)
      }
    }
    return all
  }

  private static let names: [(RunOutcome, String)] = [
    (.finished, "finished"), (.converged, "converged"), (.stalled, "stalled"),
    (.stopped, "stopped"),
  ]

  /// An outcome as documents have it.
  public static func name(of outcome: RunOutcome) -> String {
    names.first { $0.0 == outcome }?.1 ?? ""
  }

  private static func outcome(_ name: String) -> RunOutcome? { names.first { $0.1 == name }?.0 }
}

/// Keeps what a run reports, and passes it on.
private final class GroupRecord: TrainingObserver {
  private let next: any TrainingObserver
  private(set) var warnings: [String] = []
  private(set) var loss: Double?

  init(_ next: any TrainingObserver) { self.next = next }

  func runStarted(_ header: RunHeader) { next.runStarted(header) }
  func shrinks(by threshold: Double, lambda: Double, rule: ShrinkageRule) {
    next.shrinks(by: threshold, lambda: lambda, rule: rule)
  }
  func step(_ metrics: StepMetrics) {
    loss = metrics.loss
    next.step(metrics)
  }
  func outerFinished(_ metrics: OuterMetrics) { next.outerFinished(metrics) }
  func warning(_ message: String) {
    warnings.append(message)
    next.warning(message)
  }
  func checkpointed(_ checkpoint: CheckpointNotice) { next.checkpointed(checkpoint) }
  func peakMemory(_ bytes: [Int]) { next.peakMemory(bytes) }
  func best(_ checkpoint: BestCheckpoint) { next.best(checkpoint) }
  func finished(_ outcome: RunOutcome) { next.finished(outcome) }
}

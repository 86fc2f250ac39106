import Autodiff
import Distributed
import MPI

/// Looks after the numbers of a run's steps: losses, gradients and weights of this rank.
///
/// What makes steps reports to it in passing; what runs them asks it around each step.
public final class StepGuard {
  /// What made the last step be left out, the same on all ranks; nil for a step that was made.
  public private(set) var dropped: NonFinite?
  private let finite: FiniteCheck
  private let parameters: ParameterSet
  private let buckets: GradientBuckets
  private let world: Communicator
  private var sentinel: WeightSentinel?
  private var faults: Faults?
  private var injects: (Int) -> Bool = { _ in false }  // whether some rank's weights change

  /// A guard of these parameters, whose values and gradients lie in `buckets`.
  public init(_ parameters: ParameterSet, in buckets: GradientBuckets, on world: Communicator) {
    self.parameters = parameters
    self.buckets = buckets
    self.world = world
    finite = FiniteCheck(parameters)
  }

  /// Starts what a run asks for beside the usual.
  ///
  /// - Parameters:
  ///   - every: steps between two looks at the weights in memory; 0 for none but at checkpoints.
  ///   - step: steps made so far.
  ///   - faults: what shall go wrong on the way.
  ///   - run: the run's folder, which remembers faults that have happened; nil for none.
  public func start(
    sentinelEvery every: Int, after step: Int, faults: [Fault], run: String?
  ) {
    self.faults = Faults(faults, run: run, world: world)
    injects = { step in faults.contains { $0.kind == .flipWeight && $0.step == step } }
    if every > 0 { sentinel = WeightSentinel(every: every, buckets, after: step) }
  }

  // MARK: - Within a step

  /// A step begins.
  public func beginStep() {
    finite.reset()
    dropped = nil
  }

  /// A lane, or a rank's lanes as one, has computed a loss.
  public func check(loss: Double, lane: Int) { finite.check(loss: loss, lane: lane) }

  /// A pass's gradient of a parameter is final; the pass reads the parameter's values no more.
  ///
  /// - Parameter isLast: whether no other pass of this rank reads them.
  public func check(
    gradient: UnsafeMutablePointer<Float>, of parameter: Int, lane: Int, isLast: Bool
  ) {
    faults?.spoil(gradient, of: parameters.entries[parameter].name)
    finite.check(gradient: gradient, of: parameter, lane: lane)
    if isLast { sentinel?.check(block: parameter) }
  }

  /// All ranks are done with the values of a bucket.
  public func check(bucket: Int) { sentinel?.check(bucket: bucket) }

  /// A phase has updated the parameters of these groups.
  public func phaseEnded(step: Int, groups: UInt64) {
    sentinel?.phaseEnded(step: step, groups: groups)
  }

  /// Whether the phase at hand is left out, and with it the rest of its step: some rank found
  /// something that is not finite.
  ///
  /// **Collective.** Earlier phases of the step have been made.
  ///
  /// - Parameter parameter: the first parameter whose summed gradient is not finite here.
  public func drops(parameter: Int?) throws -> Bool {
    if let parameter {
      finite.note(NonFinite(lane: nil, place: .gradient, parameter: parameter))
    }
    dropped = try NonFinite.first(finite.found, on: world)
    if dropped != nil { finite.reset() }
    return dropped != nil
  }

  // MARK: - Around a step

  /// The step with this number comes next.
  public func beforeStep(_ step: Int) { faults?.beforeStep(step) }

  /// After a step: ranks agree on trouble, and on what one of them wants.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - step: the number of the step.
  ///   - wishes: numbers of which every rank gets the largest.
  /// - Throws: `NonFiniteError`, `MemoryError` or `ReplicaError`, the same on all ranks.
  public func afterStep(_ step: Int, _ wishes: [Double]) throws -> [Double] {
    var flags =
      wishes + [
        NonFinite.flag(finite.found), sentinel?.flag(rank: world.rank) ?? -Double.infinity,
      ]
    try world.allReduce(&flags, .max)
    if let found = NonFinite(flag: flags[wishes.count]) { try refuse(found, step: step) }
    if injects(step) {
      // It happens when all ranks have made the step, and before one goes on.
      faults?.afterStep(parameters, buckets)
      try world.barrier()
    }
    if let sentinel {
      try refuseChange(flags[wishes.count + 1], before: "the end of step \(step)", left: step - 1)
      if sentinel.isDue(step) { try checkReplicas(step: step) }
    }
    return Array(flags[..<wishes.count])
  }

  /// Ends the run for something that is not finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `NonFiniteError`.
  public func refuse(_ found: NonFinite, step: Int) throws {
    try world.agree {
      throw NonFiniteError(step: step, lane: found.lane, what: finite.words(for: found))
    }
  }

  /// What was found, in words.
  public func words(for found: NonFinite) -> String { finite.words(for: found) }

  /// Makes sure that all weights are finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `NonFiniteError` that names the first that is not.
  public func checkWeights(step: Int) throws {
    try world.agree {
      guard let weight = finite.firstWeight else { return }
      let found = NonFinite(lane: nil, place: .weight, parameter: weight)
      throw NonFiniteError(step: step, lane: nil, what: finite.words(for: found))
    }
  }

  // MARK: - Around a checkpoint

  /// Lets no weights into a checkpoint that changed since the last step, that differ among ranks, or
  /// that are not finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `MemoryError`, `ReplicaError` or `NonFiniteError`.
  public func beforeCheckpoint(step: Int) throws {
    if let sentinel {
      sentinel.checkAll()
      var flag = [sentinel.flag(rank: world.rank)]
      try world.allReduce(&flag, .max)
      try refuseChange(flag[0], before: "its checkpoint", left: step)
    }
    try checkReplicas(step: step)
    try checkWeights(step: step)
  }

  /// Called with the hidden folder of a checkpoint before its files are written; nil where nothing
  /// shall go wrong.
  public var willWrite: ((String) -> Void)? {
    faults.map { faults in { faults.beforeFiles(in: $0) } }
  }

  /// A checkpoint is written, or could not be.
  public func afterFiles() { faults?.afterFiles() }

  /// A checkpoint has been committed in this folder.
  public func committed(_ checkpoint: String) { faults?.damage(checkpoint) }

  private func checkReplicas(step: Int) throws {
    try Replicas(world).checkWeights(buckets.values, count: buckets.count, step: step)
  }

  private func refuseChange(_ flag: Double, before moment: String, left step: Int) throws {
    guard let change = WeightSentinel.change(flag: flag) else { return }
    let hosts = try world.allGather(world.hostName)
    try world.agree {
      throw MemoryError(
        tensor: parameters.entries[change.parameter].name, moment: moment, step: step,
        rank: change.rank, host: hosts[change.rank])
    }
  }
}

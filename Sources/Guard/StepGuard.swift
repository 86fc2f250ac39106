import Autodiff
import Distributed
import MPI

/// Checks the numbers of a run's steps: losses, gradients and weights of this rank.
///
/// The step engine reports each number; the training loop calls the guard before and after each
/// step.
public final class StepGuard {
  /// The reason why the last step was left out, the same on all ranks; nil if the step was made.
  public private(set) var dropped: NonFinite?
  private let finite: FiniteCheck
  private let parameters: ParameterSet
  private let buckets: GradientBuckets
  private let world: Communicator
  private var sentinel: WeightSentinel?
  private var faults: Faults?
  private var injects: (Int) -> Bool = { _ in false }  // whether a rank has a fault for weights

  /// A guard of these parameters, whose values and gradients lie in `buckets`.
  public init(_ parameters: ParameterSet, in buckets: GradientBuckets, on world: Communicator) {
    self.parameters = parameters
    self.buckets = buckets
    self.world = world
    finite = FiniteCheck(parameters)
  }

  /// Starts the checks that a run asks for beside the usual checks.
  ///
  /// - Parameters:
  ///   - every: steps between two checks of the weights in memory; 0 to check only at checkpoints.
  ///   - step: steps made so far.
  ///   - faults: the faults to make.
  ///   - run: the run's folder, which remembers past faults; nil for none.
  public func start(
    sentinelEvery every: Int, after step: Int, faults: [Fault], run: String?
  ) {
    self.faults = Faults(faults, run: run, world: world)
    injects = { step in faults.contains { $0.kind == .flipWeight && $0.step == step } }
    if every > 0 { sentinel = WeightSentinel(every: every, buckets, after: step) }
  }

  // MARK: - Within a step

  /// Called when a step begins.
  public func beginStep() {
    finite.reset()
    dropped = nil
  }

  /// Called when a lane, or a rank's lanes together, has computed a loss.
  public func check(loss: Double, lane: Int) { finite.check(loss: loss, lane: lane) }

  /// Called when a microbatch has the final gradient of a parameter and no longer reads its values.
  ///
  /// - Parameter isLast: whether no other microbatch of this rank reads the values.
  public func check(
    gradient: UnsafeMutablePointer<Float>, of parameter: Int, lane: Int, isLast: Bool
  ) {
    faults?.spoil(gradient, of: parameters.entries[parameter].name)
    finite.check(gradient: gradient, of: parameter, lane: lane)
    if isLast { sentinel?.check(slot: parameter) }
  }

  /// Called when all ranks have finished with the values of a bucket.
  public func check(bucket: Int) { sentinel?.check(bucket: bucket) }

  /// Called when a phase has updated the parameters of these groups.
  public func phaseEnded(step: Int, groups: UInt64) {
    sentinel?.phaseEnded(step: step, groups: groups)
  }

  /// Whether this phase and the rest of its step are left out, because some rank found a number
  /// that is not finite.
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

  /// Called before the step with this number.
  public func beforeStep(_ step: Int) { faults?.beforeStep(step) }

  /// What ranks exchange at the end of a step: the largest of their requests and of their findings.
  ///
  /// **Collective.**
  ///
  /// - Parameter wishes: requests as numbers.
  public func exchange(_ wishes: [Double]) throws -> [Double] {
    var flags =
      wishes + [
        NonFinite.flag(finite.found), sentinel?.flag(rank: world.rank) ?? -Double.infinity,
      ]
    try world.allReduce(&flags, .max)
    return flags
  }

  /// Called after a step: the ranks agree on errors and on the largest of their requests.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - step: the number of the step.
  ///   - flags: what ``exchange(_:)`` returned at the end of the step.
  /// - Returns: the largest of each of the requests.
  /// - Throws: `NonFiniteError`, `MemoryError` or `ReplicaError`, the same on all ranks.
  public func afterStep(_ step: Int, _ flags: [Double]) throws -> [Double] {
    let wishes = flags.dropLast(2)
    if let found = NonFinite(flag: flags[wishes.count]) { try refuse(found, step: step) }
    if injects(step) {
      // A fault happens when all ranks have made the step and hashed its weights, before any rank
      // continues.
      try world.barrier()
      faults?.afterStep(parameters, buckets)
      try world.barrier()
    }
    if let sentinel {
      try refuseChange(flags[wishes.count + 1], before: "the end of step \(step)", left: step - 1)
      if sentinel.isDue(step) { try checkReplicas(step: step) }
    }
    return Array(wishes)
  }

  /// Ends the run because of a number that is not finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `NonFiniteError`.
  public func refuse(_ found: NonFinite, step: Int) throws {
    try world.agree {
      throw NonFiniteError(step: step, lane: found.lane, what: finite.words(for: found))
    }
  }

  /// The finding in words.
  public func words(for found: NonFinite) -> String { finite.words(for: found) }

  /// Makes sure that all weights are finite.
  ///
  /// **Collective.**
  ///
  /// - Throws: `NonFiniteError` that names the first weight that is not finite.
  public func checkWeights(step: Int) throws {
    try world.agree {
      guard let weight = finite.firstWeight else { return }
      let found = NonFinite(lane: nil, place: .weight, parameter: weight)
      throw NonFiniteError(step: step, lane: nil, what: finite.words(for: found))
    }
  }

  // MARK: - Around a checkpoint

  /// Refuses a checkpoint of bad weights.
  ///
  /// Weights are bad if they changed since the last step, differ among ranks or are not finite.
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

  /// Called with the hidden folder of a checkpoint before its files are written; nil without
  /// faults.
  public var willWrite: ((String) -> Void)? {
    faults.map { faults in { faults.beforeFiles(in: $0) } }
  }

  /// Called when a checkpoint is written, or writing it has failed.
  public func afterFiles() { faults?.afterFiles() }

  /// Called when a checkpoint has been committed in this folder.
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

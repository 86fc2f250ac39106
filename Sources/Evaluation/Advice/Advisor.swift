import Datasets
import Dispatch
import Guard
import Layers
import MPI
import Models
import Runs
import Support
import Training

/// Tries a few models on a sample of a data set and ranks them.
///
/// It never looks at clean images. All trials train on the same images and are judged by the same
/// hidden pixels, or the same planted damage, of others.
public final class Advisor {
  let images: ImageSet
  let world: Communicator
  let seconds: Double
  private let seed: UInt64
  private let progress: (String) -> Void
  /// How trials are ranked.
  var criterion = Advice.Criterion.hidden(.huber)
  /// Rows of a step: 64, or the largest power of two that few images allow.
  private var batch = mostBatch
  /// Trials whose losses were no longer finite.
  var diverged: [String] = []
  /// Seconds of a training step, by preset and model.
  private var speeds: [String: Double] = [:]
  /// Images that judge; fewer than there are where measuring takes long, the same for all trials.
  private(set) var judges: Int?

  private static let mostLooked = 200
  private static let mostBatch = 64
  /// Rounds of a split when a model is judged.
  private static let rounds = 10
  /// Outer iterations of a trial, and of the run on all images of presets of whole images.
  static let outerIterations = 6
  /// The steps of a trial, at least and at most; fewer tell nothing, more hardly change the order.
  private static let steps = 40...1800
  /// The steps that a trial should have: slow networks get fewer trials rather than shorter ones.
  private static let wantedSteps = 300.0

  /// An advisor about images, for at most about `minutes`.
  public init(
    on images: ImageSet, minutes: Double, seed: UInt64 = CommonSettings().lanes.seed,
    world: Communicator, progress: @escaping (String) -> Void = { _ in }
  ) {
    self.images = images
    self.world = world
    seconds = 60 * minutes
    self.seed = seed
    self.progress = progress
  }

  /// Looks, tries, ranks.
  ///
  /// **Collective.**
  ///
  /// - Throws: `RunError.data` for fewer than 40 images; errors of training.
  public func advise() throws -> Advice {
    let began = DispatchTime.now()
    let sample = try world.agree { try Sample(of: images, seed: seed) }
    let looked = min(Self.mostLooked, sample.trained)
    let noise = NoiseEstimate(of: sample.images.values(0..<looked), shape: sample.images.shape)
    batch = min(
      Self.mostBatch, 1 << (sample.trained.bitWidth - 1 - sample.trained.leadingZeroBitCount))
    let candidates = candidates(for: sample, noise: noise)
    if candidates.judgesRepair {
      criterion = .planted
    } else if let (offset, gain) = noise.expectation {
      criterion = .hidden(.corrected(offset: Float(offset), gain: Float(gain)))
    }
    var trials: [Trial] = []
    var (steps, isRefined) = (0, false)
    var left = try affordable(candidates.models, sample)
    let refinesLater = left.count > 4
    while !left.isEmpty {
      let candidate = left.removeFirst()
      // The clock of rank 0 decides for all.
      let spent = try clock(began)
      // A trial and its judgement; two more trials refine the threshold.
      let share =
        (0.95 * seconds - spent) / Double(left.count + 1 + (refinesLater && !isRefined ? 2 : 0))
      if trials.count >= 3, let slowest = trials.map(\.seconds).max(), spent + slowest > seconds {
        break
      }
      if let trial = try tried(candidate, sample, share) {
        trials.append(trial)
        steps = max(steps, trial.steps)
        progress(
          "\(trial.name): \(Quantity.significant(trial.error)) in "
            + Quantity.seconds(trial.seconds))
      }
      if left.isEmpty, refinesLater, !isRefined, let best = trials.min(by: { $0.error < $1.error })
      {
        isRefined = true
        left = refinements(of: best, beside: trials)
      }
    }
    return try advice(noise, sample, steps, trials)
  }

  /// The first candidates, as many as there is time for, but three at least.
  ///
  /// **Collective.**
  private func affordable(_ all: [Candidate], _ sample: Sample) throws -> [Candidate] {
    var kept: [Candidate] = []
    var cost = 0.0
    for candidate in all {
      // A quarter of a trial's time judges, and as much goes into starting it.
      cost += 1.5 * Self.wantedSteps * (try speed(of: candidate, on: sample))
      if kept.count >= 3, cost > 0.95 * seconds { break }
      kept.append(candidate)
    }
    return kept
  }

  /// The seconds since the beginning, as rank 0 has them.
  private func clock(_ began: DispatchTime) throws -> Double {
    var seconds = [0.0]
    if world.isRoot {
      seconds[0] = Double(DispatchTime.now().uptimeNanoseconds - began.uptimeNanoseconds) / 1e9
    }
    try world.allReduce(&seconds, .sum)
    return seconds[0]
  }

  // MARK: - Trials

  /// Trains and judges a model; nil where its losses are no longer finite, which is said.
  ///
  /// **Collective.**
  ///
  /// - Parameter share: seconds for it.
  private func tried(_ candidate: Candidate, _ sample: Sample, _ share: Double) throws -> Trial? {
    var c = try configuration(of: candidate)
    let common = c.common
    let started = DispatchTime.now()
    // Patches are smaller than images: a unit of work is as many steps as see an image's values.
    let rows = try world.agree { try sample.images.rows(by: common.data) }
    let unit = max(1, sample.images.shape.count / rows.shape.count)
    let perImage = max(1, rows.count / sample.images.count)
    let perUnit = try speed(of: candidate, on: sample)
    let batch = common.lanes.batch
    let perEpoch = max(1, sample.trained * perImage / batch)
    // A round of judging is a third of a training step for as many rows.
    let payable =
      0.25 * share / max(1e-6, perUnit) * Double(unit * batch * 3)
      / Double(Self.rounds * perImage)
    let there = sample.images.count - sample.trained
    let judged = judges ?? min(there, max(100, Int(min(payable, 1e6))))
    judges = judged
    let affordable = Int(0.75 * share / max(1e-6, perUnit))
    let steps = unit * min(max(affordable, Self.steps.lowerBound), Self.steps.upperBound)
    let outer = Self.outerIterations
    let inner = max(1, steps / (outer * perEpoch))
    try c.setLength(outerIterations: outer, innerEpochs: inner)
    // Fewer images, if an epoch of all is more than an outer iteration can have.
    let perInner = max(1, steps / (outer * inner))
    let used = min(sample.trained, max(1, perInner * batch / perImage))
    let part = try world.agree { try sample.images.limited(to: used).rows(by: common.data) }
    let resolved = try world.agree { try c.validated(rows: part.count, of: part.shape) }
    let session = try TrainingRun.session(resolved, on: part, world: world)
    do { _ = try session.run() } catch is NonFiniteError {
      diverged.append(candidate.name)
      return nil
    }
    guard
      let judge = judge(
        of: session.trainer.model, rows: rows, rule: session.loop.shrinkage,
        threshold: Float(session.shrinkageThreshold))
    else { return nil }
    let found = try judge.measure(
      sample.trained..<sample.trained + judged, of: sample.images, on: world)
    let isConstant = session.trainer.outputsAreAlike(below: common.recording.collapseSpread)
    var took = [
      Double(DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds) / 1e9,
      isConstant ? 1 : 0,
    ]
    try world.allReduce(&took, .max)
    let error = found.total.error
    guard error.isFinite else {
      diverged.append(candidate.name)
      return nil
    }
    return Trial(
      candidate: candidate, error: error, seconds: took[0],
      steps: session.trainer.progress.step, isConstant: took[1] > 0, configuration: c,
      images: found)
  }

  /// What judges a model of rows of the sample; nil for a model without an encoder.
  private func judge(
    of model: any Module, rows: ImageSet, rule: ShrinkageRule, threshold: Float
  ) -> (any BlindMeasure)? {
    guard let model = model as? any Encoding else { return nil }
    switch criterion {
    case .hidden(let measure):
      return HiddenPixels(
        of: model, shape: rows.shape, patchesOf: rows.patching, rule: rule, threshold: threshold,
        rounds: Self.rounds, measure: measure, seed: seed)
    case .planted:
      return PlantedRepair(
        of: model, shape: rows.shape, patchesOf: rows.patching, rule: rule, threshold: threshold,
        rounds: Self.rounds, seed: seed)
    }
  }

  private func configuration(of candidate: Candidate) throws -> Configuration {
    var c = try Preset.named(candidate.preset).configuration()
    for assignment in candidate.assignments { try c.set(assignment) }
    var common = c.common
    common.data.rows = nil
    common.lanes.seed = seed
    common.lanes.lanes = nil
    common.lanes.batch = batch
    c.write(common)
    return c
  }

  /// The seconds of training on as many values as 64 images have, with all ranks; measured once for
  /// a preset and a model.
  ///
  /// **Collective.**
  private func speed(of candidate: Candidate, on sample: Sample) throws -> Double {
    let c = try configuration(of: candidate)
    let name = "\(candidate.preset) \(c.model)"
    if let known = speeds[name] { return known }
    let rows = try world.agree {
      try sample.images.limited(to: sample.trained).rows(by: c.common.data)
    }
    let resolved = try world.agree { try c.validated(rows: rows.count, of: rows.shape) }
    let trainer = try TrainingRun.session(resolved, on: rows, world: world).trainer
    // The first steps allocate their memory.
    _ = try timed(1, trainer)
    var found = try timed(1, trainer)
    if found < 0.1 { found = try timed(max(1, min(8, trainer.stepsPerEpoch - 2)), trainer) }
    found *= Double(max(1, sample.images.shape.count / rows.shape.count))
    speeds[name] = found
    return found
  }

  /// The seconds of each of `count` steps, on the slowest rank.
  ///
  /// **Collective.**
  private func timed(_ count: Int, _ trainer: Trainer) throws -> Double {
    let start = DispatchTime.now().uptimeNanoseconds
    for _ in 0..<count { try trainer.trainStep() }
    var seconds = [Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9 / Double(count)]
    try world.allReduce(&seconds, .max)
    return seconds[0]
  }
}

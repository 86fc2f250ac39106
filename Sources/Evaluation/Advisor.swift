import Datasets
import Dispatch
import Layers
import MPI
import Models
import Runs
import Support
import Tensors
import Training

/// A model tried on a sample of the images.
public struct Trial: Sendable {
  /// The preset that its settings come from, with what was changed in words.
  public let name: String
  /// The threshold t with which X - L becomes S; nil for a model without S.
  public let threshold: Double?
  /// The error at hidden pixels of images that it was not trained on (`HiddenPixels`).
  public let error: Double
  /// The standard error of the difference of that to the best trial's; 0 for the best.
  public var uncertainty = 0.0
  /// Seconds of training and measuring, and steps of training.
  public let seconds: Double, steps: Int
  /// Whether its reconstructions are all alike: the network has learnt the mean image alone.
  public let isConstant: Bool
  /// The settings of the trial.
  let configuration: Configuration
  let images: [HiddenPixels.Sums]
}

/// What `cleave advise` finds.
public struct Advice: Sendable {
  /// The images' noise, as it looks.
  public let noise: NoiseEstimate
  /// Images trained on and judged by in each trial, and steps of a trial.
  public let trained: Int, judged: Int, steps: Int
  /// How X and L are compared at hidden pixels.
  public let measure: HiddenPixels.Measure
  /// The trials, best first.
  public let trials: [Trial]
  /// The same of the median of the seen neighbours, at the same hidden pixels.
  public let medianError: Double
  /// The settings to train all images with.
  public let configuration: Configuration
  /// The preset that they come from, and what differs from it.
  public let preset: String, assignments: [String]
  /// Estimated seconds of that run on as many ranks.
  public let seconds: Double
  /// What cannot be told, or should be known, a line each.
  public let doubts: [String]
}

/// Tries a few models on a sample of a data set and ranks them by hidden pixels.
///
/// It never looks at clean images. All trials train on the same images and fill in the same hidden
/// pixels of others.
public final class Advisor {
  /// A model to try.
  struct Candidate {
    let preset: String
    let words: String
    let assignments: [String]
    let threshold: Double?
    var name: String { preset + (words.isEmpty ? "" : ", \(words)") }
  }

  private let images: ImageSet
  private let world: Communicator
  private let seconds: Double
  private let seed: UInt64
  private let progress: (String) -> Void
  /// How X and L are compared: corrected by the images' noise, where it is known.
  private var measure = HiddenPixels.Measure.huber
  /// Seconds of a training step, by preset and model.
  private var speeds: [String: Double] = [:]
  /// Images that judge; fewer than there are where measuring takes long, the same for all trials.
  private var judges: Int?

  private static let mostTrained = 3000, mostJudged = 1000, mostLooked = 200
  private static let batch = 64
  /// Rounds of a split when hidden pixels are filled in.
  private static let rounds = 10
  private static let outerIterations = 6
  private static let thresholds = [0.1, 0.2, 0.4, 0.65, 0.05]
  /// The steps of a trial, at least and at most; fewer tell nothing, more hardly change the order.
  private static let steps = 40...1800
  /// The steps that a trial should have: slow networks get fewer trials rather than shorter ones.
  private static let wantedSteps = 300.0
  /// The steps of a run on all images, at least.
  private static let wholeSteps = 6000

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
    let judged = min(Self.mostJudged, images.count / 5)
    let trained = min(Self.mostTrained, images.count - judged)
    let sample = try world.agree { try drawSample(trained + judged) }
    let looked = min(Self.mostLooked, trained)
    let noise = NoiseEstimate(of: sample.values(0..<looked), shape: sample.shape)
    if let (offset, gain) = noise.expectation {
      measure = .corrected(offset: Float(offset), gain: Float(gain))
    }
    let batch = min(Self.batch, 1 << (trained.bitWidth - 1 - trained.leadingZeroBitCount))
    var trials: [Trial] = []
    var (steps, isRefined) = (0, false)
    var left = candidates(batch: batch)
    // A quarter of a trial's time judges, and as much goes into starting it.
    let perStep = try speed(of: left[0], on: sample, trained)
    let affordable = 0.95 * seconds / (1.5 * Self.wantedSteps * perStep)
    left = Array(left.prefix(max(3, Int(min(100, affordable)))))
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
      let (trial, count) = try tried(candidate, sample, trained, share)
      if let trial {
        trials.append(trial)
        steps = max(steps, count)
        progress(
          "\(trial.name): \(Quantity.significant(trial.error)) in "
            + Quantity.seconds(trial.seconds))
      }
      if left.isEmpty, refinesLater, !isRefined, let best = trials.min(by: { $0.error < $1.error })
      {
        isRefined = true
        left = refinements(of: best, beside: trials, batch: batch)
      }
    }
    return try advice(noise, trained, judges ?? judged, steps, trials)
  }

  /// The images in use, spread over the whole set: every fifth or so is judged by, after those
  /// trained on.
  private func drawSample(_ count: Int) throws -> ImageSet {
    if images.isMixed {
      throw RunError.data(
        images.path,
        "found pictures of mixed sizes, expected one size: bring them to one by import images --size"
      )
    }
    guard images.count >= 40 else {
      throw RunError.data(
        images.path, "found \(images.count) images, expected at least 40 to give advice about")
    }
    let draws = Draws(seed: seed, purpose: .hidden, time: 1)
    // One image of each of `count` equal parts of the set, in an order of their own.
    let chosen = (0..<count).map { i -> (row: Int, word: UInt32) in
      let first = i * images.count / count
      let length = (i + 1) * images.count / count - first
      return (
        first + draws.integer(below: length, row: i, element: 0), draws.word(row: i, element: 1)
      )
    }
    let rows = chosen.sorted { ($0.word, $0.row) < ($1.word, $1.row) }.map { Int32($0.row) }
    var values = [Float](repeating: 0, count: count * images.shape.count)
    rows.withUnsafeBufferPointer { images.gather($0, into: &values) }
    guard images.isEightBit else {
      return ImageSet(floats: values, shape: images.shape, name: images.path)
    }
    return ImageSet(
      bytes: values.map { UInt8(($0 * 255).rounded()) }, shape: images.shape, name: images.path)
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

  // MARK: - Candidates

  /// The models to try: the most telling first.
  private func candidates(batch: Int) -> [Candidate] {
    var found: [Candidate] = []
    let isSmall = images.shape.count <= 4096
    let divides = images.shape.height % 16 == 0 && images.shape.width % 16 == 0
    let robust = isSmall || !divides ? "mnist-rvae-beta" : "celeba-rvae-faces"
    for threshold in Self.thresholds { found.append(split(robust, threshold, batch)) }
    found.append(
      Candidate(
        preset: robust, words: "no S", assignments: Self.common(batch) + ["lambda=inf"],
        threshold: nil))
    if isSmall {
      found.append(
        Candidate(
          preset: robust, words: "autoencoder (rda)",
          assignments: Self.common(batch) + ["model=rda", "threshold=none", "lambda=0.2"],
          threshold: 0.2))
      if divides { found.append(split("celeba-rvae-faces", 0.2, batch)) }
    }
    return found
  }

  private func split(_ preset: String, _ threshold: Double, _ batch: Int) -> Candidate {
    Candidate(
      preset: preset, words: "",
      assignments: Self.common(batch) + ["threshold=none", "lambda=\(threshold)"],
      threshold: threshold)
  }

  private static func common(_ batch: Int) -> [String] {
    ["batch=\(batch)", "outer_iterations=\(outerIterations)"]
  }

  /// Thresholds on both sides of the best one.
  private func refinements(of best: Trial, beside trials: [Trial], batch: Int) -> [Candidate] {
    guard let threshold = best.threshold else { return [] }
    return [0.7, 1.4].map { (threshold * $0 * 1000).rounded() / 1000 }.filter { wanted in
      // Not what has been tried, or nearly.
      !trials.contains { trial in
        trial.threshold.map { abs($0 / wanted - 1) < 0.2 } ?? false
      }
    }.map { wanted in
      Candidate(
        preset: String(best.name.prefix { $0 != "," }), words: words(of: best),
        assignments: Self.common(batch) + model(of: best)
          + ["threshold=none", "lambda=\(wanted)"], threshold: wanted)
    }
  }

  private func words(of trial: Trial) -> String {
    trial.name.contains(", ") ? String(trial.name.drop { $0 != "," }.dropFirst(2)) : ""
  }

  private func model(of trial: Trial) -> [String] { ["model=\(trial.configuration.model)"] }

  // MARK: - Trials

  /// Trains and judges a model; nil where it cannot have images of this shape.
  ///
  /// **Collective.**
  ///
  /// - Parameters:
  ///   - trained: how many first images of the sample are trained on; others judge.
  ///   - share: seconds for it.
  private func tried(
    _ candidate: Candidate, _ sample: ImageSet, _ trained: Int, _ share: Double
  ) throws -> (trial: Trial?, steps: Int) {
    var c = try configuration(of: candidate)
    let common = c.common
    do { _ = try c.makeModel(of: sample.shape) } catch is ConfigurationError { return (nil, 0) }
    let started = DispatchTime.now()
    let perStep = try speed(of: candidate, on: sample, trained)
    let (perEpoch, batch) = (max(1, trained / common.lanes.batch), Double(common.lanes.batch))
    // A round of judging is a third of a training step for as many images.
    let payable = 0.25 * share / max(1e-6, perStep) * batch * 3 / Double(Self.rounds)
    let judged = judges ?? min(sample.count - trained, max(100, Int(min(payable, 1e6))))
    judges = judged
    let affordable = Int(0.75 * share / max(1e-6, perStep))
    let steps = min(max(affordable, Self.steps.lowerBound), Self.steps.upperBound)
    let inner = max(1, steps / (Self.outerIterations * perEpoch))
    try c.set("inner_epochs=\(inner)")
    // Fewer images, if an epoch of all is more than an outer iteration can have.
    let perInner = max(1, steps / (Self.outerIterations * inner))
    let rows = min(trained, perInner * common.lanes.batch)
    let part = try world.agree { try sample.limited(to: rows) }
    let resolved = try world.agree { try c.validated(rows: rows, of: sample.shape) }
    let session = try TrainingRun.session(resolved, on: part, world: world)
    _ = try session.run()
    guard let model = session.trainer.model as? any Encoding else { return (nil, 0) }
    let judge = HiddenPixels(
      of: model, shape: sample.shape, rule: session.loop.shrinkage,
      threshold: Float(session.shrinkageThreshold),
      rounds: Self.rounds, measure: measure, seed: seed)
    let found = try judge.measure(
      HiddenPixels.blocks(trained..<trained + judged, of: sample.shape), of: sample, on: world
    ) { $0 % world.size == world.rank }
    let isConstant = session.trainer.outputsAreAlike(below: common.recording.collapseSpread)
    var took = [
      Double(DispatchTime.now().uptimeNanoseconds - started.uptimeNanoseconds) / 1e9,
      isConstant ? 1 : 0,
    ]
    try world.allReduce(&took, .max)
    return (
      Trial(
        name: candidate.name, threshold: candidate.threshold, error: found.total.error,
        seconds: took[0], steps: session.trainer.progress.step, isConstant: took[1] > 0,
        configuration: c, images: found),
      session.trainer.progress.step
    )
  }

  private func configuration(of candidate: Candidate) throws -> Configuration {
    var c = try Preset.named(candidate.preset).configuration()
    for assignment in candidate.assignments { try c.set(assignment) }
    var common = c.common
    common.data.rows = nil
    common.lanes.seed = seed
    common.lanes.lanes = nil
    c.write(common)
    return c
  }

  /// The seconds of a training step with all ranks; measured once for a preset and a model.
  ///
  /// **Collective.**
  private func speed(
    of candidate: Candidate, on sample: ImageSet, _ trained: Int
  ) throws -> Double {
    let c = try configuration(of: candidate)
    let name = "\(candidate.preset) \(c.model)"
    if let known = speeds[name] { return known }
    let images = try world.agree { try sample.limited(to: trained) }
    let resolved = try world.agree { try c.validated(rows: trained, of: images.shape) }
    let trainer = try TrainingRun.session(resolved, on: images, world: world).trainer
    // The first steps allocate their memory.
    _ = try timed(1, trainer)
    var found = try timed(1, trainer)
    if found < 0.1 { found = try timed(max(1, min(8, trainer.stepsPerEpoch - 2)), trainer) }
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

  // MARK: - Advice

  private func advice(
    _ noise: NoiseEstimate, _ trained: Int, _ judged: Int, _ steps: Int, _ found: [Trial]
  ) throws -> Advice {
    var trials = found.sorted { ($0.error, $0.name) < ($1.error, $1.name) }
    guard let best = trials.first else {
      throw RunError.data(
        images.path,
        "images of \(images.shape): found no preset whose network takes them; bring them to another "
          + "size")
    }
    for i in trials.indices.dropFirst() {
      trials[i].uncertainty = Self.uncertainty(trials[i].images, best.images)
    }
    let median = best.images.total.medianError
    // The whole set.
    var c = best.configuration
    var common = c.common
    let batch = images.count >= 20_000 ? 200 : common.lanes.batch
    common.lanes.batch = batch
    common.recording.bestBy = .hidden
    c.write(common)
    let perEpoch = max(1, images.count / batch)
    let outer = Self.outerIterations
    let inner = min(100, max(5, (Self.wholeSteps + outer * perEpoch - 1) / (outer * perEpoch)))
    try c.set("inner_epochs=\(inner)")
    let perImage = best.seconds / Double(max(1, best.steps * best.configuration.common.lanes.batch))
    let preset = String(best.name.prefix { $0 != "," })
    let plain = try Preset.named(preset).configuration()
    let assignments = Configuration.keys.filter { c[$0] != plain[$0] }.map {
      "\($0.name)=\(KeyDescription.assignment(of: c[$0]))"
    }
    return Advice(
      noise: noise, trained: trained, judged: judged, steps: steps, measure: measure,
      trials: trials, medianError: median, configuration: c, preset: preset,
      assignments: assignments,
      seconds: perImage * Double(outer * inner * perEpoch * batch),
      doubts: noise.doubts + doubts(trials, median, noise))
  }

  /// The standard error of the difference between two means over the same hidden pixels.
  static func uncertainty(_ a: [HiddenPixels.Sums], _ b: [HiddenPixels.Sums]) -> Double {
    let differences = zip(a, b).compactMap { a, b in a.count > 0 ? a.error - b.error : nil }
    let n = Double(differences.count)
    guard n > 1 else { return .infinity }
    let mean = differences.reduce(0, +) / n
    let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / (n - 1) / n).squareRoot()
  }

  private func doubts(_ trials: [Trial], _ median: Double, _ noise: NoiseEstimate) -> [String] {
    var doubts: [String] = []
    let best = trials[0]
    let near = trials.dropFirst().filter { $0.error - best.error < 2 * $0.uncertainty }
    if !near.isEmpty {
      doubts.append(
        "these cannot be told from the best: "
          + near.map { trial in
            trial.name + (trial.threshold.map { " at \(Quantity.significant($0))" } ?? "")
          }.joined(separator: "; "))
    }
    let tried = trials.filter { $0.configuration.model == best.configuration.model }
      .compactMap(\.threshold)
    if let threshold = best.threshold, tried.count > 1,
      threshold == tried.max() || threshold == tried.min()
    {
      doubts.append("the best lambda is the outermost one tried: one beyond it may be better")
    }
    if median <= best.error {
      doubts.append(
        "the median of the neighbours fills hidden pixels better than any model: try more minutes, "
          + "or a median filter")
    }
    if best.isConstant {
      doubts.append(
        "the best model makes all images alike: the trials are too short to say anything")
    }
    if noise.kind == .none && noise.blocks ?? 0 == 0 {
      doubts.append(
        "no noise was found: it is of a kind that cannot be seen here, or there is none")
    }
    return doubts
  }
}

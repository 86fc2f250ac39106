import Datasets
import Models
import Runs
import Support
import Training

extension Advisor {
  /// The steps of a run on all images, at least.
  private static let wholeSteps = 6000

  /// The advice that trials give.
  func advice(
    _ noise: NoiseEstimate, _ sample: Sample, _ steps: Int, _ found: [Trial]
  ) throws -> Advice {
    var trials = found.sorted { ($0.error, $0.name) < ($1.error, $1.name) }
    guard let best = trials.first else {
      throw RunError.data(
        images.path,
        "found losses that are not finite in all trials (\(diverged.joined(separator: ", ")))"
      )
    }
    for i in trials.indices.dropFirst() {
      trials[i].uncertainty = Self.uncertainty(trials[i].images, best.images)
    }
    let median = best.images.total.medianError
    let plain = try Preset.named(best.candidate.preset).configuration()
    let (c, rows) = try whole(best)
    let assignments = Configuration.keys.filter { c[$0] != plain[$0] }.map {
      "\($0.name)=\(KeyDescription.assignment(of: c[$0]))"
    }
    let perRow = best.seconds / Double(max(1, best.steps * best.configuration.common.lanes.batch))
    return Advice(
      noise: noise, trained: sample.trained, judged: judges ?? 0, steps: steps,
      middle: sample.middle, criterion: criterion, trials: trials, medianError: median,
      configuration: c, preset: best.candidate.preset, assignments: assignments,
      seconds: perRow * Double(rows), doubts: noise.doubts + doubts(trials, median, noise))
  }

  /// The settings that train all images as a trial did a sample of them, and how many rows they see
  /// in all epochs.
  private func whole(_ best: Trial) throws -> (configuration: Configuration, rows: Int) {
    var c = try Preset.named(best.candidate.preset).configuration()
    for assignment in best.candidate.assignments { try c.set(assignment) }
    var common = c.common
    common.data.rows = nil
    common.lanes.seed = best.configuration.common.lanes.seed
    common.lanes.lanes = nil
    common.lanes.batch = images.count >= 20_000 ? 200 : best.configuration.common.lanes.batch
    if criterion != .planted { common.recording.bestBy = .hidden }
    c.write(common)
    let rows = try world.agree { try images.rows(by: common.data).count }
    let perEpoch = max(1, rows / common.lanes.batch)
    // A preset of patches has its own length, and a rate that falls with it.
    if common.data.patch == nil {
      let outer = Self.outerIterations
      let inner = min(100, max(5, (Self.wholeSteps + outer * perEpoch - 1) / (outer * perEpoch)))
      try c.setLength(outerIterations: outer, innerEpochs: inner)
      if common.recording.bestBy == .hidden, c.loop.outerIterations == nil {
        common.recording.validateEvery = inner
        c.write(common)
      }
    }
    return (c, c.loop.epochs * perEpoch * common.lanes.batch)
  }

  /// The standard error of the difference between two means over the same hidden pixels.
  static func uncertainty(_ a: [BlindSums], _ b: [BlindSums]) -> Double {
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
    let tried = trials.filter { $0.name == best.name }.compactMap(\.threshold)
    if let threshold = best.threshold, tried.count > 1,
      threshold == tried.max() || threshold == tried.min()
    {
      doubts.append("the best lambda is the outermost one tried: one beyond it may be better")
    }
    if median <= best.error {
      doubts.append(
        (criterion == .planted
          ? "the median where it differs repairs damage better than any model"
          : "the median of the neighbours fills hidden pixels better than any model")
          + ": try more minutes, or a median filter")
    }
    if best.isConstant {
      doubts.append(
        "the best model makes all images alike: the trials are too short to say anything")
    }
    if !diverged.isEmpty {
      doubts.append("these had losses that are not finite: " + diverged.joined(separator: ", "))
    }
    if noise.kind == .none && noise.blocks ?? 0 == 0 {
      doubts.append(
        "no noise was found: it is of a kind that cannot be seen here, or there is none")
    }
    return doubts
  }
}

extension Configuration {
  /// Sets the length of a robust loop or, of another model, as many epochs.
  ///
  /// - Throws: `ConfigurationError`.
  mutating func setLength(outerIterations outer: Int, innerEpochs inner: Int) throws {
    if loop.outerIterations == nil {
      try set("epochs=\(outer * inner)")
    } else {
      try set("outer_iterations=\(outer)")
      try set("inner_epochs=\(inner)")
    }
  }
}

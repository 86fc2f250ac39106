import Doctor
import Models
import Support
import Tensors
import Training

/// Shows a training run on standard error: its header, a progress line, events, and its result.
final class TrainingDisplay: TrainingObserver {
  private let console: Console
  /// Messages about settings that the system does not read.
  private let unread: [String]
  private var header: RunHeader?
  private var clock = Stopwatch()
  private var first: Int?
  private var step: StepMetrics?
  private var outer: OuterMetrics?
  private var bestCheckpoint: BestCheckpoint?
  private var newest: String?
  private var threshold: Double?
  private var peaks: [Int] = []
  private var accuracies: [(images: String, found: ClassAccuracy)] = []
  private var outcome: RunOutcome?
  private var isUnreadTold = false

  init(_ console: Console, unread: [String]) {
    self.console = console
    self.unread = unread
  }

  func runStarted(_ header: RunHeader) {
    self.header = header
    // What a stage before has shown is past.
    (clock, first, step, outer, newest) = (Stopwatch(), nil, nil, nil, nil)
    (bestCheckpoint, threshold, outcome) = (nil, nil, nil)
    let lanes = header.common.lanes
    let stage = header.stage.map { "\($0.words), " } ?? ""
    let source = header.stage?.isLast == true ? "the L that stage 1 made of " : ""
    console.note(
      "\(stage)\(header.system) on \(source)\(header.data): \(header.extent), digest "
        + header.digest)
    console.note(
      (header.resumedFrom.map { "  going on from \($0) in " } ?? "  a new run in ") + header.run)
    console.note(
      "  \(Quantity.count(header.hosts.count, "rank")) on \(Self.places(header.hosts)), "
        + "\(Quantity.count(lanes.count, "lane")), \(lanes.exact ? "exact" : "fast") mode, "
        + "BLAS kernel \(header.blasKernels)")
    console.note(
      "  \(Quantity.grouped(header.parameters)) parameters, \(Quantity.grouped(header.totalSteps)) "
        + "steps"
    )
    if let judges = header.judges { console.note("  hidden: \(judges)") }
    let origin =
      header.preset.map {
        Preset.exists($0) ? "preset \($0), changed: " : "\($0), differs from the defaults in: "
      }
      ?? "differs from the defaults in: "
    lines(origin, header.changed.isEmpty ? ["nothing"] : header.changed)
    lines("settings that \(header.system) reads: ", header.assignments)
    for line in unread where !isUnreadTold { console.warning(line) }
    isUnreadTold = true
    if let complaint = BLASCore.complaint(about: BLAS.kernelName) { console.warning(complaint) }
  }

  func shrinks(by threshold: Double, lambda: Double, rule: ShrinkageRule) {
    self.threshold = threshold
    console.note("  " + Self.words(threshold: threshold, lambda: lambda, rule: rule))
  }

  /// What lambda means for the images of the run.
  static func words(threshold: Double, lambda: Double, rule: ShrinkageRule) -> String {
    "lambda=\(Quantity.significant(lambda, 6)): threshold "
      + "\(Quantity.significant(threshold, 2)) " + rule.words
  }

  private var lossUnit: Measure { header?.lossUnit ?? .nats }

  func step(_ metrics: StepMetrics) {
    if first == nil { first = metrics.step }
    step = metrics
    var parts: [String] = []
    if let stage = header?.stage { parts.append("stage \(stage.number)/\(RunStage.count)") }
    if let total = header?.outerIterations { parts.append("outer \(metrics.outer)/\(total)") }
    parts.append("epoch \(metrics.epoch)" + (header.map { "/\($0.totalEpochs)" } ?? ""))
    let total = header.map { "/\(Quantity.grouped($0.totalSteps))" } ?? ""
    parts.append("step \(Quantity.grouped(metrics.step))\(total)")
    parts.append("loss \(lossUnit.words(metrics.loss))")
    parts.append("\(Quantity.grouped(Int(metrics.imagesPerSecond))) \(rowsName)/s")
    parts.append("ETA \(Quantity.clock(metrics.secondsLeft))")
    // These come last, because a narrow terminal cuts the line.
    let isLossItself = metrics.terms.count == 1 && RunStory.words(metrics.terms[0].name, 0) == nil
    if !isLossItself {
      parts += metrics.terms.map {
        "\($0.name) \(RunStory.words($0.name, $0.value) ?? Measure.nats.text($0.value))"
      }
    }
    console.progress(parts.joined(separator: "  "))
  }

  func outerFinished(_ metrics: OuterMetrics) {
    outer = metrics
    console.note(
      "outer \(metrics.outer) done at step \(Quantity.grouped(metrics.step)): "
        + Self.words(metrics.result))
  }

  private static func words(_ result: OuterResult) -> String {
    let error =
      result.cleanError.map { ", MSE of L \(Measure.squaredError.text($0.reconstruction))" } ?? ""
    let hidden = result.hidden.map { ", hidden \(Quantity.significant($0))" } ?? ""
    return "c1 \(Measure.change.text(result.c1)), c2 \(Measure.change.text(result.c2)), "
      + "S nonzero \(Measure.share.words(result.nonzero))\(error)\(hidden)"
  }

  /// Prints the result of replaying recorded steps.
  func verified(_ result: String) {
    result.hasPrefix("verified") ? console.note(result) : console.warning(result)
  }

  func note(_ message: String) { console.note("  " + message) }

  func warning(_ message: String) { console.warning(message) }

  func checkpointed(_ checkpoint: CheckpointNotice) {
    newest = checkpoint.name
    let linked = checkpoint.linkedBytes
    console.note(
      "checkpoint \(checkpoint.name): \(Quantity.bytes(checkpoint.bytes - linked)) in "
        + Quantity.seconds(checkpoint.seconds)
        + (linked > 0 ? ", and \(Quantity.bytes(linked)) that have not changed" : ""))
  }

  func peakMemory(_ bytes: [Int]) {
    peaks = bytes
    let total = "peak memory: \(Quantity.bytes(bytes.reduce(0, +)))"
    console.note(
      bytes.count == 1
        ? total : "\(total) in all, at most \(Quantity.bytes(bytes.max() ?? 0)) a rank")
  }

  func best(_ checkpoint: BestCheckpoint) { bestCheckpoint = checkpoint }

  func classified(_ images: String, _ accuracy: ClassAccuracy) {
    accuracies.append((images, accuracy))
    let unknown =
      accuracy.unknown > 0
      ? "; \(Quantity.grouped(accuracy.unknown)) are of classes that it does not know" : ""
    console.note(
      "accuracy: \(Measure.accuracy.words(accuracy.share)) of \(Quantity.grouped(accuracy.images)) "
        + "\(images), standard error \(Measure.accuracy.words(accuracy.standardError)); the most "
        + "frequent class has \(Measure.accuracy.words(accuracy.majorityShare))" + unknown)
  }

  func finished(_ outcome: RunOutcome) {
    self.outcome = outcome
    let run = header?.run ?? "the run"
    if let stage = header?.stage, !stage.isLast, outcome != .stopped {
      console.note("\(stage.words) is over: \(header?.system ?? "")")
      return summarize()
    }
    switch outcome {
    case .finished: console.note("finished: \(run)")
    case .converged: console.note("converged: \(run)")
    case .stalled:
      console.note(
        "ended: the error at hidden pixels was lowest \(header?.common.recording.patience ?? 0) "
          + "measurements ago (patience): \(run)")
    case .stopped: console.note("stopped; cleave train --resume \(run) goes on")
    }
    summarize()
  }

  func handedOver(bytes: Int, to path: String) {
    console.note("L of stage 1 written: \(Quantity.bytes(bytes)) in \(path)")
  }

  /// What a row is called: images or patches, or rows of features.
  private var rowsName: String { header?.rowsName ?? "images" }

  // MARK: - The end

  /// Rows a second over all steps of this process, with its pauses.
  private var rate: Double? {
    guard let step, let header, clock.seconds > 0 else { return nil }
    let steps = step.step - (first ?? step.step) + header.common.recording.logEvery
    // A fitted model sees all rows in its one step an epoch.
    let isFitted = header.totalSteps == header.totalEpochs
    let images = isFitted ? header.rows : header.common.lanes.batch
    return Double(steps) * Double(images) / clock.seconds
  }

  /// The last step: that of the last checkpoint, or of the last line.
  private var lastStep: Int? {
    newest.flatMap { $0.split(separator: "-").last.flatMap { Int($0) } } ?? step?.step
  }

  private func summarize() {
    guard let header else { return }
    let speed = rate.map { ", \(Quantity.grouped(Int($0))) \(rowsName)/s with all pauses" } ?? ""
    console.note("  time \(Quantity.clock(clock.seconds))\(speed)")
    var last: [String] = step.map { ["loss \(lossUnit.words($0.loss))"] } ?? []
    if let outer { last.append(Self.words(outer.result)) }
    if !last.isEmpty { console.note("  last: " + last.joined(separator: ", ")) }
    if let best = bestCheckpoint { console.note("  best: \(words(best))") }
    guard outcome != .stopped, header.stage?.isLast ?? true else { return }
    for (index, command) in nextCommands(header).enumerated() {
      console.note((index == 0 ? "  next: " : "        ") + command)
    }
  }

  private func words(_ best: BestCheckpoint) -> String {
    let score =
      switch best.measure {
      case .loss: "loss of its epoch \(lossUnit.words(best.score))"
      case .validation: "bound on validation images \(Measure.nats.words(best.score))"
      case .hidden: "error at hidden pixels \(Quantity.significant(best.score))"
      case .cleanError: "MSE of L \(Measure.squaredError.text(best.score))"
      }
    return "\(best.name), \(score)"
  }

  /// What a user may want to do with the run now.
  private func nextCommands(_ header: RunHeader) -> [String] {
    let run = ShellWords.quoted(header.run)
    let base = header.run.hasSuffix("/") ? String(header.run.dropLast()) : header.run
    func file(_ ending: String) -> String { ShellWords.quoted(base + ending) }
    let abilities = header.abilities
    let isPatched = header.rowsName == "patches"
    // Features have no pictures.
    let hasPictures = header.rowsName != "rows"
    var commands: [String] = []
    if abilities.splits {
      // Of photographs the repaired ones are wanted; new patches are nothing to look at.
      commands.append(
        isPatched
          ? "cleave denoise \(run) --as repaired --out \(file("-clean/"))"
          : "cleave denoise \(run) --out \(file("-clean.h5"))")
      if hasPictures { commands.append("cleave denoise \(run) --out \(file("-look.png"))") }
    } else if abilities.encodes, hasPictures {
      commands.append("cleave reconstruct \(run) --out \(file("-reconstructions.png"))")
    }
    if abilities.encodes { commands.append("cleave evaluate \(run)") }
    if abilities.generates && !isPatched && hasPictures {
      commands.append("cleave sample \(run) --count 100 --out \(file("-samples.png"))")
    }
    if abilities.classifies {
      commands.append("cleave evaluate \(run) --metrics accuracy --split test")
    }
    return commands + ["cleave info \(run)"]
  }

  /// The document of `train --json`.
  var document: JSONValue {
    let terms = step.map { $0.terms.map { JSONValue.Member($0.name, .real($0.value)) } } ?? []
    var members: [JSONValue.Member] = [
      .init("run", .string(header?.run ?? "")),
      .init(
        "outcome",
        outcome.map {
          switch $0 {
          case .finished: "finished"
          case .converged: "converged"
          case .stalled: "stalled"
          case .stopped: "stopped"
          }
        } ?? .null),
    ]
    if let stage = header?.stage { members.append(.init("stage", .integer(stage.number))) }
    members += [
      .init("checkpoint", newest.map { .string($0) } ?? .null),
      .init("step", lastStep.map { .integer($0) } ?? .null),
      .init("epoch", step.map { .integer($0.epoch) } ?? .null),
      .init("loss", step.map { .real($0.loss) } ?? .null), .init("terms", .object(terms)),
    ]
    if let outer {
      members.append(.init("outer", .integer(outer.outer)))
      members += outer.result.named.map { .init($0.name, .real($0.value)) }
    }
    if let threshold { members.append(.init("threshold", .real(threshold))) }
    if let best = bestCheckpoint {
      members.append(
        .init(
          "best",
          [
            "name": .string(best.name), "score": .real(best.score),
            "score_of": .string(best.measure.rawValue),
          ]))
    }
    if !accuracies.isEmpty { members.append(.init("accuracy", accuracyDocument)) }
    members += [
      .init("seconds", .real(clock.seconds)),
      .init("images_per_second", rate.map { .real($0) } ?? .null),
      .init("peak_rss_mib", .array(peaks.map { .real(Double($0) / 0x1p20) })),
    ]
    return .object(members)
  }

  private var accuracyDocument: JSONValue {
    .object(
      accuracies.map { images, found in
        let document: JSONValue = [
          "images": .integer(found.images), "share": .real(found.share),
          "standard_error": .real(found.standardError), "majority": .real(found.majorityShare),
        ]
        return JSONValue.Member(images.replacing(" ", with: "_"), document)
      })
  }

  // MARK: - Lines

  /// `2 hosts (a: 4, b: 4)`, or the name of the only host.
  private static func places(_ hosts: [String]) -> String {
    var ranks: [String: Int] = [:]
    for host in hosts { ranks[host, default: 0] += 1 }
    guard ranks.count > 1 else { return hosts.first ?? "no host" }
    let list = ranks.keys.sorted().map { "\($0): \(ranks[$0] ?? 0)" }
    return "\(ranks.count) hosts (\(list.joined(separator: ", ")))"
  }

  /// Prints words in indented lines of at most 98 columns.
  private func lines(_ title: String, _ words: [String]) {
    let width = 96
    var line = title
    for word in words.map(ShellWords.quoted) {
      if line.count + word.count > width, line.count > title.count || line.hasPrefix("  ") {
        console.note("  " + line)
        line = "  "
      }
      line += (line.hasSuffix(" ") ? "" : " ") + word
    }
    console.note("  " + line)
  }
}

import Doctor
import Support
import Tensors
import Training

/// Shows a training run on standard error: its header, a progress line, and events.
final class TrainingDisplay: TrainingObserver {
  private let console: Console
  /// Messages about settings that the system does not read.
  private let unread: [String]
  private var header: RunHeader?

  init(_ console: Console, unread: [String]) {
    self.console = console
    self.unread = unread
  }

  func runStarted(_ header: RunHeader) {
    self.header = header
    let lanes = header.common.lanes
    let shape = header.imageShape.map(String.init).joined(separator: "x")
    console.note(
      "\(header.system) on \(header.data): \(Quantity.grouped(header.rows)) images of \(shape), "
        + "digest \(header.digest)")
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
    for line in Self.wrapped(header.assignments, width: 96) { console.note("  " + line) }
    for line in unread { console.warning(line) }
    if let complaint = BLASCore.complaint(about: BLAS.kernelName) { console.warning(complaint) }
  }

  func step(_ metrics: StepMetrics) {
    var parts: [String] = []
    if let total = header?.outerIterations { parts.append("outer \(metrics.outer)/\(total)") }
    parts.append("epoch \(metrics.epoch)" + (header.map { "/\($0.totalEpochs)" } ?? ""))
    let total = header.map { "/\(Quantity.grouped($0.totalSteps))" } ?? ""
    parts.append("step \(Quantity.grouped(metrics.step))\(total)")
    parts.append("loss \(Quantity.significant(metrics.loss, 5))")
    parts.append("\(Quantity.grouped(Int(metrics.imagesPerSecond))) images/s")
    parts.append("ETA \(Quantity.clock(metrics.secondsLeft))")
    // These come last, because a narrow terminal cuts the line.
    if metrics.terms.count > 1 {
      parts += metrics.terms.map { "\($0.name) \(Quantity.significant($0.value))" }
    }
    console.progress(parts.joined(separator: "  "))
  }

  func outerFinished(_ metrics: OuterMetrics) {
    let error =
      metrics.result.cleanError.map { ", MSE of L \(Quantity.significant($0.reconstruction))" }
      ?? ""
    let hidden = metrics.result.hidden.map { ", hidden \(Quantity.significant($0))" } ?? ""
    console.note(
      "outer \(metrics.outer) done at step \(Quantity.grouped(metrics.step)): "
        + "c1 \(Quantity.significant(metrics.result.c1)), "
        + "c2 \(Quantity.significant(metrics.result.c2)), "
        + "S nonzero \(Quantity.decimal(100 * metrics.result.nonzero, 1)) %\(error)\(hidden)")
  }

  /// Prints the result of replaying recorded steps.
  func verified(_ result: String) {
    result.hasPrefix("verified") ? console.note(result) : console.warning(result)
  }

  func warning(_ message: String) { console.warning(message) }

  func checkpointed(_ checkpoint: CheckpointNotice) {
    let linked = checkpoint.linkedBytes
    console.note(
      "checkpoint \(checkpoint.name): \(Quantity.bytes(checkpoint.bytes - linked)) in "
        + Quantity.seconds(checkpoint.seconds)
        + (linked > 0 ? ", and \(Quantity.bytes(linked)) that have not changed" : ""))
  }

  func peakMemory(_ bytes: [Int]) {
    let total = "peak memory: \(Quantity.bytes(bytes.reduce(0, +)))"
    console.note(
      bytes.count == 1
        ? total : "\(total) in all, at most \(Quantity.bytes(bytes.max() ?? 0)) a rank")
  }

  func finished(_ outcome: RunOutcome) {
    let run = header?.run ?? "the run"
    switch outcome {
    case .finished: console.note("finished: \(run)")
    case .converged: console.note("converged: \(run)")
    case .stalled:
      console.note(
        "ended: the error at hidden pixels was lowest \(header?.common.recording.patience ?? 0) "
          + "measurements ago (patience): \(run)")
    case .stopped: console.note("stopped; cleave train --resume \(run) goes on")
    }
  }

  /// `2 hosts (a: 4, b: 4)`, or the name of the only host.
  private static func places(_ hosts: [String]) -> String {
    var ranks: [String: Int] = [:]
    for host in hosts { ranks[host, default: 0] += 1 }
    guard ranks.count > 1 else { return hosts.first ?? "no host" }
    let list = ranks.keys.sorted().map { "\($0): \(ranks[$0] ?? 0)" }
    return "\(ranks.count) hosts (\(list.joined(separator: ", ")))"
  }

  /// The whole configuration as `key=value` for `--set`, in lines of a width.
  private static func wrapped(_ assignments: [String], width: Int) -> [String] {
    var lines = [""]
    for word in assignments {
      if lines[lines.count - 1].count + 1 + word.count > width, !lines[lines.count - 1].isEmpty {
        lines.append("")
      }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines
  }
}

import Models
import Runs
import Support
import Training

/// What a run's own files tell beside its checkpoints: from what it was made, by whom, how long it
/// has trained and what it measured last.
struct RunStory {
  private let mark: RunMark?
  private let owner: RunOwner?
  private let progress: RunProgress
  private let configuration: Configuration?
  private let changed: [String]
  private let threshold: Double?
  /// Seconds of the first stage of a run in its second; 0 for any other.
  private let secondsBefore: Double
  /// `vae on the L of rpca`, of a run with two stages; nil for one with one.
  let stages: String?
  /// The system of the stage that is trained; nil for a run with one stage.
  let stageModel: String?

  /// Reads the story of a run; files that are missing or damaged tell nothing.
  ///
  /// - Parameters:
  ///   - recorded: the newest whole checkpoint's; nil where there is none.
  ///   - isInFirstStage: whether checkpoint and log are those of the first stage of two.
  init(_ directory: RunDirectory, _ recorded: RecordedRun?, isInFirstStage: Bool = false) {
    let mark = directory.identity
    self.mark = mark
    owner = directory.currentOwner.flatMap { $0.process.isAlive == false ? nil : $0 }
    let place = isInFirstStage ? directory.first : directory
    progress = RunProgress(place, place.identity, isTraining: owner != nil)
    secondsBefore =
      directory.stage == 2 ? RunProgress(directory.first, directory.first.identity).seconds ?? 0 : 0
    let edited = try? Configuration.load(json: directory.configurationText())
    let whole = isInFirstStage ? edited : recorded?.configuration ?? edited
    let first = try? whole?.firstStage()
    stages = first.flatMap { first in whole.map { "\($0.model) on the L of \(first.model)" } }
    stageModel = first.flatMap { first in isInFirstStage ? first.model : whole?.model }
    configuration = isInFirstStage ? first : whole
    threshold = recorded.flatMap { $0.progress.threshold > 0 ? $0.progress.threshold : nil }
    changed =
      whole.map {
        $0.changes(
          fromPreset: mark?.request?.preset,
          rows: $0.common.data.modelRows ?? recorded?.checkpoint.manifest.rowLayout?.rows ?? .max,
          of: recorded?.progress.imageShape)
      } ?? []
  }

  // MARK: - Text

  /// Who made the run, and from what.
  var origin: [String] {
    guard let mark else { return ["  made by an earlier version, which kept no record of that"] }
    let preset = mark.request.map { " from \($0.preset)" } ?? ""
    var lines = ["  made \(mark.created)\(preset) by \(mark.program)" + Self.place(mark.first)]
    if let first = mark.first { lines.append("    \(first.command)") }
    if let last = mark.last, mark.sessions > 1 {
      lines.append(
        "  gone on with \(Quantity.count(mark.sessions - 1, "time")), last \(last.started) by "
          + last.program + Self.place(last))
      lines.append("    \(last.command)")
    }
    if !changed.isEmpty {
      let base =
        mark.request.map(\.preset).flatMap { Preset.exists($0) ? $0 : nil } ?? "the defaults"
      lines.append(
        "  differs from \(base) in \(changed.map(ShellWords.quoted).joined(separator: " "))")
    }
    return lines + noise
  }

  private static func place(_ session: RunSession?) -> String {
    guard let session else { return "" }
    return
      ", \(Quantity.count(session.ranks, "rank")) on \(Quantity.list(session.hosts, atMost: 4))"
  }

  private var noise: [String] {
    var words = mark?.noise.map { ["\($0) in its file"] } ?? []
    if let data = configuration?.common.data {
      if !data.staticNoise.isNone { words.append("\(data.staticNoise) of the run (static_noise)") }
      if !data.noise.isNone { words.append("\(data.noise) anew in each step (noise)") }
    }
    return words.isEmpty ? [] : ["  noise: " + words.joined(separator: ", ")]
  }

  /// How the run stands.
  var state: [String] {
    var lines: [String] = []
    if let threshold, let lambda {
      lines.append(
        "  "
          + TrainingDisplay.words(
            threshold: threshold, lambda: lambda, rule: configuration?.loop.shrinkage ?? .soft))
    }
    if let seconds { lines.append("  time spent \(Quantity.clock(seconds))") }
    for kind in ["step", "epoch", "outer", "validation"] {
      guard let line = progress.last[kind] else { continue }
      lines.append("  last \(kind): " + words(line))
    }
    if let owner {
      let left = progress.secondsLeft.map { ", ETA \(Quantity.clock($0))" } ?? ""
      lines.append("  in training by \(owner.words)\(left)")
    }
    return lines
  }

  private var seconds: Double? { progress.seconds.map { $0 + secondsBefore } }

  private var lambda: Double? {
    guard let configuration, let key = configuration.keysRead.first(where: { $0.name == "lambda" })
    else { return nil }
    return configuration[key].number
  }

  /// A line of the log in words: its place, then its numbers with their units.
  private func words(_ line: JSONValue) -> String {
    guard case .object(let members) = line else { return "" }
    let places = ["outer", "epoch", "step"].compactMap { name in
      line[name]?.integer.map { "\(name) \(Quantity.grouped($0))" }
    }
    let known = ["kind", "outer", "epoch", "step", "time", "loss", "images_per_second"]
    let loss = line["loss"]?.number.map {
      "loss \((configuration?.loop.lossUnit ?? .nats).words($0))"
    }
    let numbers = members.filter { !known.contains($0.name) }.compactMap { member in
      member.value.number.map {
        "\(member.name) \(Self.words(member.name, $0) ?? Measure.nats.words($0))"
      }
    }
    let speed = line["images_per_second"]?.number.map {
      "\(Quantity.grouped(Int(min(max(0, $0), 1e15)))) "
        + "\(configuration?.common.data.rowsName ?? "images")/s"
    }
    return (places + [loss].compactMap { $0 } + numbers + [speed].compactMap { $0 })
      .joined(separator: ", ")
  }

  /// A number of a line in words; nil for one in nats.
  static func words(_ name: String, _ value: Double) -> String? {
    switch name {
    case "learning_rate", "lambda_l1", "hidden": Quantity.significant(value)
    case "c1", "c2": Measure.change.words(value)
    case "rank", "components": Quantity.grouped(Int(min(max(0, value), 1e15)))
    case "nonzero", "sparsity", "outside", "explained", "noise_level", "outliers":
      Measure.share.words(value)
    case "accuracy": Measure.accuracy.words(value)
    case "mse", "mse_difference": Measure.squaredError.text(value)
    default: nil
    }
  }

  // MARK: - JSON

  /// Members of the document of `info RUN --json`.
  var members: [JSONValue.Member] {
    func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
    return [
      .init("preset", text(mark?.request?.preset)),
      .init("changed", .array(changed.map { .string($0) })),
      .init("created", text(mark?.created)), .init("program", text(mark?.program)),
      .init("first", mark?.first?.json ?? .null), .init("last", mark?.last?.json ?? .null),
      .init("sessions", .integer(mark?.sessions ?? 0)),
      .init("seconds", seconds.map { .real($0) } ?? .null),
      .init("seconds_left", progress.secondsLeft.map { .real($0) } ?? .null),
      .init("training", text(owner?.words)), .init("noise", text(mark?.noise)),
      .init("threshold", threshold.map { .real($0) } ?? .null),
      .init(
        "latest",
        .object(
          progress.last.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, $0.value) })),
    ]
  }
}

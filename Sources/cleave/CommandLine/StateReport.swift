import Checkpoints
import Runs
import Support
import Training

/// The content of a run or checkpoint, as `cleave info` prints it.
struct StateReport {
  private let path: String
  private let format: String
  private let checkpoint: Checkpoint?
  private let entries: [RunSummary.Entry]
  private let best: String?
  private let model: String?
  private let progress: SavedProgress?
  private let lanes: Int?
  private let rowsName: String
  private let digests: StateDigests?
  private let data: DataIdentity?
  private let story: RunStory?
  /// The stage of a run with two; nil for any other subject.
  private let stage: Int?

  /// Reads the state of a checkpoint, or of a run's newest checkpoint; nil for a run without
  /// checkpoints.
  ///
  /// Of a run in its first stage the checkpoints are those of that stage.
  ///
  /// - Throws: `CheckpointError`, `HDF5Error` or `ConfigurationError` where it cannot be read.
  init(
    path: String, format: String, checkpoint: Checkpoint?, entries: [RunSummary.Entry],
    best: String?, withDigests: Bool
  ) throws {
    self.path = path
    self.format = format
    self.checkpoint = checkpoint
    self.entries = entries
    self.best = best
    let recorded = try checkpoint.map { try RecordedRun($0) }
    model = recorded?.configuration.model
    progress = recorded?.progress
    rowsName = recorded?.configuration.common.data.rowsName ?? "images"
    lanes = checkpoint?.manifest.lanes
    data = try checkpoint?.data()
    digests = withDigests ? try checkpoint?.digests() : nil
    let isRun = format == "cleave-run"
    stage = isRun ? RunDirectory(path).stage : nil
    story = isRun ? RunStory(RunDirectory(path), recorded, isInFirstStage: stage == 1) : nil
  }

  /// The document of `cleave info --json`.
  var json: JSONValue {
    var members = [
      JSONValue.Member("format", .string(format)),
      JSONValue.Member("model", model.map { .string($0) } ?? .null),
      JSONValue.Member("lanes", lanes.map { .integer($0) } ?? .null),
      JSONValue.Member("progress", progressJSON),
      JSONValue.Member("finished", progress.map { _ in .boolean(isFinished) } ?? .null),
      JSONValue.Member("warnings", .array(warnings.map { .string($0.rawValue) })),
    ]
    if let stage {
      members.append(
        JSONValue.Member("stage", ["number": .integer(stage), "of": .integer(RunStage.count)]))
    }
    if let story { members += story.members }
    members.append(JSONValue.Member("data", dataJSON))
    if format == "cleave-run" {
      members.append(JSONValue.Member("checkpoints", .array(entries.map(Self.json))))
      members.append(JSONValue.Member("best", best.map { .string($0) } ?? .null))
    } else if let checkpoint {
      members.append(JSONValue.Member("bytes", .integer(checkpoint.manifest.bytes)))
      members.append(JSONValue.Member("ranks", .integer(checkpoint.manifest.ranks)))
      members.append(JSONValue.Member("blas_kernel", .string(checkpoint.manifest.blasKernel)))
    }
    if let digests {
      members.append(
        JSONValue.Member(
          "digests",
          [
            "model": .string(digests.model), "optimizer": .string(digests.optimizer),
            "split": digests.rowState.map { .string($0) } ?? .null,
          ]))
    }
    return .object(members)
  }

  /// Whether nothing is left to train.
  private var isFinished: Bool { stage != 1 && progress?.progress.finished == true }

  /// The warnings that the run has recorded.
  private var warnings: [CollapseWarning] {
    CollapseWarning.allCases.filter { progress?.progress.warnings.contains($0) == true }
  }

  private static func json(of entry: RunSummary.Entry) -> JSONValue {
    [
      "name": .string(entry.name), "bytes": .integer(entry.bytes), "valid": .boolean(entry.isValid),
      "problems": .array(entry.problems.map { .string($0) }),
    ]
  }

  private var dataJSON: JSONValue {
    guard let data else { return .null }
    func sides(_ shape: [Int]) -> JSONValue { .array(shape.map { .integer($0) }) }
    return .object(
      [
        .init("digest", .string(data.digest)), .init("rows", .integer(data.rows)),
        .init("shape", sides(data.shape)),
      ] + (data.largest.map { [.init("largest", sides($0))] } ?? []) + [
        .init("element", .string(data.element)), .init("path", .string(data.path)),
      ])
  }

  private var progressJSON: JSONValue {
    guard let progress = progress?.progress else { return .null }
    return [
      "outer": .integer(progress.outer), "epoch": .integer(progress.totalEpochs),
      "step": .integer(progress.step), "images_seen": .integer(progress.imagesSeen),
    ]
  }

  /// The report as lines of text.
  var text: String {
    var lines: [String] = []
    let kind = format == "cleave-run" ? "run" : "checkpoint"
    let none =
      entries.isEmpty ? ", nothing saved yet" : ", no checkpoint whose checksums hold"
    let whole = story?.stages ?? model
    lines.append(
      "\(path): \(kind)" + (whole.map { " of \($0)" } ?? "") + (checkpoint == nil ? none : ""))
    if let stage {
      let system = story?.stageModel.map { ", \($0)" } ?? ""
      let place = (progress?.progress).map {
        ": " + ($0.outer > 0 ? "outer \($0.outer), " : "")
          + "epoch \(Quantity.grouped($0.totalEpochs)), step \(Quantity.grouped($0.step))"
      }
      lines.append("  \(RunStage(stage, of: path).words)\(system)\(place ?? "")")
    }
    if let story { lines += story.origin }
    if let progress = progress?.progress, let lanes, let checkpoint {
      lines.append(
        "  outer \(progress.outer), epoch \(progress.totalEpochs), "
          + "step \(Quantity.grouped(progress.step)), "
          + "\(Quantity.grouped(progress.imagesSeen)) \(rowsName) seen"
          + (isFinished ? ", finished" : ""))
      lines.append(
        "  \(Quantity.count(lanes, "lane")), written by "
          + "\(Quantity.count(checkpoint.manifest.ranks, "rank")) with the BLAS kernel "
          + checkpoint.manifest.blasKernel)
    }
    if let data {
      let features = progress.flatMap { $0.imageShape.isFeatures ? $0.imageShape : nil }
      let extent = features?.extent(of: data.rows) ?? data.description
      lines.append("  trained on \(extent), of digest \(data.digest), at \(data.path)")
    } else if checkpoint != nil {
      lines.append("  keeps no digest of the images trained on")
    }
    if let story { lines += story.state }
    for warning in warnings {
      lines.append("  MARKED: \(warning.rawValue.replacing("_", with: " "))")
    }
    for entry in entries {
      let mark = entry.name == best ? ", best" : ""
      lines.append(
        "  \(entry.name)  \(Quantity.bytes(entry.bytes))\(mark)"
          + (entry.isValid ? "" : "  DAMAGED: \(entry.problems.joined(separator: "; "))"))
    }
    if let digests {
      lines.append("  digest of the model      \(digests.model)")
      lines.append("  digest of the optimizer  \(digests.optimizer)")
      if let rowState = digests.rowState { lines.append("  digest of the split      \(rowState)") }
    }
    return lines.map(\.printable).joined(separator: "\n")
  }
}

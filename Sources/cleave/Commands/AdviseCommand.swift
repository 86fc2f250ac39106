import Datasets
import Evaluation
import Foundation
import MPI
import Models
import Support
import Tensors
import Training

/// `cleave advise`: which model and which lambda for these images.
struct AdviseCommand: Subcommand {
  static let name = "advise"
  static let summary = "say what noise images have, and which model and lambda suit them"
  static let details = """
    Looks at the images, trains short runs of a few presets and lambdas on a sample, and ranks them
    without clean images: 15 % of the pixels of other images are hidden, and each model fills
    them in. The lower its error there, the better: the squared error, corrected by the noise, where
    that is known, otherwise Huber's, bent at 0.2. Beside them: the median of the seen neighbours.
    Where no noise of single pixels is found, and images have 32 pixels a side or more, damage is
    planted on them instead, and what the model repairs is compared with X. Of images of mixed sizes,
    and of large ones, the middle is looked at. What cannot be told is said. Clean images in the file
    are not looked at.
    """
  static let operands = [Operand("DATA", "the data set")]
  static let options =
    [
      Option.value("minutes", "M", "about how long it may take (default 5)"),
      Option.value("out", "FILE.json", "write the settings there, for cleave train"),
      Option.split, Option.force, Option.json,
    ] + Option.layout

  private let data: DataOptions
  private let path: String
  private let minutes: Double
  private let out: String?
  private let isForced: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) throws {
    path = arguments.operands[0]
    data = try DataOptions(arguments, path: path)
    let text = arguments.value("minutes") ?? "5"
    guard let minutes = Double(text), minutes > 0, minutes <= 10_000 else {
      throw UsageError("--minutes: found \(text), expected minutes above 0, 10000 at most")
    }
    self.minutes = minutes
    out = arguments.value("out")
    isForced = arguments.has("force")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    Workers.start(1)
    var wanted = Configuration()
    data.store(in: &wanted)
    let images = try data.open(for: wanted, takesMixed: true, on: world, console)
    // Told before minutes are spent.
    try world.agree {
      if images.shape.isFeatures {
        throw UsageError(
          "\(path): found features, expected images, whose noise and models advise knows")
      }
      guard world.isRoot, let out else { return }
      try DatasetWriter.checkTarget(out, force: isForced, inputs: images.files)
    }
    let advisor = Advisor(on: images, minutes: minutes, world: world) { console.progress($0) }
    let advice = try advisor.advise()
    console.closeLine()
    var settings = advice.configuration
    data.store(in: &settings)
    try world.agree {
      guard world.isRoot, let out else { return }
      try FileError.wrap(out) {
        try (settings.json.document + "\n").write(toFile: out, atomically: true, encoding: .utf8)
      }
    }
    let command = trainingCommand(advice)
    console.result(
      isJSON ? Self.document(advice, command).document : text(advice, command, world.size))
    return 0
  }

  /// The command that trains all images as advised.
  private func trainingCommand(_ advice: Advice) -> String {
    if let out { return "cleave train \(ShellWords.quoted(out)) --out RUN" }
    let settings = advice.assignments.map { " --set \($0)" }.joined()
    return
      "cleave train \(advice.preset) --data \(ShellWords.quoted(path))\(data.words)\(settings) --out RUN"
  }

  // MARK: - Text

  private static func percent(_ share: Double) -> String {
    "\(Quantity.decimal(100 * share, 1)) %"
  }

  private static func words(_ noise: NoiseEstimate) -> String {
    let level = percent(noise.level)
    let pixel = noise.isWholePixel ? "pixels" : "values"
    let kind =
      switch noise.kind {
      case .none: noise.blocks ?? 0 > 0 ? "no noise of single pixels" : "none found"
      case .flips: "about \(level) of the \(pixel) flipped: dark ones to 1, bright ones to 0"
      case .impulses:
        "about \(level) of the \(pixel) at 0 or 1, whatever they were"
      case .zeros: "about \(level) of the \(pixel) at 0"
      case .uniform: "about \(level) of the \(pixel) at random values"
      case .gaussian:
        "every value moved, by a standard deviation of \(Quantity.significant(noise.level, 2))"
          + (noise.isClipped ? ", clipped to 0…1" : "")
      case .binary: "binary images, \(level) of the \(pixel) unlike all their neighbours"
      }
    let blocks = noise.blocks ?? 0
    return kind + (blocks > 0 ? "; dark blocks on \(percent(blocks)) of the images" : "")
      + (noise.spec.map { $0 == "none" ? "" : " (like \($0))" } ?? "")
  }

  private func text(_ advice: Advice, _ command: String, _ ranks: Int) -> String {
    let (noise, facts) = (advice.noise, advice.noise.facts)
    let shares = [("are 0", facts.zeros), ("are 1", facts.ones), ("lie beyond", facts.beyond)]
      .map { "\(Self.percent($0.1)) \($0.0)" }.joined(separator: ", ")
    let means = [facts.lowestMean, facts.highestMean].map { Quantity.decimal($0, 3) }
      .joined(separator: " to ")
    let sample = "\(Quantity.grouped(facts.images)) images looked at"
    let isolated = Self.percent(facts.isolated)
    let (trained, judged) = (Quantity.grouped(advice.trained), Quantity.grouped(advice.judged))
    var lines: [String] = [
      "\(path): \(sample): of the values \(shares);",
      "pixel means from \(means); in flat parts \(isolated) of the values stand alone; roughness "
        + Quantity.decimal(facts.roughness, 3),
      "noise: \(Self.words(noise))", "",
      "Trained on \(trained) images for at most \(Quantity.grouped(advice.steps)) steps; "
        + (advice.criterion == .planted
          ? "damage planted on a tenth of \(judged) others and repaired:"
          : "hidden pixels of \(judged) others filled in:"),
    ]
    if let middle = advice.middle {
      lines.insert("of each image the middle, \(middle), was looked at", at: 0)
    }
    switch advice.criterion {
    case .planted:
      lines.append(
        "error: Huber's measure of X - repaired, bent at \(HiddenPixels.bend), X before the damage")
    case .hidden(.huber):
      lines.append("error: Huber's measure of X - L, bent at \(HiddenPixels.bend)")
    case .hidden(.corrected(let offset, let gain)):
      lines.append(
        "error: (X - \(Quantity.significant(Double(offset), 3))) / "
          + "\(Quantity.significant(Double(gain), 3)) - L, squared: by the noise that was found")
    }
    var rows: [[String]] = advice.trials.map { trial -> [String] in
      [
        trial.name, trial.threshold.map { Quantity.significant($0, 3) } ?? "",
        Quantity.decimal(trial.error, 5),
        trial.uncertainty > 0 ? Quantity.decimal(trial.uncertainty, 5) : "",
        Quantity.significant(trial.seconds, 3),
        trial.isConstant ? "all outputs alike" : "",
      ]
    }
    rows.append(
      [
        advice.criterion == .planted ? "5x5 median where it differs" : "median of the neighbours",
        "", Quantity.decimal(advice.medianError, 5), "", "", "",
      ])
    lines.append(
      Columns.text(["model", "lambda", "error", "+- to best", "seconds", ""], rows))
    lines.append("")
    let best = advice.trials[0]
    lines.append(
      "Advice: \(best.name)"
        + (best.threshold.map {
          ", lambda \(Quantity.significant($0, 3)) (threshold=none): what lies farther than that "
            + "from L, on a scale of 0…1, is noise"
        } ?? ""))
    for doubt in advice.doubts { lines.append("Cannot tell: \(doubt).") }
    lines.append(
      "All images take about \(Quantity.clock(advice.seconds)) on "
        + "\(Quantity.count(ranks, "rank")):")
    lines.append("  " + command)
    return lines.joined(separator: "\n")
  }

  // MARK: - JSON

  private static func name(of criterion: Advice.Criterion) -> String {
    switch criterion {
    case .planted: PlantedRepair.name
    case .hidden(.huber): "huber"
    case .hidden(.corrected): "corrected"
    }
  }

  private static func document(_ advice: Advice, _ command: String) -> JSONValue {
    let noise = advice.noise
    let blocks: JSONValue = noise.blocks.map { .real($0) } ?? .null
    let spec: JSONValue = noise.spec.map { .string($0) } ?? .null
    let kind: JSONValue = [
      "kind": .string(noise.kind.rawValue), "level": .real(noise.level),
      "clipped": .boolean(noise.isClipped), "whole_pixels": .boolean(noise.isWholePixel),
      "blocks": blocks, "spec": spec,
    ]
    return [
      "noise": kind, "facts": document(noise.facts),
      "trained": .integer(advice.trained), "judged": .integer(advice.judged),
      "steps": .integer(advice.steps),
      "middle": advice.middle.map {
        .array([.integer($0.height), .integer($0.width), .integer($0.channels)])
      } ?? .null,
      "measure": .string(Self.name(of: advice.criterion)),
      "trials": .array(advice.trials.map { document($0) }),
      "median": .real(advice.medianError), "preset": .string(advice.preset),
      "settings": .array(advice.assignments.map { .string($0) }),
      "seconds": .real(advice.seconds), "command": .string(command),
      "doubts": .array(advice.doubts.map { .string($0) }),
    ]
  }

  private static func document(_ facts: NoiseEstimate.Facts) -> JSONValue {
    [
      "images": .integer(facts.images), "zeros": .real(facts.zeros), "ones": .real(facts.ones),
      "beyond": .real(facts.beyond), "lowest_mean": .real(facts.lowestMean),
      "highest_mean": .real(facts.highestMean), "flat": .real(facts.flat),
      "isolated": .real(facts.isolated), "isolated_zeros": .real(facts.isolatedZeros),
      "isolated_ones": .real(facts.isolatedOnes),
      "isolated_between": .real(facts.isolatedBetween), "roughness": .real(facts.roughness),
    ]
  }

  private static func document(_ trial: Trial) -> JSONValue {
    let lambda: JSONValue = trial.threshold.map { .real($0) } ?? .null
    let uncertainty: JSONValue = trial.uncertainty.isFinite ? .real(trial.uncertainty) : .null
    return [
      "model": .string(trial.name), "lambda": lambda, "error": .real(trial.error),
      "uncertainty": uncertainty, "seconds": .real(trial.seconds),
      "constant": .boolean(trial.isConstant),
    ]
  }
}

import Checkpoints
import Models
import Support
import Training

/// A command of `cleave` that an experiment needs, run in its folder.
public struct Job: Sendable {
  /// What it makes.
  public enum Kind: Sendable { case images, run, reading }

  /// What it makes.
  public let kind: Kind
  /// The file or folder that it makes, relative to the folder: its name, and so alike for equal
  /// work.
  public let output: String
  /// The words after `cleave`.
  public let words: [String]
  /// The outputs that have to be there before.
  public let needs: [String]
  /// What has to lie in the folder of data, and where it comes from; nil for nothing.
  let source: ImageSource?

  /// The command, as a shell takes it.
  public var command: String {
    "cleave " + words.map { ShellWords.quoted($0) }.joined(separator: " ")
  }
}

/// The jobs of some cells, each once; what a job needs comes before it.
public struct JobList: Sendable {
  /// The jobs in the order in which they are begun.
  public private(set) var jobs: [Job] = []
  /// The reading of each cell.
  private(set) var readings: [String] = []
  /// The run of each cell.
  private(set) var runs: [String] = []
  /// How the runs are trained, by their folders.
  private(set) var trainings: [String: (Cell.Training, Configuration)] = [:]
  private var seen: Set<String> = []
  private let isSmoke: Bool
  private let root: String

  /// Lists what cells need.
  ///
  /// - Parameters:
  ///   - isSmoke: whether the project's own images stand for real ones.
  ///   - root: the folder of data.
  /// - Throws: `ConfigurationError` for an unknown preset or setting, with the cell.
  init(_ cells: [Cell], isSmoke: Bool, root: String) throws {
    (self.isSmoke, self.root) = (isSmoke, root)
    for cell in cells {
      do {
        let run = try add(cell.training)
        runs.append(run)
        readings.append(try add(cell.reading, of: run, cell.training))
      } catch let error as ConfigurationError {
        let words = cell.at.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        throw ExperimentError.data("\(words.joined(separator: ", ")): \(error)")
      }
    }
  }

  private mutating func add(_ job: Job) -> String {
    if seen.insert(job.output).inserted { jobs.append(job) }
    return job.output
  }

  /// Adds what makes images.
  private mutating func add(_ images: Cell.Images) -> String {
    let name = images.source + (isSmoke ? "-smoke" : "")
    var clean = "data/\(name).h5"
    if let source = ImageSource.all.first(where: { $0.name == images.source }) {
      let words = isSmoke ? source.ownWords : source.words
      _ = add(
        Job(
          kind: .images, output: clean,
          words: words.map { $0.replacing("{root}", with: root) } + ["--out", clean, "--quiet"],
          needs: [], source: isSmoke ? nil : source))
    }
    if !images.selection.isEmpty {
      let options = images.selection.sorted { $0.key < $1.key }
      let isPlain = options.allSatisfy { option in
        option.value.allSatisfy { $0.isLetter || $0.isNumber || "._".contains($0) }
      }
      let kind = options.map { "\($0.key)-\($0.value)" }.joined(separator: isPlain ? "-" : " ")
      let part = "\(clean.dropLast(".h5".count))-\(Self.plain(kind)).h5"
      clean = add(
        Job(
          kind: .images, output: part,
          words: ["select", clean, part] + options.flatMap { ["--\($0.key)", $0.value] }
            + ["--quiet"],
          needs: [clean], source: nil))
    }
    guard images.noise != "none" else { return clean }
    let noisy = "\(clean.dropLast(".h5".count))-\(Self.plain(images.noise)).h5"
    return add(
      Job(
        kind: .images, output: noisy,
        words: ["corrupt", clean, noisy, "--noise", images.noise, "--quiet"], needs: [clean],
        source: nil))
  }

  /// Adds what trains a model.
  ///
  /// Of its checkpoints the last is kept, which is no setting of the result.
  private mutating func add(_ training: Cell.Training) throws -> String {
    var configuration = try Preset.named(training.preset).configuration()
    for assignment in training.assignments { try configuration.set(assignment) }
    let file = add(training.images)
    let name = [training.preset, String(file.dropFirst("data/".count).dropLast(".h5".count))]
    let digest = Self.digest(configuration.assignments + [file])
    let run = "runs/\(name.joined(separator: "-"))-\(digest)"
    trainings[run] = (training, configuration)
    let kept = training.assignments.contains { $0.hasPrefix("keep_last=") } ? [] : ["keep_last=1"]
    let settings = (training.assignments + kept).flatMap { ["--set", $0] }
    return add(
      Job(
        kind: .run, output: run,
        words: ["train", training.preset] + settings
          + ["--data", file, "--out", run, "--quiet"],
        needs: [file], source: nil))
  }

  /// Adds what measures a run.
  private mutating func add(
    _ reading: Cell.Reading, of run: String, _ training: Cell.Training
  ) throws -> String {
    let file = add(reading.images ?? training.images)
    let net = try reading.net.map { try add($0) }
    var words = reading.isCourse ? ["compare"] : ["evaluate"]
    words += [run, "--metrics", reading.metric, "--data", file]
    if reading.isCourse { words.append("--checkpoints") }
    for (name, value) in reading.options.sorted(by: { $0.key < $1.key }) {
      words += value == "true" ? ["--\(name)"] : ["--\(name)", value]
    }
    if let net { words += ["--net", net] }
    words += ["--json", "--quiet"]
    let name = "\(run.dropFirst("runs/".count))-\(reading.metric)-\(Self.digest(words))"
    return add(
      Job(
        kind: .reading, output: "readings/\(name).json", words: words,
        needs: [run, file] + (net.map { [$0] } ?? []), source: nil))
  }

  /// A text as a part of a file's name, with a digest where the name alone would not tell it.
  private static func plain(_ text: String) -> String {
    let name = String(text.map { $0.isLetter || $0.isNumber || "._-".contains($0) ? $0 : "-" })
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isPlain = parts.count <= 2 && parts.joined(separator: "-") == name
    return isPlain ? name : "\(name)-\(digest([text]))"
  }

  private static func digest(_ words: [String]) -> String {
    let digest = Digest()
    digest.update(Array(words.joined(separator: "\n").utf8))
    return String(digest.text.prefix(8))
  }
}

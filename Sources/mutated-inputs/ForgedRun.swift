import Checkpoints
import Datasets
import Evaluation
import Foundation
import Guard
import HDF5
import Models
import Runs
import Support
import Training

/// A run whose files are forged: each has the right checksum, and says what no run says.
///
/// Each forgery is read as `info --verify --digest`, `denoise` and `train --resume` read a run.
/// None of them may open a file outside of the run: a canary tells.
final class ForgedRun {
  /// Which files are forged.
  enum Kind: String, CaseIterable {
    /// `manifest.json`.
    case manifest
    /// The configuration in a checkpoint, and the documents of the run.
    case settings
    /// `checkpoint.h5`.
    case contents
  }

  private let kind: Kind
  private let run: RunDirectory
  private let checkpoint: String
  private let canary: String
  private let images: ImageSet
  private var originals: [String: Data] = [:]
  private var expected: [String] = []
  private let watch: Int32

  /// - Parameter folder: holds a run, `run`, with two checkpoints at least.
  init(_ kind: Kind, folder: String) throws {
    // Much more than any forgery may need.
    var limit = rlimit(rlim_cur: 8 << 30, rlim_max: 8 << 30)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
    self.kind = kind
    run = RunDirectory(folder + "/run")
    canary = folder + "/canary.h5"
    let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints)
    checkpoint = "\(run.checkpoints)/\(names.filter { $0.hasPrefix("step-") }.max() ?? "")"
    if access(canary, F_OK) != 0 {
      let file = try File.create(canary)
      try file.createDataset("/w", .float32, shape: [4]).write([1, 2, 3, 4] as [Float])
      try file.close()
    }
    let recorded = try RecordedRun(Checkpoint(directory: checkpoint)).configuration.common.data
    images = try ImageSet.open(recorded.data, options: recorded.imageSetOptions)
    for name in ["manifest.json", "checkpoint.h5"] {
      originals["\(checkpoint)/\(name)"] = try Self.bytes(of: "\(checkpoint)/\(name)")
    }
    for path in [run.configuration, run.metrics, run.mark] {
      originals[path] = try Self.bytes(of: path)
    }
    watch = inotify_init1(Int32(IN_NONBLOCK))
    expected = try results()
    guard inotify_add_watch(watch, canary, UInt32(IN_OPEN)) >= 0 else {
      throw InputFailure("\(canary): cannot be watched")
    }
  }

  private static func bytes(of path: String) throws -> Data {
    try Data(contentsOf: URL(filePath: path))
  }

  /// What comes of forgery `number`.
  func outcome(seed: Int, _ number: Int) throws -> String {
    try forge(seed: seed, number)
    defer { putBack() }
    _ = wasCanaryOpened()
    let started = Date()
    let found = try results()
    guard -started.timeIntervalSinceNow < 10 else {
      throw InputFailure("took \(-started.timeIntervalSinceNow) s")
    }
    if wasCanaryOpened() { throw InputFailure("a file outside of the run was opened") }
    if found == expected { return "same" }
    let isRefused = found.contains { $0.hasPrefix("refused") }
    let newest = URL(filePath: checkpoint).lastPathComponent
    // A checkpoint that is damaged makes room for the one before it.
    return isRefused || found[2].contains(newest) == false ? "refused" : "changed"
  }

  private func wasCanaryOpened() -> Bool {
    var events = [UInt8](repeating: 0, count: 1 << 14)
    return read(watch, &events, events.count) > 0
  }

  /// Writes every file anew, since a forgery may be a link or a pipe.
  private func putBack() {
    unlink("\(run.path)/owner.json")
    for (path, data) in originals { replace(path, data) }
  }

  private func replace(_ path: String, _ data: Data) {
    unlink(path)
    _ = FileManager.default.createFile(atPath: path, contents: data)
  }

  // MARK: - Reading

  /// What the ways of reading a run find, each a line.
  private func results() throws -> [String] {
    [
      try found("info") {
        let summary = try RunSummary(run: run.path, check: .checksums)
        let newest = try summary.newest.map { checkpoint in
          let recorded = try RecordedRun(checkpoint)
          return "\(recorded.configuration.model) \(recorded.progress.progress) "
            + "\(try checkpoint.digests())"
        }
        let owner = run.currentOwner.map {
          "\($0.words) \($0.process.isAlive.map(String.init) ?? "")"
        }
        return "\(summary.checkpoints.map { "\($0.name) \($0.problems)" }) \(newest ?? "none") "
          + "\(summary.best ?? "") \(run.identity.map { "\($0)" } ?? "") \(owner ?? "") "
          + "\(try RunLog.steps(of: run).map(\.step))"
      },
      try found("denoise") {
        let trained = try TrainedModel(run: run, on: .alone())
        let output = NSTemporaryDirectory() + "/forged-\(getpid()).h5"
        defer { unlink(output) }
        try Outputs(trained, force: true, world: .alone()).denoise(images, to: output)
        let values = try File.open(output).dataset("/S").readAll(as: Float.self)
        return "\(trained.checkpoint.name) \(values.prefix(100))"
      },
      try found("resume") {
        var warnings: [String] = []
        let settings = try RunSettings.read(run) { warnings.append($0) }
        var digests = ""
        let name = try TrainingRun.replay(
          settings, on: images, in: run, steps: 1, world: .alone()
        ) { digests = "\($0.tensorDigests().map(\.digest))" }
        return "\(name) \(digests) \(warnings)"
      },
    ]
  }

  private func found(_ what: String, _ body: () throws -> String) throws -> String {
    do { return try body() } catch {
      // Rows, weights and steps may be numbers that no training goes on with.
      let isKnown = error is HDF5Error || error is DatasetError || error is NonFiniteError
      let status = isKnown ? 65 : exitStatus(of: error)
      let text = "\(error)"
      guard status == 65, !text.isEmpty, text.utf8.count < 20_000 else {
        throw InputFailure("\(what): \(type(of: error)), status \(status): \(text.prefix(500))")
      }
      return "refused: \(text)"
    }
  }

  // MARK: - Forging

  /// Forges files; they stay so.
  func forge(seed: Int, _ number: Int) throws {
    var chance = SplitMix64(seed: seed &* 1_000_003 &+ number)
    let json = ForgedJSON(paths: [canary, "../../../canary.h5", "../canary.h5"])
    switch kind {
    case .manifest: try forgeManifest(json, &chance)
    case .settings: try forgeSettings(json, &chance)
    case .contents: try forgeContents(&chance)
    }
  }

  private func document(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: String(decoding: originals[path] ?? Data(), as: UTF8.self))
  }

  private func forgeManifest(_ json: ForgedJSON, _ chance: inout SplitMix64) throws {
    let path = checkpoint + "/manifest.json"
    if chance.next(below: 20) == 0 { return forgeKind(of: path, &chance) }
    let manifest = try document(path)
    let forged =
      chance.next(below: 10) == 0
      ? try Self.naming(canary, as: json.paths[chance.next(below: 3)], in: manifest)
      : json.forge(manifest, &chance)
    replace(path, Data(ForgedJSON.signed(forged).utf8))
  }

  /// The manifest with another file in the place of its first, as if it belonged to it.
  private static func naming(
    _ file: String, as name: String, in manifest: JSONValue
  ) throws -> JSONValue {
    guard case .object(let members) = manifest, case .array(var files)? = manifest["files"] else {
      return manifest
    }
    let data = try bytes(of: file)
    let digest = Digest()
    digest.update(Array(data))
    files[0] = [
      "file": .string(name), "bytes": .integer(data.count), "checksum": .string(digest.text),
    ]
    return .object(members.map { $0.name == "files" ? .init("files", .array(files)) : $0 })
  }

  /// Puts a link, a pipe, a folder or nothing in the place of a file.
  private func forgeKind(of path: String, _ chance: inout SplitMix64) {
    unlink(path)
    switch chance.next(below: 5) {
    case 0: symlink(canary, path)
    case 1: symlink("/dev/zero", path)
    case 2: mkfifo(path, 0o666)
    case 3: symlink(path, path)
    default: break
    }
  }

  private func forgeSettings(_ json: ForgedJSON, _ chance: inout SplitMix64) throws {
    let configuration = json.forge(try document(run.configuration), &chance)
    switch chance.next(below: 8) {
    case 0: replace(run.configuration, Data(configuration.document.utf8))
    case 1:
      try replaceConfiguration(configuration)
    case 2...4:
      // Both agree, as in a run from elsewhere.
      try replaceConfiguration(configuration)
      replace(run.configuration, Data(configuration.document.utf8))
    case 5:
      let paths = [run.configuration, run.mark, run.metrics]
      forgeKind(of: paths[chance.next(below: 3)], &chance)
    case 6:
      let owner: JSONValue = [
        "id": "x", "host": "h", "machine": "m", "since": "now", "process": 1, "process_start": 1,
        "renewals": 1,
      ]
      replace("\(run.path)/owner.json", Data(json.forge(owner, &chance).document.utf8))
      replace(run.mark, Data(json.forge(try document(run.mark), &chance).document.utf8))
    default:
      let lines = String(decoding: originals[run.metrics] ?? Data(), as: UTF8.self)
        .split(separator: "\n")
      let forged = lines.map { line in
        (try? JSONValue(parsing: String(line))).map { json.forge($0, &chance).line } ?? ""
      }
      replace(run.metrics, Data((forged.joined(separator: "\n") + "\n").utf8))
    }
  }

  private func replaceConfiguration(_ document: JSONValue) throws {
    let path = checkpoint + "/checkpoint.h5"
    replace(path, originals[path] ?? Data())
    ForgedContents.replaceConfiguration(in: path, by: document.document)
    try sign(path)
  }

  private func forgeContents(_ chance: inout SplitMix64) throws {
    let path = checkpoint + "/checkpoint.h5"
    if chance.next(below: 40) == 0 { return forgeKind(of: path, &chance) }
    var data = originals[path] ?? Data()
    if chance.next(below: 3) == 0 {
      for _ in 0...chance.next(below: 4) { MutatedInputs.mutate(&data, &chance) }
      replace(path, data)
    } else {
      replace(path, data)
      ForgedContents(canary: canary).forge(path, &chance)
    }
    try sign(path)
  }

  /// Puts the size and the checksum of `checkpoint.h5` into the manifest.
  private func sign(_ path: String) throws {
    let data = try Self.bytes(of: path)
    let digest = Digest()
    digest.update(Array(data))
    let manifest = try document(checkpoint + "/manifest.json")
    guard case .object(let members) = manifest, case .array(let files)? = manifest["files"] else {
      return
    }
    let signed = files.map { file -> JSONValue in
      guard file["file"] == "checkpoint.h5" else { return file }
      return [
        "file": "checkpoint.h5", "bytes": .integer(data.count), "checksum": .string(digest.text),
      ]
    }
    let forged = JSONValue.object(
      members.map { $0.name == "files" ? .init("files", .array(signed)) : $0 })
    replace(checkpoint + "/manifest.json", Data(ForgedJSON.signed(forged).utf8))
  }
}

import Checkpoints
import Datasets
import Foundation
import HDF5
import MPI
import Runs
import Support
import Training

/// `cleave info`: shows the content of a data set, a run or a checkpoint.
struct InfoCommand: Subcommand {
  static let name = "info"
  static let summary = "tell what a data set, a run, a checkpoint or a result holds"
  static let details = """
    Without --verify only the sizes of a checkpoint's files are compared with its manifest. With
    it, every byte is; the status is 65 if anything is damaged. Digests are checksums of the
    values alone: equal training states have equal digests, whatever number of ranks wrote them.
    """
  static let operands = [
    Operand(
      "PATH",
      "a data set, an HDF5 file, the directory of a run or of a checkpoint, or what a command wrote"
    )
  ]
  static let options =
    [
      Option.flag("verify", "check every checksum, and every pixel of a float data set"),
      Option.flag("digest", "checksums of weights, optimizer state and split"), Option.json,
    ] + Option.layout

  private let path: String
  private let isVerified: Bool
  private let isDigested: Bool
  private let isJSON: Bool
  private let layout: ImageSetOptions?

  init(_ arguments: Arguments) throws {
    let operand = arguments.operands[0]
    path = operand.count > 1 && operand.hasSuffix("/") ? String(operand.dropLast()) : operand
    isVerified = arguments.has("verify")
    isDigested = arguments.has("digest")
    isJSON = arguments.has("json")
    layout = try DataOptions.layout(arguments)
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      if layout == nil, let report = try OutputReport(of: path) {
        if isDigested {
          throw UsageError("--digest: \(path) is no run, and only checkpoints have digests")
        }
        if isVerified {
          throw UsageError(
            "--verify: \(path) is a result, and only data sets and checkpoints can be verified")
        }
        report.print(on: console, asJSON: isJSON)
        return 0
      }
      switch try Subject(at: path) {
      case .dataset: return try printDataset(on: console)
      case .run: return try printRun(on: console)
      case .groups:
        if isDigested || isVerified {
          throw UsageError(
            "--\(isDigested ? "digest" : "verify"): \(path) holds runs of groups; name one of them")
        }
        try GroupReport(of: path).print(on: console, asJSON: isJSON)
        return 0
      case .checkpoint(let directory): return try printCheckpoint(directory, on: console)
      }
    }
  }

  /// The kind of object at a path.
  private enum Subject {
    case dataset
    case run
    case groups
    case checkpoint(String)

    init(at path: String) throws {
      let manager = FileManager.default
      var isDirectory: ObjCBool = false
      guard manager.fileExists(atPath: path, isDirectory: &isDirectory) else {
        throw DatasetError.file(file: path, reason: "no such file or directory")
      }
      if !isDirectory.boolValue {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let isContents = path.hasSuffix("checkpoint.h5")
        let isCheckpoint = isContents && manager.fileExists(atPath: folder + "/manifest.json")
        self = isCheckpoint ? .checkpoint(folder) : .dataset
      } else if manager.fileExists(atPath: path + "/manifest.json") {
        self = .checkpoint(path)
      } else if GroupRuns.isThere(path) {
        self = .groups
      } else if RunDirectory(path).holdsRun {
        try RunDirectory(path).checkReadable()
        self = .run
      } else if manager.fileExists(atPath: path + "/checkpoints") {
        self = .run
      } else {
        throw DatasetError.mismatch(
          file: path, item: "directory", found: "neither config.json nor manifest.json",
          expected: "a run or a checkpoint")
      }
    }
  }

  // MARK: Data sets

  private func printDataset(on console: Console) throws -> Int32 {
    if let file = try ForeignFile(of: path, isExternal: layout?.isExternal ?? false) {
      return try printForeign(file, on: console)
    }
    if layout != nil {
      throw UsageError(
        "--images, --layout, --shape, --scale and --external describe files of other programs: "
          + "\(path) is Cleave's own")
    }
    let report = try DatasetReport(of: path)
    if isDigested {
      throw UsageError("--digest: \(path) is a data set, and only checkpoints have digests")
    }
    if isVerified {
      for split in report.splits { _ = try ImageSet.open(path, split: split) }
      for split in report.mixedSplits { try MixedPictures.check(path, split: split) }
    }
    report.print(on: console, asJSON: isJSON)
    return 0
  }

  /// Prints the arrays of a file from elsewhere, and how the images are read that options name.
  private func printForeign(_ file: ForeignFile, on console: Console) throws -> Int32 {
    if isDigested {
      throw UsageError("--digest: \(path) is no run, and only checkpoints have digests")
    }
    if isVerified, layout == nil {
      throw UsageError(
        "--verify: \(path) is of another program: --images names what to read of it")
    }
    let images = try layout.map { try ImageSet.open(path, options: $0) }
    let reading = images?.reading
    if isJSON {
      let arrays = file.arrays.map {
        JSONValue.Member(
          $0.name,
          .object([
            JSONValue.Member("type", .string($0.type)),
            JSONValue.Member("shape", .array($0.shape.map { .integer($0) })),
          ]))
      }
      var members = [
        JSONValue.Member("format", .string("hdf5")), JSONValue.Member("arrays", .object(arrays)),
      ]
      if let reading { members.append(JSONValue.Member("reading", .string(reading))) }
      console.result(JSONValue.object(members).document)
      return 0
    }
    let lines = file.arrays.map { "  \($0.name.printable): \($0.type) \($0.shape)" }
    let advice =
      reading ?? "cleave import hdf5 makes a data set of it; --images PATH shows how it is read"
    console.result(
      (["\(path.printable): an HDF5 file of another program"] + lines + ["  \(advice.printable)"])
        .joined(separator: "\n"))
    return 0
  }

  // MARK: Runs and checkpoints

  private func printRun(on console: Console) throws -> Int32 {
    let directory = RunDirectory(path)
    // Of a run in its first stage that stage is shown.
    let shown = directory.stage == 1 ? directory.first : directory
    let check = isVerified ? Checkpoint.Check.checksums : .sizes
    let run = try RunSummary(run: shown.path, check: check)
    let report = try StateReport(
      path: path, format: "cleave-run", checkpoint: run.newest, entries: run.checkpoints,
      best: run.best, withDigests: isDigested)
    console.result(isJSON ? report.json.document : report.text)
    guard isVerified else { return 0 }
    if directory.stage == 2 { try verifyFirst(of: directory, run.newest) }
    return run.checkpoints.contains { !$0.isValid } ? 65 : 0
  }

  /// Compares what a first stage has handed over with the digest in the newest checkpoint.
  private func verifyFirst(of directory: RunDirectory, _ checkpoint: Checkpoint?) throws {
    let rows = try ImageSet.open(directory.firstRows)
    guard let expected = try checkpoint?.data()?.first else { return }
    let found = try DataIdentity(of: rows, rows: rows.count, on: .alone()).digest
    guard found != expected else { return }
    throw DatasetError.damaged(
      file: directory.firstRows, problem: "found rows of digest \(found), expected \(expected)")
  }

  private func printCheckpoint(_ directory: String, on console: Console) throws -> Int32 {
    let checkpoint = try Checkpoint(directory: directory)
    let problems = checkpoint.problems(isVerified ? .checksums : .sizes)
    if let first = problems.first {
      throw DatasetError.damaged(file: directory, problem: first)
    }
    let report = try StateReport(
      path: directory, format: "cleave-checkpoint", checkpoint: checkpoint, entries: [], best: nil,
      withDigests: isDigested)
    console.result(isJSON ? report.json.document : report.text)
    return 0
  }
}

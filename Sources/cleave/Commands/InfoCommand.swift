import Checkpoints
import Datasets
import Foundation
import HDF5
import MPI
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
      "PATH", "a data set, the directory of a run or of a checkpoint, or what a command wrote")
  ]
  static let options = [
    Option.flag("verify", "check every checksum, and every pixel of a float data set"),
    Option.flag("digest", "checksums of weights, optimizer state and split"), Option.json,
  ]

  private let path: String
  private let isVerified: Bool
  private let isDigested: Bool
  private let isJSON: Bool

  init(_ arguments: Arguments) {
    let operand = arguments.operands[0]
    path = operand.count > 1 && operand.hasSuffix("/") ? String(operand.dropLast()) : operand
    isVerified = arguments.has("verify")
    isDigested = arguments.has("digest")
    isJSON = arguments.has("json")
  }

  func run(on world: Communicator, _ console: Console) throws -> Int32 {
    try world.onRoot {
      if let report = try OutputReport(of: path) {
        if isDigested {
          throw UsageError("--digest: \(path) is no run, and only checkpoints have digests")
        }
        report.print(on: console, asJSON: isJSON)
        return 0
      }
      switch try Subject(at: path) {
      case .dataset: return try printDataset(on: console)
      case .run: return try printRun(on: console)
      case .checkpoint(let directory): return try printCheckpoint(directory, on: console)
      }
    }
  }

  /// The kind of object at a path.
  private enum Subject {
    case dataset
    case run
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
    let report = try DatasetReport(of: path)
    if isDigested {
      throw UsageError("--digest: \(path) is a data set, and only checkpoints have digests")
    }
    if isVerified {
      for split in report.splits { _ = try ImageSet.open(path, split: split) }
    }
    report.print(on: console, asJSON: isJSON)
    return 0
  }

  // MARK: Runs and checkpoints

  private func printRun(on console: Console) throws -> Int32 {
    let run = try RunSummary(run: path, check: isVerified ? .checksums : .sizes)
    let report = try StateReport(
      path: path, format: "cleave-run", checkpoint: run.newest, entries: run.checkpoints,
      best: run.best, withDigests: isDigested)
    console.result(isJSON ? report.json.document : report.text)
    return isVerified && run.checkpoints.contains { !$0.isValid } ? 65 : 0
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

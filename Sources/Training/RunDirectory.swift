import Foundation
import MPI
import Support

/// The places of a run's files (docs/files.md): `config.json`, `metrics.jsonl`, `checkpoints/`,
/// `images/`.
public struct RunDirectory: Sendable {
  /// The directory itself.
  public let path: String

  /// The directory at `path`, which need not exist.
  public init(_ path: String) { self.path = path }

  /// The resolved configuration.
  public var configuration: String { path + "/config.json" }
  /// The log, one JSON object a line.
  public var metrics: String { path + "/metrics.jsonl" }
  /// The folder of checkpoints.
  public var checkpoints: String { path + "/checkpoints" }
  /// The folder of PNG grids.
  public var images: String { path + "/images" }

  /// Whether the directory holds a run, that is, a configuration.
  public var isRun: Bool { FileManager.default.fileExists(atPath: configuration) }

  /// Makes the directory of a new run with its configuration.
  ///
  /// Rank 0 only.
  ///
  /// - Parameters:
  ///   - configuration: the run's, as a JSON document.
  ///   - replacing: whether to remove a run that is already there.
  /// - Throws: `RunError` when something is already there, or the directory cannot be written.
  public func create(configuration: String, replacing: Bool) throws {
    let files = FileManager.default
    if files.fileExists(atPath: path) {
      let content = (try? files.contentsOfDirectory(atPath: path)) ?? [path]
      if !content.isEmpty {
        guard replacing && isRun else {
          throw RunError.exists(path, isRun: isRun)
        }
        try FileError.wrap(path) { try files.removeItem(atPath: path) }
      }
    }
    func makeFolder(_ folder: String) throws {
      try FileError.wrap(path) {
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
      }
    }
    // Write the configuration first: a directory with content and no configuration is no run.
    try makeFolder(path)
    try write(configuration: configuration)
    for folder in [checkpoints, images] { try makeFolder(folder) }
  }

  /// Writes a new `config.json`, by a rename.
  ///
  /// Rank 0 only.
  public func write(configuration document: String) throws {
    try FileError.wrap(configuration) {
      try (document + "\n").write(
        toFile: self.configuration, atomically: true, encoding: .utf8)
    }
  }
}

/// A run directory that cannot be used: an error of one line that names it.
public enum RunError: ExitStatusError, Equatable, CustomStringConvertible {
  case exists(String, isRun: Bool)
  case noRun(String)
  case vanished(String)
  case noCheckpoint(String)
  case data(String, String)

  /// One line.
  public var description: String {
    switch self {
    case .exists(let path, isRun: true):
      "\(path): found a run, expected a new directory; go on with it by --resume \(path), or "
        + "replace it by --force"
    case .exists(let path, isRun: false):
      "\(path): found a file or a directory that is no run, expected a new directory"
    case .noRun(let path): "\(path): found no run there (no config.json), expected a run directory"
    case .vanished(let path):
      "\(path): the run's directory is gone or another one (no config.json any more); nothing is "
        + "written there"
    case .noCheckpoint(let path):
      "\(path): found no checkpoint whose checksums hold, expected at least one"
    case .data(let path, let reason): "\(path): \(reason)"
    }
  }

  /// 64 for usage, 65 for data, 1 for other errors.
  public var exitStatus: Int32 {
    switch self {
    case .exists, .noRun: 64
    case .noCheckpoint, .data: 65
    case .vanished: 1
    }
  }
}

import Foundation
import HDF5

/// A committed checkpoint: a directory whose manifest holds.
public struct Checkpoint: Sendable {
  /// The path of its directory.
  public let directory: String
  /// Its files and their checksums.
  public let manifest: Manifest
  /// Its files, where they are held open; nil where they are opened by their names.
  let held: HeldFiles?

  /// Opens a checkpoint.
  ///
  /// The manifest is checked, the files it lists are not: see `problems(_:)`.
  ///
  /// - Throws: `CheckpointError` if there is no checkpoint or its manifest is damaged.
  public init(directory: String) throws {
    let (manifest, _) = try Manifest.read(in: directory)
    self.init(directory: directory, manifest: manifest)
  }

  init(directory: String, manifest: Manifest, held: HeldFiles? = nil) {
    self.directory = directory
    self.manifest = manifest
    self.held = held
  }

  /// The file of everything but the rows, for errors.
  public var contentsPath: String { path(of: ContentsFile.name) }

  /// The name of one of its files, for errors.
  func path(of file: String) -> String { "\(directory)/\(file)" }

  /// The path under which one of its files is opened.
  func openPath(of file: String) -> String { held?.path(of: file) ?? path(of: file) }

  /// The last component of its path, such as "step-00001200".
  public var name: String { URL(fileURLWithPath: directory).lastPathComponent }

  /// How thoroughly a checkpoint is looked at.
  public enum Check: Sendable {
    /// Every file is there and has its size.
    case sizes
    /// In addition, the bytes of everything but the rows are compared with their checksum.
    case contents
    /// Every byte is read and compared with the checksums.
    case checksums
  }

  /// The problems of its files, one line a damaged file; empty when it is whole.
  ///
  /// With `checksums`, what nobody could read counts as well, whatever its checksum is.
  public func problems(_ check: Check = .checksums) -> [String] {
    let problems = manifest.files.compactMap { problem(with: $0, check) }
    guard check == .checksums, problems.isEmpty else { return problems }
    do { _ = try contents() } catch { return ["\(error)"] }
    return []
  }

  /// The problem of one of its files; nil for a whole file.
  func problem(with file: Manifest.File, _ check: Check) -> String? {
    do {
      let (path, opened) = (path(of: file.file), openPath(of: file.file))
      let size = try Disk.size(of: path, through: opened)
      guard size == file.bytes else {
        return "\(file.file): found \(size) bytes, expected \(file.bytes)"
      }
      if check == .sizes || (check == .contents && file.file != ContentsFile.name) { return nil }
      let found = try Disk.checksum(of: path, through: opened).checksum
      return found == file.checksum ? nil : "\(file.file): checksum does not match: damaged"
    } catch {
      return "\(file.file): \(error.message)"
    }
  }
}

// MARK: - Contents

extension Checkpoint {
  /// Everything but the row state.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks something; `CheckpointError` if its progress
  ///   is not that of the manifest.
  public func contents() throws -> CheckpointContents {
    let contents = try reading { file throws(HDF5Error) in try ContentsFile.contents(in: file) }
    try check(contents.progress)
    if let named = manifest.data, named != contents.data?.digest {
      throw CheckpointError(
        path: contentsPath,
        message:
          "/data: found images of digest \(contents.data?.digest ?? "none"), expected \(named) as in "
          + Manifest.fileName)
    }
    return contents
  }

  /// The counters alone.
  ///
  /// - Throws: the errors of `contents()`.
  public func progress() throws -> Progress {
    let progress = try reading { file throws(HDF5Error) in try ContentsFile.progress(in: file) }
    try check(progress)
    return progress
  }

  /// Makes sure that the counters are those of the manifest.
  private func check(_ progress: Progress) throws(CheckpointError) {
    for (name, found, expected) in [
      ("step", progress.step, manifest.step), ("lanes", progress.lanes, manifest.lanes),
    ] where found != expected {
      throw CheckpointError(
        path: contentsPath,
        message:
          "/progress: \(name): found \(found), expected \(expected) as in \(Manifest.fileName)")
    }
  }

  /// The shapes of the model's arrays, by name; the arrays themselves are not read.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks them.
  public func modelShapes() throws -> [String: [Int]] {
    try reading { file throws(HDF5Error) in try ContentsFile.modelShapes(in: file) }
  }

  /// The configuration alone, one JSON object.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks it.
  public func configuration() throws -> String {
    try reading { file throws(HDF5Error) in try ContentsFile.configuration(in: file) }
  }

  /// The images trained on alone; nil in checkpoints of earlier versions.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` cannot be read.
  public func data() throws -> DataIdentity? {
    try reading { file throws(HDF5Error) in try ContentsFile.data(in: file) }
  }

  /// Opens `checkpoint.h5` and lets `body` read it; `body` calls nothing but HDF5.
  func reading<Result>(_ body: (File) throws(HDF5Error) -> Result) throws -> Result {
    // HDF5 would follow a link.
    let opened = openPath(of: ContentsFile.name)
    let size = try Disk.size(of: contentsPath, through: opened)
    return try UntrustedRead.guarded(contentsPath, bytes: size) { () throws(HDF5Error) in
      try body(try ContentsFile.open(contentsPath, through: opened))
    }
  }
}

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
    /// Every byte is read and compared with the checksums.
    case checksums
  }

  /// The problems of its files, one line a damaged file; empty when it is whole.
  public func problems(_ check: Check = .checksums) -> [String] {
    manifest.files.compactMap { problem(with: $0, check) }
  }

  /// The problem of one of its files; nil for a whole file.
  func problem(with file: Manifest.File, _ check: Check) -> String? {
    do {
      let path = openPath(of: file.file)
      let size = try Disk.size(of: path)
      guard size == file.bytes else {
        return "\(file.file): found \(size) bytes, expected \(file.bytes)"
      }
      if check == .sizes { return nil }
      let found = try Disk.checksum(of: path).checksum
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
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks something.
  public func contents() throws -> CheckpointContents {
    try ContentsFile.contents(in: try openContents())
  }

  /// The counters alone.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks them.
  public func progress() throws -> Progress {
    try ContentsFile.progress(in: try openContents())
  }

  /// The configuration alone, one JSON object.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` lacks it.
  public func configuration() throws -> String {
    try ContentsFile.configuration(in: try openContents())
  }

  /// The images trained on alone; nil in checkpoints of earlier versions.
  ///
  /// - Throws: `HDF5Error` if `checkpoint.h5` cannot be read.
  public func data() throws -> DataIdentity? {
    try ContentsFile.data(in: try openContents())
  }

  func openContents() throws(HDF5Error) -> File {
    try ContentsFile.open(path(of: ContentsFile.name), through: openPath(of: ContentsFile.name))
  }
}

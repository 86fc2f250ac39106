import Foundation
import Support

/// Files of a checkpoint's directory that are open, so that a reader keeps them when the run that
/// writes checkpoints removes this one.
///
/// The system keeps the content of a file that has no name any more for whoever has it open, and
/// offers it under `/proc/self/fd`.
final class HeldFiles: Sendable {
  private let directory: String
  private let folder: Int32
  private let files: [String: Int32]

  /// Opens a directory and some of its files.
  ///
  /// A file that cannot be opened, or is no regular file, is not held; whoever reads it finds out
  /// why.
  ///
  /// - Throws: `CheckpointError` if the directory cannot be opened.
  convenience init(_ directory: String, _ names: [String]) throws(CheckpointError) {
    let folder = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { throw Disk.failure("open", directory) }
    self.init(directory, folder, names)
  }

  private init(_ directory: String, _ folder: Int32, _ names: [String]) {
    self.directory = directory
    self.folder = folder
    var files: [String: Int32] = [:]
    for name in names where files[name] == nil {
      if let file = try? RegularFile.open(name, in: folder) { files[name] = file }
    }
    self.files = files
  }

  deinit {
    for file in files.values { close(file) }
    close(folder)
  }

  /// The same directory with other files.
  func holding(_ names: [String]) -> HeldFiles {
    HeldFiles(directory, fcntl(folder, F_DUPFD_CLOEXEC, 0), names)
  }

  /// A path under which a file of the directory can be opened, whatever its name is now.
  func path(of name: String) -> String {
    files[name].map { "/proc/self/fd/\($0)" } ?? "/proc/self/fd/\(folder)/\(name)"
  }

  /// Whether a path leads to a file that is open, and not to a name.
  static func isHeld(_ path: String) -> Bool {
    let prefix = "/proc/self/fd/"
    return path.hasPrefix(prefix) && path.dropFirst(prefix.count).allSatisfy(\.isNumber)
  }

  /// Whether the directory still has its name: it was neither removed nor replaced.
  var isInPlace: Bool {
    var (named, held) = (stat(), stat())
    return stat(directory, &named) == 0 && fstat(folder, &held) == 0
      && named.st_dev == held.st_dev && named.st_ino == held.st_ino
  }
}

import Glibc

/// The way on which `launch/cleave` learns the exit status of ranks that end together.
///
/// `mpirun` explains each status but 0 with a text of its own, after the program's last line.
/// Where the script has made a file for it, rank 0 writes the status there, and all ranks end
/// with 0.
enum LauncherStatus {
  private static let variable = "CLEAVE_STATUS"
  nonisolated(unsafe) private static var descriptor: Int32 = -1
  /// Whether rank 0 can tell the script.
  nonisolated(unsafe) private static var isHeard = false

  /// Opens the file on rank 0.
  ///
  /// - Returns: whether rank 0 can tell the script its status.
  static func open(isRoot: Bool) -> Bool {
    defer { unsetenv(variable) }
    guard isRoot, let path = Launch.variable(variable) else { return false }
    descriptor = Glibc.open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
    return descriptor >= 0
  }

  /// Notes, on every rank, what ``open(isRoot:)`` returned on rank 0.
  static func agree(isHeard: Bool) { self.isHeard = isHeard }

  /// The status with which this rank has to end if all ranks end with `status`.
  static func told(_ status: Int32, isRoot: Bool) -> Int32 {
    guard isHeard else { return status }
    guard isRoot else { return 0 }
    // The file has as many bytes already, so that a full disk does not matter.
    let text = "\(status)\n"
    return pwrite(descriptor, text, text.utf8.count, 0) == text.utf8.count ? 0 : status
  }
}

import Foundation

/// A small file system of its own, gone with the value.
public final class SmallDisk {
  /// Where it is mounted.
  public let path: String

  /// Mounts one of so many bytes.
  ///
  /// - Throws: where mounting is not permitted.
  public init(bytes: Int) throws {
    path = NSTemporaryDirectory() + "/disk-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let run = try Run.command("mount", ["-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path])
    guard run.status == 0 else {
      try FileManager.default.removeItem(atPath: path)
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  deinit {
    _ = try? Run.command("umount", ["-l", path])
    try? FileManager.default.removeItem(atPath: path)
  }

  /// Takes up so many bytes.
  ///
  /// - Throws: where they do not fit; what fits is taken.
  public func fill(_ bytes: Int) throws {
    try Data(count: bytes).write(to: URL(fileURLWithPath: path + "/filler"))
  }

  /// Takes up all that is left, in a file that a test can shorten.
  ///
  /// - Throws: where the file cannot be made.
  public func filled() throws -> URL {
    let file = URL(fileURLWithPath: path + "/filler")
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    // Ends where nothing more fits.
    while (try? handle.write(contentsOf: Data(count: 1 << 16))) != nil {}
    try handle.close()
    return file
  }

  /// Whether this machine allows it.
  public static let isPermitted = (try? SmallDisk(bytes: 1 << 16)) != nil
}

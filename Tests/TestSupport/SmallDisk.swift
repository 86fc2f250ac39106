import Foundation

/// A small file system that is removed with the value.
public final class SmallDisk {
  /// The mount point.
  public let path: String

  /// Mounts a file system of `bytes` bytes.
  ///
  /// - Throws: if mounting is not permitted.
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

  /// Uses up `bytes` bytes.
  ///
  /// - Throws: if there is not enough space; the free space is used up then.
  public func fill(_ bytes: Int) throws {
    try Data(count: bytes).write(to: URL(fileURLWithPath: path + "/filler"))
  }

  /// Uses up all free space with a file that a test can shorten.
  ///
  /// - Throws: if the file cannot be made.
  public func filled() throws -> URL {
    let file = URL(fileURLWithPath: path + "/filler")
    try Data().write(to: file)
    let handle = try FileHandle(forWritingTo: file)
    // The loop ends when the disk is full.
    while (try? handle.write(contentsOf: Data(count: 1 << 16))) != nil {}
    try handle.close()
    return file
  }

  /// Whether this machine permits mounting.
  public static let isPermitted = (try? SmallDisk(bytes: 1 << 16)) != nil
}

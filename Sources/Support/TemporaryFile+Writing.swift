import Foundation

extension TemporaryFile {
  /// Writes a small file under a hidden name, waits until it is on the disk, and gives it its name
  /// by one rename.
  ///
  /// - Throws: `FileError`; an existing file stays then.
  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// The same for bytes.
  ///
  /// - Throws: `FileError`; an existing file stays then.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    let fresh = name(beside: path)
    let file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw FileError.last(path) }
    var isOpen = true
    do throws(FileError) {
      var rest = bytes[...]
      while !rest.isEmpty {
        let written = rest.withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
        if written < 0 && errno == EINTR { continue }
        guard written > 0 else { throw FileError.last(path) }
        rest = rest.dropFirst(written)
      }
      // Some file systems have nothing to do here, and return EINVAL.
      guard fsync(file) == 0 || errno == EINVAL else { throw FileError.last(path) }
      isOpen = false
      guard close(file) == 0 else { throw FileError.last(path) }
      guard rename(fresh, path) == 0 else { throw FileError.last(path) }
    } catch {
      if isOpen { close(file) }
      unlink(fresh)
      throw error
    }
  }
}

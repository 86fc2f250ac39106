import Foundation

/// Opens and reads files that somebody else may have made: the files of a run, for example.
///
/// What is no regular file is refused before it is opened: a pipe would keep its reader waiting, a
/// device may never end, and a link may lead anywhere.
public enum RegularFile {
  /// Why a file was not read, in words that follow its name.
  public struct Refusal: Error, Equatable, CustomStringConvertible {
    /// What was found and what was expected, or the system's message.
    public let description: String
    /// The system's error number; 0 where the file itself is wrong.
    public let errorNumber: Int32

    /// Whether the file is at fault, and not the machine.
    public var isBadData: Bool {
      [0, ENOENT, EACCES, EPERM, ENOTDIR, ENAMETOOLONG, ELOOP].contains(errorNumber)
    }

    init(_ description: String) { (self.description, errorNumber) = (description, 0) }

    init(errorNumber: Int32) {
      description = String(cString: strerror(errorNumber)).lowercased()
      self.errorNumber = errorNumber
    }
  }

  /// Opens a file for reading; the caller closes it.
  ///
  /// - Parameters:
  ///   - followingLinks: whether the name itself may be a symbolic link.
  ///   - folder: the open directory that a relative path starts from.
  public static func open(
    _ path: String, followingLinks: Bool = false, in folder: Int32 = AT_FDCWD
  ) throws(Refusal) -> Int32 {
    var status = stat()
    guard fstatat(folder, path, &status, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else {
      throw Refusal(errorNumber: errno)
    }
    try check(status)
    // Another file may have come into its place.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW)
    let file = openat(folder, path, flags)
    guard file >= 0 else { throw Refusal(errorNumber: errno) }
    do throws(Refusal) {
      guard fstat(file, &status) == 0 else { throw Refusal(errorNumber: errno) }
      try check(status)
    } catch {
      close(file)
      throw error
    }
    return file
  }

  private static func check(_ status: stat) throws(Refusal) {
    guard status.st_mode & S_IFMT != S_IFREG else { return }
    throw Refusal("found \(kind(of: status)), expected a regular file")
  }

  /// What lies at a place, in words.
  public static func kind(of status: stat) -> String {
    switch status.st_mode & S_IFMT {
    case S_IFREG: "a regular file"
    case S_IFDIR: "a directory"
    case S_IFLNK: "a symbolic link"
    case S_IFIFO: "a pipe"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  /// The bytes of a file.
  ///
  /// - Parameters:
  ///   - limit: the most bytes that it may have.
  ///   - followingLinks: whether the name itself may be a symbolic link.
  public static func read(
    _ path: String, atMost limit: Int = .max, followingLinks: Bool = false
  ) throws(Refusal) -> [UInt8] {
    let file = try open(path, followingLinks: followingLinks)
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw Refusal(errorNumber: errno) }
    guard Int(status.st_size) <= limit else {
      throw Refusal("found \(status.st_size) bytes, expected \(limit) at most")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(status.st_size))
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Foundation.read(file, &piece, piece.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Refusal(errorNumber: errno) }
      if count == 0 { return bytes }
      bytes += piece[..<count]
      guard bytes.count <= limit else {
        throw Refusal("found more than \(limit) bytes, expected \(limit) at most")
      }
    }
  }

  /// The most bytes that a document of a run has, its configuration for example.
  public static let documentLimit = 1 << 16
}

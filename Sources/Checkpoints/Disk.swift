import Foundation
import Support

/// The few operations on files that keep a checkpoint safe, with their errors.
enum Disk {
  /// Creates a directory where it is missing; its parent has to exist.
  ///
  /// Where a disk has been taken away, no directory takes its place.
  static func makeDirectory(_ path: String) throws(CheckpointError) {
    if mkdir(path, 0o777) == 0 { return }
    if errno == EEXIST && isDirectory(path) { return }
    throw failure("mkdir", path)
  }

  /// Whether there is a directory at `path`.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// The names in a directory, hidden ones too, sorted.
  static func names(in directory: String) throws(CheckpointError) -> [String] {
    guard let stream = opendir(directory) else { throw failure("opendir", directory) }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw failure("readdir", directory) }
    return names.sorted()
  }

  /// Waits until a file, or the names in a directory, are on the disk.
  static func synchronize(_ path: String) throws(CheckpointError) {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    // Some file systems have nothing to do for directories, and return EINVAL.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure("fsync", path) }
  }

  /// Writes a small file and waits until it is on the disk.
  static func write(_ text: String, to path: String) throws(CheckpointError) {
    let descriptor = Foundation.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure("open", path) }
    var isOpen = true
    defer { if isOpen { close(descriptor) } }
    var rest = ArraySlice(text.utf8)
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw failure("write", path) }
      rest = rest.dropFirst(written)
    }
    guard fsync(descriptor) == 0 else { throw failure("fsync", path) }
    isOpen = false
    guard close(descriptor) == 0 else { throw failure("close", path) }
  }

  /// Gives a file or directory another name; an existing file of that name is replaced at once.
  static func rename(_ old: String, to new: String) throws(CheckpointError) {
    guard Foundation.rename(old, new) == 0 else { throw failure("rename", new) }
  }

  /// Makes `link` in `directory` point to `target` beside it; an existing link changes at once.
  static func link(_ link: String, to target: String, in directory: String) throws(CheckpointError)
  {
    let fresh = "\(directory)/.\(link).new"
    guard unlink(fresh) == 0 || errno == ENOENT else { throw failure("unlink", fresh) }
    guard symlink(target, fresh) == 0 else { throw failure("symlink", fresh) }
    try rename(fresh, to: "\(directory)/\(link)")
  }

  /// Gives a file of `bytes` bytes a second name; false where that fails or the file is missing.
  ///
  /// The C function is `link`.
  static func hardLink(_ old: String, to new: String, bytes: Int) -> Bool {
    var status = stat()
    guard stat(old, &status) == 0, Int(status.st_size) == bytes else { return false }
    return Foundation.link(old, new) == 0
  }

  /// The target of a symbolic link; nil where there is no such link.
  static func target(of link: String) -> String? {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let length = readlink(link, &bytes, bytes.count)
    if length < 0 { return nil }
    return String(decoding: bytes.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Removes a file, a link, or a directory with its content; a missing file is no error.
  static func remove(_ path: String) throws(CheckpointError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw failure("lstat", path)
    }
    if status.st_mode & S_IFMT == S_IFDIR {
      let inside: [String]
      do throws(CheckpointError) { inside = try names(in: path) } catch {
        if error.errorNumber == ENOENT { return }
        throw error
      }
      for name in inside { try remove("\(path)/\(name)") }
      guard rmdir(path) == 0 || errno == ENOENT else { throw failure("rmdir", path) }
    } else {
      guard unlink(path) == 0 || errno == ENOENT else { throw failure("unlink", path) }
    }
  }

  /// Makes a directory that must not exist yet, nor a link of its name.
  static func makeNewDirectory(_ path: String) throws(CheckpointError) {
    guard mkdir(path, 0o777) == 0 else { throw failure("mkdir", path) }
  }

  /// Opens a regular file for reading; the caller closes it.
  ///
  /// Links, pipes and devices are refused: a checkpoint may be anybody's.
  ///
  /// - Parameter opened: another path to the file, under which it is opened; errors name `path`.
  static func open(
    _ path: String, through opened: String? = nil
  ) throws(CheckpointError) -> Int32 {
    do throws(RegularFile.Refusal) {
      let opened = opened ?? path
      return try RegularFile.open(opened, followingLinks: HeldFiles.isHeld(opened))
    } catch {
      throw CheckpointError(
        path: path, message: error.description, call: "open",
        errorNumber: error.isBadData ? 0 : error.errorNumber)
    }
  }

  /// The size of a regular file in bytes.
  static func size(of path: String, through opened: String? = nil) throws(CheckpointError) -> Int {
    let descriptor = try open(path, through: opened)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("fstat", path) }
    return Int(status.st_size)
  }

  /// Hands the bytes of a regular file to `body`, up to a MiB at a time.
  ///
  /// - Parameters:
  ///   - opened: another path to the file, under which it is opened; errors name `path`.
  ///   - limit: the most bytes that it may have.
  static func read(
    _ path: String, through opened: String? = nil, atMost limit: Int = .max,
    _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(CheckpointError) {
    let descriptor = try open(path, through: opened)
    defer { close(descriptor) }
    var total = 0
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = Foundation.read(descriptor, buffer.baseAddress, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("read", path) }
      if count == 0 { return }
      total += count
      guard total <= limit else {
        throw CheckpointError(path: path, message: "found more than \(limit) bytes")
      }
      body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  /// The size and the XXH3-128 checksum of a file.
  static func checksum(
    of path: String, through opened: String? = nil
  ) throws(CheckpointError) -> (bytes: Int, checksum: String) {
    let digest = Digest()
    var size = 0
    try read(path, through: opened) { bytes in
      digest.update(bytes)
      size += bytes.count
    }
    return (size, digest.text)
  }

  /// The error of a C function that has just failed.
  static func failure(_ call: String, _ path: String) -> CheckpointError {
    let number = errno
    let reason = String(cString: strerror(number)).lowercased()
    return CheckpointError(path: path, message: reason, call: call, errorNumber: number)
  }
}

import Foundation

/// An open file, read and written in pieces at given places.
final class DiskFile {
  /// Bytes that are read, checked and copied as one piece, which fits the cache of a core.
  static let pieceBytes = 1 << 20
  /// Its path, for errors.
  let path: String
  private var descriptor: Int32

  /// Opens a file that exists; for reading, it has to be a regular file.
  ///
  /// The C function is `open`.
  ///
  /// - Parameter opened: another path to the file, under which it is opened; errors name `path`.
  init(
    _ path: String, through opened: String? = nil, writable: Bool = false
  ) throws(CheckpointError) {
    self.path = path
    if writable {
      descriptor = open(opened ?? path, O_RDWR | O_CLOEXEC)
      guard descriptor >= 0 else { throw Disk.failure("open", path) }
    } else {
      descriptor = try Disk.open(path, through: opened)
    }
  }

  deinit { if descriptor >= 0 { Foundation.close(descriptor) } }

  /// The size of the file in bytes.
  func size() throws(CheckpointError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw Disk.failure("fstat", path) }
    return Int(status.st_size)
  }

  /// Reads as many bytes as `destination` has.
  ///
  /// The C function is `pread`.
  ///
  /// - Throws: `CheckpointError`, also where the file is too short.
  func read(
    at offset: Int, into destination: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    guard let start = destination.baseAddress else { return }
    var done = 0
    while done < destination.count {
      let count = pread(
        descriptor, start + done, destination.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Disk.failure("pread", path) }
      guard count > 0 else {
        throw CheckpointError(path: path, message: "found \(offset + done) bytes, expected more")
      }
      done += count
    }
  }

  /// Writes all of `source`.
  ///
  /// The C function is `pwrite`.
  func write(_ source: UnsafeRawBufferPointer, at offset: Int) throws(CheckpointError) {
    guard let start = source.baseAddress else { return }
    var done = 0
    while done < source.count {
      let count = pwrite(descriptor, start + done, source.count - done, off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Disk.failure("pwrite", path) }
      done += count
    }
  }

  /// Lets the system give up its copies of some bytes.
  ///
  /// The system begins to write bytes that are not on the disk yet. The C function is
  /// `posix_fadvise`; a system that ignores the advice does no harm.
  func forget(_ range: Range<Int>) {
    _ = posix_fadvise(
      descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_DONTNEED)
  }

  /// Tells the system that the file is read from one end to the other.
  ///
  /// The C function is `posix_fadvise`.
  func expectSequentialReads() {
    _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
  }

  /// Waits until the file is on the disk.
  ///
  /// The C function is `fsync`.
  func synchronize() throws(CheckpointError) {
    guard fsync(descriptor) == 0 else { throw Disk.failure("fsync", path) }
  }

  /// Closes the file, which must not be used any more.
  func close() throws(CheckpointError) {
    let closing = descriptor
    descriptor = -1
    guard Foundation.close(closing) == 0 else { throw Disk.failure("close", path) }
  }
}

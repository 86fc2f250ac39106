import CKernels
import Foundation

/// Memory for pixels that ranks of one host share: one rank fills it, others map it.
///
/// The memory has no name and ends with its last user, so nothing is left behind, and the size of
/// /dev/shm does not limit it. The C function is `memfd_create`.
public final class SharedPixels {
  /// The first byte; at least 64-byte aligned.
  let start: UnsafeMutableRawPointer
  private let pages: Pages
  private var descriptor: Int32 = -1
  private var identity: [Int64] = []

  /// Memory of `bytes` bytes, to be filled by this process.
  ///
  /// - Throws: `DatasetError` for `path` if the system refuses so much memory.
  public init(bytes: Int, for path: String) throws(DatasetError) {
    let descriptor = ck_memory_file("cleave-images")
    var status = stat()
    guard descriptor >= 0, ftruncate(descriptor, off_t(bytes)) == 0,
      fstat(descriptor, &status) == 0,
      let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { Foundation.close(descriptor) }
      throw .file(file: path, reason: "\(bytes) bytes for its images: \(reason)")
    }
    self.descriptor = descriptor
    start = base
    pages = Pages(base: base, length: bytes)
    identity = [
      Int64(getpid()), Int64(descriptor), Int64(bytes), Int64(bitPattern: UInt64(status.st_dev)),
      Int64(bitPattern: UInt64(status.st_ino)),
    ]
  }

  /// Integers by which another process of this host finds the memory, until `close()`.
  public var token: [Int64] { identity }

  /// The memory of another process; nil if this process may not see it.
  public init?(token: [Int64]) {
    guard token.count == 5, token[2] > 0 else { return nil }
    let descriptor = open("/proc/\(token[0])/fd/\(token[1])", O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { Foundation.close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Int64(status.st_size) == token[2],
      Int64(bitPattern: UInt64(status.st_dev)) == token[3],
      Int64(bitPattern: UInt64(status.st_ino)) == token[4],
      let base = mmap(nil, Int(token[2]), PROT_READ, MAP_SHARED, descriptor, 0),
      base != MAP_FAILED
    else { return nil }
    start = base
    pages = Pages(base: base, length: Int(token[2]))
  }

  /// Ends the time in which other processes can find the memory; it stays mapped.
  public func close() {
    guard descriptor >= 0 else { return }
    Foundation.close(descriptor)
    descriptor = -1
  }

  deinit { close() }
}

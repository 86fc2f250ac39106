import Foundation

/// The memory pixels lie in: allocated here, or a read-only mapping of a part of a file.
final class PixelMemory {
  /// The first byte of the pixels; at least 4-byte aligned.
  let start: UnsafeMutableRawPointer
  /// Bytes from `start` on.
  let byteCount: Int
  private let mapping: (base: UnsafeMutableRawPointer, length: Int)?

  /// Whether the memory is a mapping.
  var isMapped: Bool { mapping != nil }

  /// Memory of its own, not yet initialised.
  init(allocating byteCount: Int) {
    start = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    self.byteCount = byteCount
    mapping = nil
  }

  /// Memory of its own that holds a copy of `source`.
  convenience init(copying source: UnsafeRawBufferPointer) {
    self.init(allocating: source.count)
    guard let first = source.baseAddress else { return }
    start.copyMemory(from: first, byteCount: source.count)
  }

  /// Maps `byteCount` bytes of a file from `offset` on, read-only and shared.
  ///
  /// The ranks of one node hold the pages once, and pages not needed at the moment cost no memory.
  /// The C function is `mmap`.
  ///
  /// - Throws: `DatasetError` where the file cannot be opened, or ends before the bytes do, which
  ///   later would be a SIGBUS.
  init(mapping path: String, offset: Int, byteCount: Int, item: String) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(file: path, reason: systemMessage()) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .file(file: path, reason: systemMessage())
    }
    guard Int(status.st_size) >= offset + byteCount else {
      throw .mismatch(
        file: path, item: item, found: "a truncated file of \(status.st_size) bytes",
        expected: "at least \(offset + byteCount)")
    }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let lead = offset % page
    let length = lead + byteCount
    guard
      let base = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, off_t(offset - lead)),
      base != MAP_FAILED
    else { throw .file(file: path, reason: "mmap: \(systemMessage())") }
    // Read ahead what memory surely has room for; of a larger set, pages come as they are needed.
    // Advice not taken does no harm.
    if length <= 1 << 30 { _ = madvise(base, length, Int32(MADV_WILLNEED)) }
    start = base + lead
    self.byteCount = byteCount
    mapping = (base, length)
  }

  deinit {
    if let mapping {
      munmap(mapping.base, mapping.length)
    } else {
      start.deallocate()
    }
  }
}

/// The operating system's message for the last error of a C function.
func systemMessage() -> String { String(cString: strerror(errno)) }

import Foundation

/// The memory of pixels: allocated memory, or a read-only mapping of a part of a file.
final class PixelMemory {
  /// The first byte of the pixels; at least 4-byte aligned.
  let start: UnsafeMutableRawPointer
  /// Bytes from `start` on.
  let byteCount: Int
  private let mapping: (base: UnsafeMutableRawPointer, length: Int)?
  /// Keeps the memory of which this is a part.
  private let whole: AnyObject?
  private var expected: ImageSet.Access?
  private let watch: Int?  // of the mapped file, until the mapping ends

  /// The size, in bytes, up to which a mapping is read ahead completely.
  private static let smallBytes = 1 << 28

  /// Whether the memory is a mapping.
  var isMapped: Bool { mapping != nil }

  /// Whether the memory is a mapping that is not read ahead completely.
  var isLarge: Bool { (mapping?.length ?? 0) > Self.smallBytes }

  /// Allocated memory, not yet initialised.
  init(allocating byteCount: Int) {
    start = .allocate(byteCount: max(byteCount, 1), alignment: 64)
    self.byteCount = byteCount
    mapping = nil
    whole = nil
    watch = nil
  }

  /// Memory for pixels that are read from `file`; pages cost nothing before they are written.
  ///
  /// The C function is `mmap`.
  ///
  /// - Throws: `DatasetError` if the system refuses so much memory.
  init(reading byteCount: Int, of file: String) throws(DatasetError) {
    let length = max(byteCount, 1)
    guard
      let base = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      base != MAP_FAILED
    else {
      throw .last(file, "\(byteCount) bytes for its images")
    }
    start = base
    self.byteCount = byteCount
    mapping = nil
    whole = Pages(base: base, length: length)
    watch = nil
  }

  /// A part of memory that `owner` keeps.
  init(at start: UnsafeMutableRawPointer, byteCount: Int, of owner: AnyObject) {
    self.start = start
    self.byteCount = byteCount
    mapping = nil
    whole = owner
    watch = nil
  }

  /// Allocated memory with a copy of `source`.
  convenience init(copying source: UnsafeRawBufferPointer) {
    self.init(allocating: source.count)
    guard let first = source.baseAddress else { return }
    start.copyMemory(from: first, byteCount: source.count)
  }

  /// Maps `byteCount` bytes of a file from `offset` on, read-only and shared.
  ///
  /// The ranks of one host hold the pages once, and unused pages cost no memory. The C function is
  /// `mmap`.
  ///
  /// - Throws: `DatasetError` if the file cannot be opened, or ends before the last byte. If it
  ///   loses bytes later, `MappedFiles` ends the process with one line.
  init(mapping path: String, offset: Int, byteCount: Int, item: String) throws(DatasetError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .last(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .last(path)
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
    else { throw .last(path, "mmap") }
    // A small mapping is read ahead, because memory has room for it. Pages of a larger set are read
    // when they are needed. If the system ignores the advice, no harm is done.
    if length <= Self.smallBytes { _ = madvise(base, length, Int32(MADV_WILLNEED)) }
    start = base + lead
    self.byteCount = byteCount
    mapping = (base, length)
    whole = nil
    watch = MappedFiles.add(
      base, length: length, of: path, status: status, needed: offset + byteCount, item: item)
  }

  /// Tells the system how a large mapping will be read.
  ///
  /// The C function is `madvise`.
  func expect(_ access: ImageSet.Access) {
    guard let mapping, isLarge, access != expected else { return }
    expected = access
    let advice = access == .random ? MADV_RANDOM : MADV_SEQUENTIAL
    _ = madvise(mapping.base, mapping.length, Int32(advice))
  }

  /// Asks the system to read some bytes of a large mapping into memory soon, without waiting.
  ///
  /// The C function is `madvise`.
  func prefetch(_ bytes: Range<Int>) {
    guard let mapping, isLarge else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let lead = start - mapping.base
    let first = (lead + bytes.lowerBound) / page * page
    _ = madvise(mapping.base + first, lead + bytes.upperBound - first, Int32(MADV_WILLNEED))
  }

  deinit {
    if let mapping {
      if let watch { MappedFiles.remove(watch) }
      munmap(mapping.base, mapping.length)
    } else if whole == nil {
      start.deallocate()
    }
  }
}

/// Pages of memory that end with their last user.
final class Pages {
  private let base: UnsafeMutableRawPointer
  private let length: Int

  init(base: UnsafeMutableRawPointer, length: Int) {
    self.base = base
    self.length = length
  }

  deinit { munmap(base, length) }
}

extension DatasetError {
  /// The error of a C function that has just failed.
  ///
  /// - Parameter call: the function, for the message.
  static func last(_ path: String, _ call: String? = nil) -> DatasetError {
    let number = errno
    let prefix = call.map { $0 + ": " } ?? ""
    return .file(
      file: path, reason: prefix + String(cString: strerror(number)), errorNumber: number)
  }
}

import CZlib
import Foundation
import Support

/// A complete file of another program; gzip data, known by their first bytes, are unpacked.
enum SourceFile {
  /// The file's bytes, unpacked if the file is gzip.
  ///
  /// - Throws: `DatasetError` if the file cannot be read, or is truncated or damaged gzip.
  static func read(_ path: String) throws(DatasetError) -> [UInt8] {
    let bytes = try readRaw(path)
    return isGzip(bytes[...]) ? try unpack(bytes, path) : bytes
  }

  private static func isGzip(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.starts(with: [0x1f, 0x8b])
  }

  /// The bytes of the file without unpacking.
  ///
  /// - Parameters:
  ///   - name: the bytes of the path, where it is not UTF-8; errors name `path`.
  ///   - limit: the most bytes that it may have; nil for the memory that is free.
  /// - Throws: `DatasetError` if the file cannot be read, or has more bytes.
  static func readRaw(
    _ path: String, named name: [UInt8]? = nil, limit: Int? = nil
  ) throws(DatasetError) -> [UInt8] {
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK
    let descriptor = name.map { open($0.asPath, flags) } ?? open(path, flags)
    guard descriptor >= 0 else {
      let number = errno
      var status = stat()
      let isLink =
        (name.map { lstat($0.asPath, &status) } ?? lstat(path, &status)) == 0
        && status.st_mode & S_IFMT == S_IFLNK
      if number == ENOENT || number == ELOOP, isLink {
        throw .damaged(
          file: path,
          problem: "found a link that leads \(number == ELOOP ? "to itself" : "nowhere"), "
            + "expected a file")
      }
      errno = number
      throw .last(path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .last(path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .damaged(file: path, problem: "found a folder, pipe or device, expected a file")
    }
    let size = Int(status.st_size)
    if let limit, size > limit {
      throw .damaged(
        file: path, problem: "found \(size) bytes, expected no more than \(limit)")
    }
    if let available = ProcessMemory.available, size > available {
      throw .damaged(
        file: path,
        problem: "found \(Quantity.bytes(size)), expected no more than the "
          + "\(Quantity.bytes(available)) of memory that are free")
    }
    var bytes = [UInt8](repeating: 0, count: size)
    var filled = 0
    while filled < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        Foundation.read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        throw count < 0 ? .last(path) : .file(file: path, reason: "ends while it is read")
      }
      filled += count
    }
    return bytes
  }

  /// Unpacks all members of a gzip file.
  ///
  /// The C function is `inflate`.
  private static func unpack(_ packed: [UInt8], _ path: String) throws(DatasetError) -> [UInt8] {
    var stream = z_stream()
    let gzipOnly: Int32 = 15 + 16
    let started = inflateInit2_(
      &stream, gzipOnly, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard started == Z_OK else { throw .damaged(file: path, problem: "zlib: status \(started)") }
    defer { inflateEnd(&stream) }
    // A member's last four bytes hold its unpacked size, modulo 2^32. A wrong size only costs time.
    let hint = packed.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    var output = [UInt8](repeating: 0, count: min(max(hint, 1 << 16), 1 << 28))
    var (consumed, produced) = (0, 0)
    while true {
      if produced == output.count {
        if let available = ProcessMemory.available, output.count > available {
          throw .damaged(
            file: path,
            problem:
              "found more than \(Quantity.bytes(produced)) unpacked, expected no more than the "
              + "\(Quantity.bytes(available)) of memory that are free")
        }
        output.append(contentsOf: repeatElement(0, count: output.count))
      }
      let status = inflateStep(&stream, packed, &consumed, &output, &produced)
      switch status {
      case Z_STREAM_END where consumed == packed.count:
        output.removeSubrange(produced...)
        return output
      case Z_STREAM_END where isGzip(packed[consumed...]):
        inflateReset(&stream)
      case Z_STREAM_END:
        throw .damaged(
          file: path,
          problem: "found \(packed.count - consumed) bytes behind the end of the gzip data")
      case Z_OK, Z_BUF_ERROR:
        guard consumed == packed.count, produced < output.count else { continue }
        throw .damaged(
          file: path, problem: "truncated gzip data: ends after \(produced) unpacked bytes")
      default:
        let message = stream.msg.map { String(cString: $0) } ?? "status \(status)"
        throw .damaged(file: path, problem: "damaged gzip data (zlib: \(message))")
      }
    }
  }

  /// One call of `inflate`; its 32-bit counters limit input and output.
  private static func inflateStep(
    _ stream: inout z_stream, _ packed: [UInt8], _ consumed: inout Int, _ output: inout [UInt8],
    _ produced: inout Int
  ) -> Int32 {
    packed.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { room in
        let available = min(input.count - consumed, 1 << 30)
        let free = min(room.count - produced, 1 << 30)
        stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.advanced(by: consumed))
        stream.avail_in = UInt32(available)
        stream.next_out = room.baseAddress?.advanced(by: produced)
        stream.avail_out = UInt32(free)
        let status = inflate(&stream, Z_NO_FLUSH)
        consumed += available - Int(stream.avail_in)
        produced += free - Int(stream.avail_out)
        return status
      }
    }
  }
}

extension [UInt8] {
  /// The bytes of a path for C.
  var asPath: [CChar] { map { CChar(bitPattern: $0) } + [0] }
}

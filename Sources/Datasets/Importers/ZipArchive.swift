import CZip
import Synchronization

/// A zip archive, read in place; threads take turns to read entries.
final class ZipArchive: Sendable {
  /// The file.
  let path: String
  /// The names of all entries, in the order of the archive.
  let names: [String]
  private let handle: Mutex<Handle>

  /// Opens an archive and reads its table of contents.
  ///
  /// The C functions are `zip_open` and `zip_get_name`.
  ///
  /// - Throws: `DatasetError` if the file is missing, cut short or not a zip archive.
  init(_ path: String) throws(DatasetError) {
    self.path = path
    var code: Int32 = 0
    guard let pointer = zip_open(path, ZIP_RDONLY, &code) else {
      guard code != ZIP_ER_NOZIP else {
        throw .damaged(
          file: path,
          problem: path.lowercased().hasSuffix(".zip")
            ? "no zip archive, or one cut short: it ends without a table of contents"
            : "found neither a folder nor a zip archive"
              + (ArrayKind(of: path) == nil ? "" : " (cleave import arrays reads it)"))
      }
      throw .damaged(
        file: path, problem: "cannot be read as a zip archive (libzip: \(Self.message(code)))")
    }
    // If libzip cannot read the name of an entry, the name is empty and the entry is no image.
    names = (0..<max(zip_get_num_entries(pointer, 0), 0)).map { index in
      zip_get_name(pointer, zip_uint64_t(index), 0).map { String(cString: $0) } ?? ""
    }
    handle = Mutex(Handle(pointer: pointer))
  }

  /// The unpacked bytes of an entry; its checksum is compared.
  ///
  /// The C functions are `zip_fopen_index` and `zip_fread`.
  ///
  /// - Throws: `DatasetError.damaged`, with the entry's name, if the entry is damaged, encrypted or
  ///   larger than `limit` bytes.
  func read(_ index: Int, limit: Int) throws(DatasetError) -> [UInt8] {
    let problem: Problem
    switch handle.withLock({ $0.read(zip_uint64_t(index), limit: limit) }) {
    case .success(let bytes): return bytes
    case .failure(let found): problem = found
    }
    throw .damaged(file: "\(path): \(names[index])", problem: problem.text)
  }

  /// A problem with an entry.
  private struct Problem: Error {
    let text: String
  }

  /// The open archive; libzip allows one thread at a time.
  private struct Handle: ~Copyable {
    let pointer: OpaquePointer

    deinit { zip_discard(pointer) }

    func read(_ index: zip_uint64_t, limit: Int) -> Result<[UInt8], Problem> {
      var status = zip_stat_t()
      zip_stat_init(&status)
      guard zip_stat_index(pointer, index, 0, &status) == 0,
        let entry = zip_fopen_index(pointer, index, 0)
      else {
        let packing = status.comp_method
        return .failure(
          Problem(
            text: String(cString: zip_strerror(pointer))
              + (zip_compression_method_supported(zip_int32_t(packing), 0) == 1
                ? "" : " (found packing method \(packing); unpack it, or zip it by deflate)")))
      }
      defer { zip_fclose(entry) }
      guard status.size <= limit else {
        return .failure(Problem(text: "found \(status.size) bytes, expected no more than \(limit)"))
      }
      // Deflate makes at most 1032 bytes of one: more are announced by a forged archive.
      if status.comp_method == ZIP_CM_DEFLATE || status.comp_method == ZIP_CM_STORE,
        status.size / 1033 > status.comp_size
      {
        return .failure(
          Problem(
            text:
              "found \(status.size) bytes announced by \(status.comp_size), expected no more than "
              + "1032 times as many"))
      }
      var bytes = [UInt8](repeating: 0, count: Int(status.size))
      var filled = 0
      while true {
        // libzip compares the checksum when a read reaches the end, so read past the end.
        let count = bytes.withUnsafeMutableBytes { buffer in
          withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { beyond in
            filled < buffer.count
              ? zip_fread(
                entry, buffer.baseAddress?.advanced(by: filled),
                zip_uint64_t(buffer.count - filled))
              : zip_fread(entry, beyond.baseAddress, 1)
          }
        }
        if count < 0 { return .failure(Problem(text: String(cString: zip_file_strerror(entry)))) }
        if count == 0 { break }
        filled += Int(count)
        guard filled <= bytes.count else {
          return .failure(Problem(text: "found more bytes than the \(bytes.count) announced"))
        }
      }
      guard filled == bytes.count else {
        return .failure(Problem(text: "found \(filled) bytes, expected \(bytes.count)"))
      }
      return .success(bytes)
    }
  }

  private static func message(_ code: Int32) -> String {
    var error = zip_error_t()
    zip_error_init_with_code(&error, code)
    defer { zip_error_fini(&error) }
    return String(cString: zip_error_strerror(&error))
  }
}

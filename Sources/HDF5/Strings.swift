import CHDF5
import Foundation

/// Reads and writes text.
///
/// Written text is UTF-8 of variable length, which h5py reads as `str`.
extension Dataset {
  /// All strings, of fixed or variable length.
  ///
  /// - Throws: `HDF5Error` if the elements are not strings or the file is damaged.
  public func readStrings() throws(HDF5Error) -> [String] {
    guard type == .string else {
      throw HDF5Error(file: file.path, object: path, message: "found \(type), expected string")
    }
    try checkSources()
    let stored = try Dataset.storedType(id, path, file)
    return try file.readStrings(count: count, stored: stored, "H5Dread", path) { memory, bytes in
      H5Dread(
        id, memory, chdf5_whole_space(), chdf5_whole_space(), chdf5_default_properties(), bytes)
    }
  }

  /// Writes all strings.
  ///
  /// Traps if their number is not `count`.
  /// - Throws: `HDF5Error` if a string contains a NUL or the disk is full.
  public func write(strings: [String]) throws(HDF5Error) {
    precondition(strings.count == count, "\(path): \(strings.count) strings for shape \(shape)")
    try file.writeStrings(strings, "H5Dwrite", path) { memory, bytes in
      H5Dwrite(
        id, memory, chdf5_whole_space(), chdf5_whole_space(), chdf5_default_properties(), bytes)
    }
  }
}

extension File {
  /// Decodes `count` strings; `read` fetches them in the given memory type.
  func readStrings(
    count: Int, stored: borrowing Handle, _ call: String, _ object: String,
    _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
  ) throws(HDF5Error) -> [String] {
    if count == 0 { return [] }
    if try check(H5Tis_variable_str(stored.id), "H5Tis_variable_str", object) == 0 {
      return try readFixedStrings(count: count, stored: stored, call, object, read)
    }
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    // Reading one string takes microseconds.
    let limit = 5 + Double(count) / 10_000
    let status = pointers.withUnsafeMutableBytes { bytes -> herr_t in
      guard let start = bytes.baseAddress else { return 0 }
      return EndlessRead.guarded(path, object, seconds: limit) { read(stored.id, start) }
    }
    // HDF5 allocated each string; after a failure, strings read before it are released too.
    defer { for pointer in pointers { _ = H5free_memory(pointer) } }
    try check(status, call, object)
    return pointers.map { $0.map { String(cString: $0) } ?? "" }
  }

  private func readFixedStrings(
    count: Int, stored: borrowing Handle, _ call: String, _ object: String,
    _ read: (hid_t, UnsafeMutableRawPointer) -> herr_t
  ) throws(HDF5Error) -> [String] {
    let length = H5Tget_size(stored.id)
    var text = [UInt8](repeating: 0, count: count * length)
    let status = text.withUnsafeMutableBytes { bytes -> herr_t in
      guard let start = bytes.baseAddress else { return 0 }
      return read(stored.id, start)
    }
    try check(status, call, object)
    let isSpacePadded = H5Tget_strpad(stored.id) == H5T_STR_SPACEPAD
    return (0..<count).map { index in
      var field = text[index * length..<(index + 1) * length].prefix { $0 != 0 }
      while isSpacePadded && field.last == UInt8(ascii: " ") { field.removeLast() }
      return String(decoding: field, as: UTF8.self)
    }
  }

  /// Hands the strings to `write` as C strings, with their type in memory.
  func writeStrings(
    _ strings: [String], _ call: String, _ object: String,
    _ write: (hid_t, UnsafeRawPointer) -> herr_t
  ) throws(HDF5Error) {
    if strings.isEmpty { return }
    for text in strings where text.utf8.contains(0) {
      throw HDF5Error(file: path, object: object, message: "found a NUL in a string to be written")
    }
    let memory = try datatype(.string, for: object)
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    let status = pointers.withUnsafeBytes { bytes -> herr_t in
      guard let start = bytes.baseAddress else { return 0 }
      return write(memory.id, start)
    }
    try check(status, call, object)
  }
}

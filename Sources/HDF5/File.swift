import CHDF5
import Foundation

/// An open HDF5 file.
///
/// Groups keep the order in which their members were created. Call HDF5 from one thread.
public final class File {
  /// The path as the caller gave it.
  public let path: String
  /// The other files to which this file may lead.
  public let reach: Reach
  private var id: hid_t?

  /// Opens an existing file.
  ///
  /// The C function is `H5Fopen`.
  ///
  /// - Parameters:
  ///   - opened: another path to the file, which is read into memory from there; errors name
  ///     `path`. It may lead to a file that has no name any more.
  ///   - reach: the other files to which this file may lead.
  /// - Throws: `HDF5Error` if the file is missing, unreadable, truncated or not HDF5.
  public static func open(
    _ path: String, through opened: String? = nil, writable: Bool = false, reach: Reach = .folder
  ) throws(HDF5Error) -> File {
    try open(path, through: opened, writable: writable, reach: reach, degree: H5F_CLOSE_STRONG)
  }

  /// Opens a file that stays open as long as its datasets, as HDF5 opens parts of virtual datasets:
  /// a file cannot be open in both ways at once.
  static func open(part path: String, reach: Reach) throws(HDF5Error) -> File {
    try open(path, through: nil, writable: false, reach: reach, degree: H5F_CLOSE_WEAK)
  }

  private static func open(
    _ path: String, through opened: String?, writable: Bool, reach: Reach,
    degree: H5F_close_degree_t
  ) throws(HDF5Error) -> File {
    prepareLibrary()
    let opened = opened ?? path
    var status = stat()
    guard stat(opened, &status) == 0 else {
      throw HDF5Error(file: path, message: "no such file")
    }
    // HDF5 would wait for ever for a pipe, and read a device to its end.
    let kind = status.st_mode & S_IFMT
    guard kind == S_IFREG else {
      let found = kind == S_IFDIR ? "a directory" : kind == S_IFIFO ? "a pipe" : "a device"
      let help = kind == S_IFDIR ? " (cleave import images makes one of a folder of pictures)" : ""
      throw HDF5Error(file: path, message: "found \(found), expected an HDF5 file\(help)")
    }
    let file = File(path, reach: reach)
    let access = try file.access(degree)
    if opened != path {
      // The usual driver asks for the file's name.
      try file.check(H5Pset_fapl_core(access.id, 1 << 20, false), "H5Pset_fapl_core")
    }
    let mode = writable ? chdf5_read_write() : chdf5_read_only()
    file.id = try file.check(H5Fopen(opened, mode, access.id), "H5Fopen")
    return file
  }

  /// Creates a file; replaces an existing file, unless it must be new.
  ///
  /// The C function is `H5Fcreate`.
  ///
  /// - Parameter isNew: whether an existing file, or a link of this name, is an error.
  /// - Throws: `HDF5Error` if the file cannot be created.
  public static func create(_ path: String, isNew: Bool = false) throws(HDF5Error) -> File {
    prepareLibrary()
    let file = File(path)
    let access = try file.access()
    let creation = try file.properties(chdf5_file_creation())
    try file.check(
      H5Pset_link_creation_order(creation.id, chdf5_creation_order()),
      "H5Pset_link_creation_order")
    file.id = try file.check(
      H5Fcreate(path, isNew ? chdf5_exclusive() : chdf5_truncate(), creation.id, access.id),
      "H5Fcreate")
    return file
  }

  private init(_ path: String, reach: Reach = .folder) {
    self.path = path
    self.reach = reach
  }

  /// Closes a file that `close()` has not closed.
  ///
  /// Errors are lost here, so call `close()` on files that were written.
  deinit {
    if let id { _ = H5Fclose(id) }
  }

  /// The size of the file in bytes.
  ///
  /// The C function is `H5Fget_filesize`.
  public func size() throws(HDF5Error) -> Int {
    var size: hsize_t = 0
    try check(H5Fget_filesize(handle, &size), "H5Fget_filesize")
    return Int(clamping: size)
  }

  /// Hands all written data to the operating system.
  ///
  /// The C function is `H5Fflush`.
  ///
  /// - Throws: `HDF5Error` if the disk is full or failing.
  public func flush() throws(HDF5Error) {
    try check(H5Fflush(handle, H5F_SCOPE_GLOBAL), "H5Fflush")
  }

  /// Flushes, then waits until the file is on the disk.
  ///
  /// After the flush, the C function is `fsync`.
  ///
  /// - Throws: `HDF5Error` if the disk is full or failing.
  public func synchronize() throws(HDF5Error) {
    try flush()
    var descriptor: UnsafeMutableRawPointer?
    try check(
      H5Fget_vfd_handle(handle, chdf5_default_properties(), &descriptor), "H5Fget_vfd_handle")
    guard let descriptor, fsync(descriptor.load(as: Int32.self)) == 0 else {
      let number = errno
      throw HDF5Error(
        file: path, object: nil, message: String(cString: strerror(number)).lowercased(),
        call: "fsync", status: -1, errorNumber: number)
    }
  }

  /// Writes the remaining data and closes the file; its datasets must not be used any more.
  ///
  /// - Throws: `HDF5Error` if the disk is full or failing.
  public func close() throws(HDF5Error) {
    guard let id else { return }
    // H5Fclose reports success even after its own flush failed.
    let flushed = H5Fflush(id, H5F_SCOPE_GLOBAL)
    let failure: HDF5Error? =
      flushed < 0 ? HDF5Error.last("H5Fflush", status: Int(flushed), file: path) : nil
    self.id = nil
    try check(H5Fclose(id), "H5Fclose")
    if let failure { throw failure }
  }

  /// The identifier of the open file.
  var handle: hid_t {
    guard let id else { preconditionFailure("\(path) is closed") }
    return id
  }

  /// The access properties of all files.
  ///
  /// Closing a file closes its datasets. Small writes are not held back, because a dataset cannot
  /// report an error when it is released.
  private func access(_ degree: H5F_close_degree_t = H5F_CLOSE_STRONG) throws(HDF5Error) -> Handle {
    let access = try properties(chdf5_file_access())
    try check(H5Pset_fclose_degree(access.id, degree), "H5Pset_fclose_degree")
    try check(H5Pset_sieve_buf_size(access.id, 0), "H5Pset_sieve_buf_size")
    return access
  }
}

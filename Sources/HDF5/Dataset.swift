import CHDF5

/// An open dataset: an array of up to 32 dimensions; the first dimension counts rows.
public final class Dataset {
  /// The dataset's path inside the file.
  public let path: String
  /// The extents; empty for one element without extents.
  public let shape: [Int]
  /// The type of the elements.
  public let type: ElementType
  /// The file; the dataset keeps it open.
  public let file: File
  let id: hid_t
  /// Whether `checkSources()` has found all sources of a virtual dataset.
  var isChecked = false

  /// Takes ownership of `id`.
  init(_ id: hid_t, path: String, in file: File) throws(HDF5Error) {
    self.id = id
    self.path = path
    self.file = file
    do throws(HDF5Error) {
      let space = try Handle(
        H5Dget_space(id), "H5Dget_space", file: file.path, object: path, closedBy: H5Sclose)
      guard let shape = try file.extents(of: space, for: path) else {
        throw HDF5Error(file: file.path, object: path, message: "found a dataset without elements")
      }
      self.shape = shape
      let type = try Dataset.storedType(id, path, file)
      self.type = ElementType(of: type)
    } catch {
      _ = H5Dclose(id)
      throw error
    }
  }

  /// No data waits to be written here: see `File.access()` and `write(rows:from:as:)`.
  deinit {
    if H5Iis_valid(id) > 0 { _ = H5Dclose(id) }
  }

  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }

  /// Number of elements in a row: the product of all extents after the first.
  public var rowCount: Int { shape.dropFirst().reduce(1, *) }

  /// Whether the elements lie in one continuous range of bytes in the file.
  public var isContiguous: Bool {
    let creation = H5Dget_create_plist(id)
    guard creation >= 0 else { return false }
    defer { _ = H5Pclose(creation) }
    return H5Pget_layout(creation) == H5D_CONTIGUOUS && H5Pget_external_count(creation) == 0
  }

  /// The bytes of all elements in the file; nil unless they lie there in one continuous range.
  ///
  /// A forged file may declare more elements than it has bytes.
  public var storedBytes: Int? {
    guard isContiguous, let stored = try? Dataset.storedType(id, path, file) else { return nil }
    let (bytes, overflows) = count.multipliedReportingOverflow(by: H5Tget_size(stored.id))
    guard !overflows, bytes == 0 || H5Dget_storage_size(id) >= hsize_t(bytes) else { return nil }
    return bytes
  }

  /// The byte position of the first element in the file, for memory-mapping.
  ///
  /// It is nil unless the elements are contiguous and have the same bytes in the file and in
  /// memory. The C function is `H5Dget_offset`.
  public var fileOffset: Int? {
    guard type.byteCount != nil, isContiguous, isInFile,
      let stored = try? Dataset.storedType(id, path, file),
      let native = try? file.datatype(type, for: path), H5Tequal(stored.id, native.id) > 0
    else { return nil }
    let offset = H5Dget_offset(id)
    return offset == chdf5_undefined_address() ? nil : Int(exactly: offset)
  }

  /// Checks type and shape; nil stands for an extent of any size.
  ///
  /// - Throws: `HDF5Error` that names what was found and what was expected.
  public func expect(_ types: ElementType..., shape expected: [Int?]) throws(HDF5Error) {
    let fits =
      shape.count == expected.count
      && zip(shape, expected).allSatisfy { found, wanted in wanted == nil || found == wanted }
    if fits && types.contains(type) { return }
    let extents = expected.map { $0.map(String.init) ?? "any" }.joined(separator: ", ")
    let names = types.map(\.description).joined(separator: " or ")
    throw HDF5Error(
      file: file.path, object: path,
      message: "found \(type) \(shape), expected \(names) [\(extents)]")
  }

  /// The datatype of the elements in the file.
  static func storedType(_ id: hid_t, _ path: String, _ file: File) throws(HDF5Error) -> Handle {
    try Handle(H5Dget_type(id), "H5Dget_type", file: file.path, object: path, closedBy: H5Tclose)
  }
}

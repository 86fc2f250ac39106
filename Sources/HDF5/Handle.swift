import CHDF5

/// One reference to an HDF5 object (type, dataspace, property list, attribute), which `deinit`
/// releases.
///
/// None of these objects holds unwritten data, so the result of their close functions is
/// unimportant.
struct Handle: ~Copyable {
  let id: hid_t
  private let close: (hid_t) -> herr_t

  /// Takes ownership of `id`, which `call` has just returned.
  init(
    _ id: hid_t, _ call: String, file: String, object: String? = nil,
    closedBy close: @escaping (hid_t) -> herr_t
  ) throws(HDF5Error) {
    guard id >= 0 else {
      throw HDF5Error.last(call, status: Int(id), file: file, object: object)
    }
    self.id = id
    self.close = close
  }

  deinit { _ = close(id) }
}

extension File {
  /// Throws the error of HDF5's error stack if `status`, returned by `call`, is negative.
  @discardableResult
  func check<Status: SignedInteger>(
    _ status: Status, _ call: String, _ object: String? = nil
  ) throws(HDF5Error) -> Status {
    guard status >= 0 else {
      throw HDF5Error.last(call, status: Int(status), file: path, object: object)
    }
    return status
  }

  /// A dataspace of the given extents; without extents, a dataspace of one element.
  func dataspace(_ shape: [Int], for object: String) throws(HDF5Error) -> Handle {
    if shape.isEmpty {
      return try Handle(
        H5Screate(H5S_SCALAR), "H5Screate", file: path, object: object, closedBy: H5Sclose)
    }
    let extents = shape.map { hsize_t($0) }
    return try Handle(
      H5Screate_simple(Int32(shape.count), extents, nil), "H5Screate_simple", file: path,
      object: object, closedBy: H5Sclose)
  }

  /// A property list of the class `kind`.
  func properties(_ kind: hid_t, for object: String? = nil) throws(HDF5Error) -> Handle {
    try Handle(H5Pcreate(kind), "H5Pcreate", file: path, object: object, closedBy: H5Pclose)
  }

  /// The extents of a dataspace: empty for a scalar, nil for a null dataspace.
  func extents(of space: borrowing Handle, for object: String) throws(HDF5Error) -> [Int]? {
    guard H5Sget_simple_extent_type(space.id) != H5S_NULL else { return nil }
    let rank = Int(
      try check(H5Sget_simple_extent_ndims(space.id), "H5Sget_simple_extent_ndims", object))
    var extents = [hsize_t](repeating: 0, count: rank)
    try check(
      H5Sget_simple_extent_dims(space.id, &extents, nil), "H5Sget_simple_extent_dims", object)
    // A forged file may declare more elements than a number can count.
    var count = 1
    return try extents.map { (extent) throws(HDF5Error) in
      let (product, overflows) = count.multipliedReportingOverflow(by: Int(clamping: extent))
      guard let value = Int(exactly: extent), !overflows else {
        throw HDF5Error(
          file: path, object: object,
          message: "found extents \(extents), expected a number of elements below 2^63")
      }
      if value > 0 { count = product }
      return value
    }
  }
}

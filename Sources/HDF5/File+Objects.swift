import CHDF5

/// Groups and datasets of a file.
extension File {
  /// How the elements of a new dataset lie in the file.
  public enum Layout: Equatable, Sendable {
    /// One continuous range of bytes, allocated at once, so that it can be memory-mapped.
    case contiguous
    /// Chunks of the given shape; gzip compresses them if `level` (1 to 9) is given.
    case chunked([Int], level: Int? = nil)
  }

  /// Whether `path` leads to a group, dataset or named type.
  public func exists(_ path: String) -> Bool {
    guard let access = try? linkAccess(chdf5_link_access()) else { return false }
    var prefix = ""
    for component in path.split(separator: "/") {
      prefix += "/" + component
      guard H5Lexists(handle, prefix, access.id) > 0,
        H5Oexists_by_name(handle, prefix, access.id) > 0
      else { return false }
    }
    return true
  }

  /// Whether there is a group at `path`.
  public func isGroup(_ path: String) -> Bool { kind(of: path) == H5I_GROUP }

  /// Whether there is a dataset at `path`.
  public func isDataset(_ path: String) -> Bool { kind(of: path) == H5I_DATASET }

  /// The names in a group: in the order of creation if the file keeps this order, else by name.
  ///
  /// - Throws: `HDF5Error` if no such group exists.
  public func children(of path: String) throws(HDF5Error) -> [String] {
    // HDF5 1.10 follows the addresses of a damaged group beyond its memory.
    try UntrustedRead.guarded(self.path, bytes: 0) { () throws(HDF5Error) in try names(in: path) }
  }

  private func names(in path: String) throws(HDF5Error) -> [String] {
    guard isGroup(path) else {
      throw HDF5Error(file: self.path, object: path, message: "no such group")
    }
    let group = try openGroup(path)
    var information = H5G_info_t()
    try check(H5Gget_info(group.id, &information), "H5Gget_info", path)
    // Checks all links first. If a link of a group is damaged and HDF5 1.10 lists the group, it
    // frees memory that it never allocated.
    try check(H5Lexists(group.id, "-", chdf5_default_properties()), "H5Lexists", path)
    let order = try isOrdered(group, path) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
    var names: [String] = []
    for index in 0..<information.nlinks {
      let length = try check(
        H5Lget_name_by_idx(
          group.id, ".", order, H5_ITER_INC, index, nil, 0, chdf5_default_properties()),
        "H5Lget_name_by_idx", path)
      var bytes = [UInt8](repeating: 0, count: length + 1)
      let status = bytes.withUnsafeMutableBytes {
        H5Lget_name_by_idx(
          group.id, ".", order, H5_ITER_INC, index,
          $0.baseAddress?.assumingMemoryBound(to: CChar.self),
          length + 1, chdf5_default_properties())
      }
      try check(status, "H5Lget_name_by_idx", path)
      names.append(String(decoding: bytes.prefix(length), as: UTF8.self))
    }
    return names
  }

  /// Creates a group and the missing groups above it; an existing group does not change.
  ///
  /// - Throws: `HDF5Error` if the disk is full or `path` leads to another kind of object.
  public func createGroup(_ path: String) throws(HDF5Error) {
    var prefix = ""
    for component in path.split(separator: "/") {
      prefix += "/" + component
      if isGroup(prefix) { continue }
      let ordered = try properties(chdf5_group_creation(), for: prefix)
      try check(
        H5Pset_link_creation_order(ordered.id, chdf5_creation_order()),
        "H5Pset_link_creation_order", prefix)
      _ = try Handle(
        H5Gcreate2(
          handle, prefix, chdf5_default_properties(), ordered.id, chdf5_default_properties()),
        "H5Gcreate2", file: self.path, object: prefix, closedBy: H5Gclose)
    }
  }

  /// Opens a dataset.
  ///
  /// The C function is `H5Dopen2`.
  ///
  /// - Throws: `HDF5Error` if no dataset is at `path`, or if it lies in files beyond `reach`.
  public func dataset(_ path: String) throws(HDF5Error) -> Dataset {
    try UntrustedRead.guarded(self.path, bytes: 0) { () throws(HDF5Error) in try opened(path) }
  }

  private func opened(_ path: String) throws(HDF5Error) -> Dataset {
    try checkLinks(to: path)
    guard exists(path) else {
      throw HDF5Error(file: self.path, object: path, message: "no such dataset")
    }
    guard isDataset(path) else {
      throw HDF5Error(file: self.path, object: path, message: "found a group, expected a dataset")
    }
    let access = try linkAccess(chdf5_dataset_access())
    let id = try check(H5Dopen2(handle, path, access.id), "H5Dopen2", path)
    let dataset = try Dataset(id, path: path, in: self)
    try dataset.checkStorage()
    return dataset
  }

  /// Creates a dataset and the missing groups above it.
  ///
  /// An empty `shape` means one element without extents. The C function is `H5Dcreate2`.
  ///
  /// - Throws: `HDF5Error` if the name is taken or the disk is full.
  @discardableResult
  public func createDataset(
    _ path: String, _ type: ElementType, shape: [Int], layout: Layout = .contiguous
  ) throws(HDF5Error) -> Dataset {
    let creation = try properties(chdf5_dataset_creation(), for: path)
    switch layout {
    case .contiguous:
      // Early allocation fixes the offset in the file; elements that are never written read as
      // zero.
      try check(
        H5Pset_alloc_time(creation.id, H5D_ALLOC_TIME_EARLY), "H5Pset_alloc_time", path)
      let fill = type == .string ? H5D_FILL_TIME_ALLOC : H5D_FILL_TIME_NEVER
      try check(H5Pset_fill_time(creation.id, fill), "H5Pset_fill_time", path)
    case .chunked(let chunk, let level):
      precondition(chunk.count == shape.count, "chunks of \(chunk) for shape \(shape)")
      let extents = chunk.map { hsize_t($0) }
      try check(
        H5Pset_chunk(creation.id, Int32(chunk.count), extents), "H5Pset_chunk", path)
      if let level {
        try check(H5Pset_deflate(creation.id, UInt32(level)), "H5Pset_deflate", path)
      }
    }
    return try createDataset(path, type, shape: shape, creation: creation)
  }

  /// Creates a dataset with the given creation properties.
  func createDataset(
    _ path: String, _ type: ElementType, shape: [Int], creation: borrowing Handle
  ) throws(HDF5Error) -> Dataset {
    if let slash = path.lastIndex(of: "/") { try createGroup(String(path[..<slash])) }
    // Without time stamps, equal contents give equal files.
    try check(H5Pset_obj_track_times(creation.id, false), "H5Pset_obj_track_times", path)
    let datatype = try datatype(type, for: path)
    let space = try dataspace(shape, for: path)
    let id = try check(
      H5Dcreate2(
        handle, path, datatype.id, space.id, chdf5_default_properties(), creation.id,
        chdf5_default_properties()),
      "H5Dcreate2", path)
    return try Dataset(id, path: path, in: self)
  }

  private func kind(of path: String) -> H5I_type_t {
    guard exists(path), let access = try? linkAccess(chdf5_link_access()) else {
      return H5I_BADID
    }
    let id = H5Oopen(handle, path.isEmpty ? "/" : path, access.id)
    guard id >= 0 else { return H5I_BADID }
    let kind = H5Iget_type(id)
    _ = H5Oclose(id)
    return kind
  }

  private func openGroup(_ path: String) throws(HDF5Error) -> Handle {
    let access = try linkAccess(chdf5_group_access())
    return try Handle(
      H5Gopen2(handle, path, access.id), "H5Gopen2", file: self.path, object: path,
      closedBy: H5Gclose)
  }

  /// Whether the group keeps the order of creation.
  private func isOrdered(_ group: borrowing Handle, _ path: String) throws(HDF5Error) -> Bool {
    let creation = try Handle(
      H5Gget_create_plist(group.id), "H5Gget_create_plist", file: self.path, object: path,
      closedBy: H5Pclose)
    var flags: UInt32 = 0
    try check(
      H5Pget_link_creation_order(creation.id, &flags), "H5Pget_link_creation_order", path)
    return flags & chdf5_creation_order_tracked() != 0
  }
}

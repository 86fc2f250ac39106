import CHDF5

/// Attributes: small named values on the file ("/"), a group or a dataset.
extension File {
  /// Writes a text attribute; replaces an attribute of that name.
  ///
  /// - Throws: `HDF5Error` if no object is at `path` or the text contains a NUL.
  public func write(
    attribute name: String, on path: String, _ value: String
  ) throws(HDF5Error) {
    try write(attribute: name, on: path, strings: [value], shape: [])
  }

  /// Writes a list of texts; replaces an attribute of that name.
  ///
  /// - Throws: `HDF5Error` if no object is at `path` or a text contains a NUL.
  public func write(
    attribute name: String, on path: String, _ values: [String]
  ) throws(HDF5Error) {
    try write(attribute: name, on: path, strings: values, shape: [values.count])
  }

  /// Writes an int64 attribute; replaces an attribute of that name.
  ///
  /// - Throws: `HDF5Error` if no object is at `path`.
  public func write(attribute name: String, on path: String, _ value: Int) throws(HDF5Error) {
    var stored = Int64(value)
    try write(attribute: name, on: path, .int64, &stored)
  }

  /// Writes a float64 attribute; replaces an attribute of that name.
  ///
  /// - Throws: `HDF5Error` if no object is at `path`.
  public func write(attribute name: String, on path: String, _ value: Double) throws(HDF5Error) {
    var stored = value
    try write(attribute: name, on: path, .float64, &stored)
  }

  /// The names of the attributes of an object, in name order.
  ///
  /// - Throws: `HDF5Error` if there is no object at `path`.
  public func attributes(on path: String) throws(HDF5Error) -> [String] {
    let object = try openObject(path)
    let count = try check(H5Aget_num_attrs(object.id), "H5Aget_num_attrs", path)
    var names: [String] = []
    for index in 0..<hsize_t(count) {
      let attribute = try Handle(
        H5Aopen_by_idx(
          object.id, ".", H5_INDEX_NAME, H5_ITER_INC, index, chdf5_default_properties(),
          chdf5_default_properties()),
        "H5Aopen_by_idx", file: self.path, object: path, closedBy: H5Aclose)
      let length = try check(H5Aget_name(attribute.id, 0, nil), "H5Aget_name", path)
      var bytes = [CChar](repeating: 0, count: length + 1)
      try check(H5Aget_name(attribute.id, length + 1, &bytes), "H5Aget_name", path)
      names.append(
        String(decoding: bytes.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
    return names
  }

  /// A text attribute; nil if the object has no attribute of that name.
  ///
  /// - Throws: `HDF5Error` if it is not one string.
  public func stringAttribute(_ name: String, on path: String) throws(HDF5Error) -> String? {
    if let attribute = try openAttribute(name, on: path) {
      let count = try contents(of: attribute, named: name, on: path).count
      guard count == 1 else {
        throw wrong(name, path, found: "\(count) strings", expected: "one string")
      }
    }
    return try stringsAttribute(name, on: path)?.first
  }

  /// An attribute with a list of texts; nil if the object has no attribute of that name.
  ///
  /// - Throws: `HDF5Error` if it holds no strings.
  public func stringsAttribute(_ name: String, on path: String) throws(HDF5Error) -> [String]? {
    guard let attribute = try openAttribute(name, on: path) else { return nil }
    let contents = try contents(of: attribute, named: name, on: path)
    guard H5Tget_class(contents.type.id) == H5T_STRING else {
      throw wrong(
        name, path, found: ElementType(of: contents.type).description, expected: "string")
    }
    let id = attribute.id
    return try readStrings(
      count: contents.count, stored: contents.type, "H5Aread", "\(path)@\(name)"
    ) {
      H5Aread(id, $0, $1)
    }
  }

  /// An integer attribute of any width; nil if the object has no attribute of that name.
  ///
  /// - Throws: `HDF5Error` if it is not one integer.
  public func intAttribute(_ name: String, on path: String) throws(HDF5Error) -> Int? {
    var value: Int64 = 0
    let found = try read(attribute: name, on: path, "one integer", .int64, &value) {
      $0 == H5T_INTEGER
    }
    return found ? Int(value) : nil
  }

  /// A numeric attribute; nil if the object has no attribute of that name.
  ///
  /// - Throws: `HDF5Error` if it is not one number.
  public func doubleAttribute(_ name: String, on path: String) throws(HDF5Error) -> Double? {
    var value = 0.0
    let found = try read(attribute: name, on: path, "one number", .float64, &value) {
      $0 == H5T_INTEGER || $0 == H5T_FLOAT
    }
    return found ? value : nil
  }

  private func read(
    attribute name: String, on path: String, _ expected: String, _ type: ElementType,
    _ value: UnsafeMutableRawPointer, accepting accepts: (H5T_class_t) -> Bool
  ) throws(HDF5Error) -> Bool {
    guard let attribute = try openAttribute(name, on: path) else { return false }
    let contents = try contents(of: attribute, named: name, on: path)
    guard accepts(H5Tget_class(contents.type.id)), contents.count == 1 else {
      let found = "\(contents.count) of \(ElementType(of: contents.type))"
      throw wrong(name, path, found: found, expected: expected)
    }
    let memory = try datatype(type, for: path)
    try check(H5Aread(attribute.id, memory.id, value), "H5Aread", "\(path)@\(name)")
    return true
  }

  private func write(
    attribute name: String, on path: String, strings: [String], shape: [Int]
  ) throws(HDF5Error) {
    let attribute = try create(attribute: name, on: path, .string, shape: shape)
    let id = attribute.id
    try writeStrings(strings, "H5Awrite", "\(path)@\(name)") { H5Awrite(id, $0, $1) }
  }

  private func write(
    attribute name: String, on path: String, _ type: ElementType, _ value: UnsafeRawPointer
  ) throws(HDF5Error) {
    let attribute = try create(attribute: name, on: path, type, shape: [])
    let memory = try datatype(type, for: path)
    try check(H5Awrite(attribute.id, memory.id, value), "H5Awrite", "\(path)@\(name)")
  }

  private func create(
    attribute name: String, on path: String, _ type: ElementType, shape: [Int]
  ) throws(HDF5Error) -> Handle {
    let label = "\(path)@\(name)"
    let object = try openObject(path)
    if try check(H5Aexists(object.id, name), "H5Aexists", label) > 0 {
      try check(H5Adelete(object.id, name), "H5Adelete", label)
    }
    let datatype = try datatype(type, for: label)
    let space = try dataspace(shape, for: label)
    return try Handle(
      H5Acreate2(
        object.id, name, datatype.id, space.id, chdf5_default_properties(),
        chdf5_default_properties()),
      "H5Acreate2", file: self.path, object: label, closedBy: H5Aclose)
  }

  private func openAttribute(_ name: String, on path: String) throws(HDF5Error) -> Handle? {
    let object = try openObject(path)
    guard try check(H5Aexists(object.id, name), "H5Aexists", path) > 0 else { return nil }
    return try Handle(
      H5Aopen(object.id, name, chdf5_default_properties()), "H5Aopen", file: self.path,
      object: "\(path)@\(name)", closedBy: H5Aclose)
  }

  private func openObject(_ path: String) throws(HDF5Error) -> Handle {
    guard exists(path) else {
      throw HDF5Error(file: self.path, object: path, message: "no such object")
    }
    return try Handle(
      H5Oopen(handle, path, chdf5_default_properties()), "H5Oopen", file: self.path,
      object: path, closedBy: H5Oclose)
  }

  /// The stored type and the number of elements.
  private func contents(
    of attribute: borrowing Handle, named name: String, on path: String
  ) throws(HDF5Error) -> AttributeContents {
    let label = "\(path)@\(name)"
    let space = try Handle(
      H5Aget_space(attribute.id), "H5Aget_space", file: self.path, object: label,
      closedBy: H5Sclose)
    let extents = try extents(of: space, for: label)
    return AttributeContents(
      type: try Handle(
        H5Aget_type(attribute.id), "H5Aget_type", file: self.path, object: label,
        closedBy: H5Tclose),
      count: extents?.reduce(1, *) ?? 0)
  }

  private func wrong(
    _ name: String, _ path: String, found: String, expected: String
  ) -> HDF5Error {
    HDF5Error(
      file: self.path, object: "\(path)@\(name)", message: "found \(found), expected \(expected)")
  }
}

/// The content of an attribute.
private struct AttributeContents: ~Copyable {
  let type: Handle
  let count: Int
}

import CHDF5

/// Reading and writing numbers.
extension Dataset {
  /// Reads whole rows into memory for `rows.count * rowCount` elements of `type`.
  ///
  /// Numbers of another type are converted. The C function is `H5Dread`.
  ///
  /// Traps if the dataset does not have the rows.
  /// - Throws: `HDF5Error` if the elements are not numbers or the file is damaged.
  public func read(
    rows: Range<Int>, into destination: UnsafeMutableRawPointer, as type: ElementType
  ) throws(HDF5Error) {
    try requireNumbers(as: type)
    if rows.isEmpty || rowCount == 0 { return }
    try checkSources()
    let memory = try file.datatype(type, for: path)
    let here = try select(rows)
    let there = try file.dataspace(memoryShape(rows), for: path)
    try file.check(
      H5Dread(id, memory.id, there.id, here.id, chdf5_default_properties(), destination),
      "H5Dread", path)
  }

  /// Writes whole rows from memory that holds `rows.count * rowCount` elements of `type`.
  ///
  /// The C function is `H5Dwrite`.
  ///
  /// Traps if the dataset does not have the rows.
  /// - Throws: `HDF5Error` if the disk is full or the file was opened for reading.
  public func write(
    rows: Range<Int>, from source: UnsafeRawPointer, as type: ElementType
  ) throws(HDF5Error) {
    try requireNumbers(as: type)
    if rows.isEmpty || rowCount == 0 { return }
    let memory = try file.datatype(type, for: path)
    let here = try select(rows)
    let there = try file.dataspace(memoryShape(rows), for: path)
    try file.check(
      H5Dwrite(id, memory.id, there.id, here.id, chdf5_default_properties(), source),
      "H5Dwrite", path)
    // HDF5 keeps chunks in a cache. A flush here can report an error; closing the dataset cannot.
    if !isContiguous { try file.check(H5Dflush(id), "H5Dflush", path) }
  }

  /// All elements in row-major order.
  ///
  /// - Throws: `HDF5Error` if the elements are not numbers or the file is damaged.
  public func readAll<T: Element>(as type: T.Type = T.self) throws(HDF5Error) -> [T] {
    try read(rows: 0..<(shape.first ?? 1), as: type)
  }

  /// The elements of whole rows in row-major order.
  ///
  /// - Throws: `HDF5Error` if the elements are not numbers or the file is damaged.
  public func read<T: Element>(
    rows: Range<Int>, as type: T.Type = T.self
  ) throws(HDF5Error) -> [T] {
    var values = [T](repeating: .zero, count: rows.count * rowCount)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(HDF5Error) in
      guard let start = buffer.baseAddress else { return }
      try read(rows: rows, into: start, as: T.elementType)
    }
    return values
  }

  /// Writes all elements, given in row-major order.
  ///
  /// Traps if their number is not `count`.
  /// - Throws: `HDF5Error` if the disk is full or the file was opened for reading.
  public func write<T: Element>(_ values: [T]) throws(HDF5Error) {
    precondition(values.count == count, "\(path): \(values.count) values for shape \(shape)")
    try values.withUnsafeBufferPointer { (buffer) throws(HDF5Error) in
      guard let start = buffer.baseAddress else { return }
      try write(rows: 0..<(shape.first ?? 1), from: start, as: T.elementType)
    }
  }

  /// The elements of whole rows where they are numpy's bool, as 0 and 1.
  ///
  /// - Throws: `HDF5Error` if the elements are others or the file is damaged.
  public func readBools(rows: Range<Int>) throws(HDF5Error) -> [UInt8] {
    guard type == .other("bool") else {
      throw HDF5Error(file: file.path, object: path, message: "found \(type), expected bool")
    }
    var values = [UInt8](repeating: 0, count: rows.count * rowCount)
    if values.isEmpty { return [] }
    try checkSources()
    let memory = try Dataset.storedType(id, path, file)
    let here = try select(rows)
    let there = try file.dataspace(memoryShape(rows), for: path)
    try file.check(
      H5Dread(id, memory.id, there.id, here.id, chdf5_default_properties(), &values),
      "H5Dread", path)
    guard values.allSatisfy({ $0 <= 1 }) else {
      throw HDF5Error(
        file: file.path, object: path, message: "found a bool that is neither 0 nor 1")
    }
    return values
  }

  /// Throws unless the elements are numbers: HDF5 converts only between numbers.
  ///
  /// For other types the error would arise deep inside HDF5.
  private func requireNumbers(as wanted: ElementType) throws(HDF5Error) {
    precondition(wanted.byteCount != nil, "\(path): numbers cannot be read as \(wanted)")
    if type.byteCount != nil { return }
    let stored = try Dataset.storedType(id, path, file)
    let kind = H5Tget_class(stored.id)
    guard kind == H5T_INTEGER || kind == H5T_FLOAT else {
      throw HDF5Error(file: file.path, object: path, message: "found \(type), expected \(wanted)")
    }
  }

  /// The dataset's dataspace with `rows` selected.
  private func select(_ rows: Range<Int>) throws(HDF5Error) -> Handle {
    let available = shape.first ?? 1
    precondition(
      rows.lowerBound >= 0 && rows.upperBound <= available, "\(path): rows \(rows) of \(available)")
    let space = try Handle(
      H5Dget_space(id), "H5Dget_space", file: file.path, object: path, closedBy: H5Sclose)
    if shape.isEmpty || rows.count == available { return space }
    var start = [hsize_t](repeating: 0, count: shape.count)
    var extents = shape.map { hsize_t($0) }
    start[0] = hsize_t(rows.lowerBound)
    extents[0] = hsize_t(rows.count)
    try file.check(
      H5Sselect_hyperslab(space.id, H5S_SELECT_SET, start, nil, extents, nil),
      "H5Sselect_hyperslab", path)
    return space
  }

  private func memoryShape(_ rows: Range<Int>) -> [Int] {
    shape.isEmpty ? [] : [rows.count] + shape.dropFirst()
  }
}

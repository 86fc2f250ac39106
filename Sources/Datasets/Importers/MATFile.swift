import CMatio
import Foundation

/// A MATLAB file (`.mat`) of any version up to 7.3, opened for reading; version 7.3 is HDF5.
struct MATFile: ~Copyable {
  /// The path.
  let path: String
  private let handle: OpaquePointer

  /// Opens a file.
  ///
  /// The C function is `Mat_Open`.
  ///
  /// - Throws: `DatasetError` if there is no file, if it is not a MATLAB file, or if a checksum is
  ///   wrong.
  init(_ path: String) throws(DatasetError) {
    // matio gives no reason for a failure; the operating system does.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last(path) }
    close(descriptor)
    try MATChecksums.check(path)
    guard let handle = Mat_Open(path, Int32(MAT_ACC_RDONLY.rawValue)) else {
      throw .damaged(file: path, problem: "cannot be read as a MATLAB file")
    }
    self.path = path
    self.handle = handle
  }

  deinit { Mat_Close(handle) }

  /// The names of the variables, in the file's order.
  ///
  /// The C function is `Mat_GetDir`.
  var names: [String] {
    var count = 0
    guard let list = Mat_GetDir(handle, &count) else { return [] }
    return (0..<count).compactMap { list[$0].map { String(cString: $0) } }
  }

  /// Reads a variable of numbers.
  ///
  /// - Throws: `DatasetError.mismatch` if there is no such variable, or it is not an array of
  ///   numbers. `DatasetError.damaged` if it cannot be read.
  func array(_ name: String) throws(DatasetError) -> MATArray {
    let variable = try read(name)
    defer { Mat_VarFree(variable) }
    guard let array = MATArray(variable.pointee) else {
      throw .mismatch(
        file: path, item: "variable \(name)", found: MATArray.kind(of: variable.pointee),
        expected: "an array of real numbers")
    }
    return array
  }

  /// Reads a variable of cells, each an array of numbers, in MATLAB's order.
  ///
  /// The C function is `Mat_VarGetCell`.
  ///
  /// - Throws: like `array`.
  func cells(_ name: String) throws(DatasetError) -> [MATArray] {
    let variable = try read(name)
    defer { Mat_VarFree(variable) }
    guard variable.pointee.class_type == MAT_C_CELL, let extents = variable.pointee.dims else {
      throw .mismatch(
        file: path, item: "variable \(name)", found: MATArray.kind(of: variable.pointee),
        expected: "cells")
    }
    let count = (0..<Int(variable.pointee.rank)).reduce(1) { $0 * Int(extents[$1]) }
    var arrays: [MATArray] = []
    for place in 0..<count {
      let cell = Mat_VarGetCell(variable, Int32(place))
      guard let cell, let array = MATArray(cell.pointee) else {
        throw .mismatch(
          file: path, item: "variable \(name), cell \(place + 1)",
          found: cell.map { MATArray.kind(of: $0.pointee) } ?? "nothing",
          expected: "an array of real numbers")
      }
      arrays.append(array)
    }
    return arrays
  }

  /// Reads a variable; the caller must free it.
  ///
  /// The C function is `Mat_VarRead`.
  private func read(_ name: String) throws(DatasetError) -> UnsafeMutablePointer<matvar_t> {
    let known = names
    guard known.contains(name) else {
      throw .mismatch(
        file: path, item: "variable \(name)", found: "none of that name",
        expected: known.isEmpty
          ? "a file with variables" : "one of " + known.joined(separator: ", "))
    }
    guard let variable = Mat_VarRead(handle, name) else {
      throw .damaged(file: path, problem: "variable \(name): cannot be read")
    }
    return variable
  }
}

/// An array of real numbers in MATLAB's order: column-major, the first dimension fastest.
struct MATArray {
  /// The extents; a matrix has rows and columns.
  let dimensions: [Int]
  /// The elements in MATLAB's order, for any type in the file.
  let values: [Double]

  /// The numbers of a variable; nil for text, cells, structures, sparse and complex arrays.
  init?(_ variable: matvar_t) {
    guard variable.isComplex == 0, variable.rank > 0, let extents = variable.dims else {
      return nil
    }
    dimensions = (0..<Int(variable.rank)).map { Int(extents[$0]) }
    let count = dimensions.reduce(1, *)
    guard count > 0, let data = variable.data else { return nil }

    func elements<Element: BinaryInteger>(_: Element.Type) -> [Double] {
      let start = data.assumingMemoryBound(to: Element.self)
      return (0..<count).map { Double(start[$0]) }
    }
    switch variable.class_type {
    case MAT_C_DOUBLE:
      let start = data.assumingMemoryBound(to: Double.self)
      values = Array(UnsafeBufferPointer(start: start, count: count))
    case MAT_C_SINGLE:
      let start = data.assumingMemoryBound(to: Float.self)
      values = (0..<count).map { Double(start[$0]) }
    case MAT_C_INT8: values = elements(Int8.self)
    case MAT_C_UINT8: values = elements(UInt8.self)
    case MAT_C_INT16: values = elements(Int16.self)
    case MAT_C_UINT16: values = elements(UInt16.self)
    case MAT_C_INT32: values = elements(Int32.self)
    case MAT_C_UINT32: values = elements(UInt32.self)
    case MAT_C_INT64: values = elements(Int64.self)
    case MAT_C_UINT64: values = elements(UInt64.self)
    default: return nil
    }
  }

  /// The kind, in words, of a variable that is not an array of real numbers.
  static func kind(of variable: matvar_t) -> String {
    if variable.isComplex != 0 { return "complex numbers" }
    return switch variable.class_type {
    case MAT_C_CHAR: "text"
    case MAT_C_CELL: "cells"
    case MAT_C_STRUCT, MAT_C_OBJECT: "a structure"
    case MAT_C_SPARSE: "a sparse matrix"
    default: "nothing"
    }
  }
}

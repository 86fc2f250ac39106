import CMatio
import Foundation

extension MATLABFiles {
  /// Writes a file of several matrices of doubles, each with its name, rows and columns.
  ///
  /// - Throws: `MATLABFileError` if the file cannot be written.
  public static func write(
    _ path: String, _ matrices: [(name: String, rows: Int, columns: Int, values: [Double])]
  ) throws {
    try create(path) { file in
      for matrix in matrices {
        let made = variable(matrix.name, matrix.rows, matrix.columns, matrix.values)
        defer { Mat_VarFree(made) }
        guard Mat_VarWrite(file, made, MAT_COMPRESSION_ZLIB) == 0 else {
          throw MATLABFileError(path: path)
        }
      }
    }
  }

  /// Writes a file of one column of cells; each cell is a matrix of doubles with `rows` rows.
  ///
  /// - Throws: `MATLABFileError` if the file cannot be written.
  public static func writeCells(
    _ path: String, variable name: String, rows: Int, _ cells: [[Double]]
  ) throws {
    try create(path) { file in
      var extents = [cells.count, 1]
      guard let column = Mat_VarCreate(name, MAT_C_CELL, MAT_T_CELL, 2, &extents, nil, 0) else {
        throw MATLABFileError(path: path)
      }
      defer { Mat_VarFree(column) }
      for (place, values) in cells.enumerated() {
        // The cell takes ownership of the matrix.
        Mat_VarSetCell(column, Int32(place), variable(nil, rows, values.count / rows, values))
      }
      guard Mat_VarWrite(file, column, MAT_COMPRESSION_ZLIB) == 0 else {
        throw MATLABFileError(path: path)
      }
    }
  }

  private static func create(_ path: String, _ body: (OpaquePointer) throws -> Void) throws {
    guard let file = Mat_CreateVer(path, nil, MAT_FT_MAT5) else {
      throw MATLABFileError(path: path)
    }
    defer { Mat_Close(file) }
    try body(file)
  }

  /// A matrix with a copy of the values.
  private static func variable(
    _ name: String?, _ rows: Int, _ columns: Int, _ values: [Double]
  ) -> UnsafeMutablePointer<matvar_t>? {
    var extents = [rows, columns]
    var values = values
    return Mat_VarCreate(name, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, &extents, &values, 0)
  }
}

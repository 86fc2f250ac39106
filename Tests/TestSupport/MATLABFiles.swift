import CMatio
import Foundation

/// MATLAB files for tests.
public enum MATLABFiles {
  /// The container.
  public enum Version: Sendable, CaseIterable {
    /// MATLAB 5, compressed.
    case five
    /// MATLAB 7.3, which is HDF5.
    case sevenPointThree
  }

  /// An element type of MATLAB.
  public enum Elements: Sendable {
    case bytes([UInt8])
    case doubles([Double])
  }

  /// Writes a file of one matrix, column by column.
  ///
  /// - Throws: `MATLABFileError` if the file cannot be written.
  public static func write(
    _ path: String, _ version: Version = .five, variable: String, rows: Int, columns: Int,
    _ elements: Elements
  ) throws {
    let format = version == .five ? MAT_FT_MAT5 : MAT_FT_MAT73
    guard let file = Mat_CreateVer(path, nil, format) else { throw MATLABFileError(path: path) }
    defer { Mat_Close(file) }
    func add(
      _ classType: matio_classes, _ dataType: matio_types, _ data: UnsafeRawBufferPointer
    ) throws {
      var extents = [rows, columns]
      let made = Mat_VarCreate(
        variable, classType, dataType, 2, &extents,
        UnsafeMutableRawPointer(mutating: data.baseAddress),
        0)
      guard let made else { throw MATLABFileError(path: path) }
      defer { Mat_VarFree(made) }
      guard Mat_VarWrite(file, made, MAT_COMPRESSION_ZLIB) == 0 else {
        throw MATLABFileError(path: path)
      }
    }
    switch elements {
    case .bytes(let values): try values.withUnsafeBytes { try add(MAT_C_UINT8, MAT_T_UINT8, $0) }
    case .doubles(let values):
      try values.withUnsafeBytes { try add(MAT_C_DOUBLE, MAT_T_DOUBLE, $0) }
    }
  }
}

/// A MATLAB file that could not be written.
public struct MATLABFileError: Error {
  /// The path of the file.
  public let path: String
}

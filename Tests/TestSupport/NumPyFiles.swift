import Foundation

/// Arrays of NumPy for tests, byte by byte.
public enum NumPyFiles {
  /// An array as a file `.npy`.
  ///
  /// - Parameters:
  ///   - descr: the type in NumPy's words, such as `<f4`.
  ///   - values: all values in memory order.
  ///   - fortran: whether the first index runs first.
  public static func array<Value: BitwiseCopyable>(
    _ descr: String, _ shape: [Int], _ values: [Value], fortran: Bool = false
  ) -> Data {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    let order = fortran ? "True" : "False"
    var header = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': (\(extents)), }"
    header += String(repeating: " ", count: (64 - (header.count + 11) % 64) % 64) + "\n"
    let length = UInt16(header.utf8.count)
    let start: [UInt8] =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
    return Data(start) + Data(header.utf8) + values.withUnsafeBytes { Data($0) }
  }
}

import CHDF5
import Foundation
import HDF5
import Testing

/// Types that only other programs write.
struct ForeignTypes {
  let scratch: Scratch
  let path: String

  init() throws {
    scratch = try Scratch()
    path = scratch("foreign.h5")
    try File.create(path).close()
  }

  /// Adds a dataset by direct calls of HDF5.
  private func add<T>(
    _ name: String, _ type: hid_t, shape: [hsize_t], _ values: [T], in memory: hid_t
  ) throws {
    let file = H5Fopen(path, chdf5_read_write(), chdf5_default_properties())
    let space = H5Screate_simple(Int32(shape.count), shape, nil)
    let standard = chdf5_default_properties()
    let dataset = H5Dcreate2(file, name, type, space, standard, standard, standard)
    let status = values.withUnsafeBytes {
      H5Dwrite(
        dataset, memory, chdf5_whole_space(), chdf5_whole_space(), standard, $0.baseAddress)
    }
    try #require(file >= 0 && space >= 0 && dataset >= 0 && status >= 0)
    #expect(H5Dclose(dataset) >= 0 && H5Sclose(space) >= 0 && H5Fclose(file) >= 0)
  }

  /// A copy of a predefined type.
  private func copy(_ type: hid_t, bytes: Int? = nil) throws -> hid_t {
    let copy = H5Tcopy(type)
    if let bytes { try #require(H5Tset_size(copy, bytes) >= 0) }
    return try #require(copy >= 0 ? copy : nil)
  }

  @Test func integersOfOtherWidthsAreConverted() throws {
    let type = try copy(chdf5_int32(), bytes: 2)
    try #require(H5Tset_sign(type, H5T_SGN_NONE) >= 0 && H5Tset_order(type, H5T_ORDER_BE) >= 0)
    try add("wide", type, shape: [2], [1, 65535] as [Int32], in: chdf5_int32())
    let dataset = try File.open(path).dataset("wide")
    #expect(dataset.type == .other("uint16"))
    #expect(dataset.fileOffset == nil)
    #expect(try dataset.readAll() as [Int32] == [1, 65535])
    #expect(try dataset.readAll() as [Float] == [1, 65535])
  }

  @Test func otherByteOrdersAreConvertedButNotMapped() throws {
    let type = try copy(chdf5_float32())
    try #require(H5Tset_order(type, H5T_ORDER_BE) >= 0)
    try add("floats", type, shape: [1, 3], [1, -2.5, 3] as [Float], in: chdf5_float32())
    let dataset = try File.open(path).dataset("floats")
    #expect(dataset.type == .float32)
    #expect(dataset.isContiguous)
    #expect(dataset.fileOffset == nil)
    #expect(try dataset.readAll() as [Float] == [1, -2.5, 3])
  }

  @Test(arguments: [H5T_STR_NULLPAD, H5T_STR_NULLTERM, H5T_STR_SPACEPAD])
  func stringsOfFixedLengthAreTrimmed(padding: H5T_str_t) throws {
    let type = try copy(chdf5_c_string(), bytes: 6)
    try #require(H5Tset_strpad(type, padding) >= 0)
    let fill: UInt8 = padding == H5T_STR_SPACEPAD ? 0x20 : 0
    let bytes = ["abc", "", "süß"].flatMap { text in
      Array((Array(text.utf8) + [UInt8](repeating: fill, count: 6)).prefix(6))
    }
    try add("names", type, shape: [3], bytes, in: type)
    #expect(try File.open(path).dataset("names").readStrings() == ["abc", "", "süß"])
  }

  @Test func enumerationsAreNoNumbers() throws {
    let type = H5Tenum_create(chdf5_int8())
    var (no, yes): (Int8, Int8) = (0, 1)
    try #require(H5Tenum_insert(type, "FALSE", &no) >= 0 && H5Tenum_insert(type, "TRUE", &yes) >= 0)
    try add("flags", type, shape: [2], [0, 1] as [Int8], in: type)
    let dataset = try File.open(path).dataset("flags")
    let error = try #require(throws: HDF5Error.self) { try dataset.readAll() as [Int32] }
    #expect(error.description == "\(path): flags: found bool, expected int32")
    #expect(try dataset.readBools(rows: 0..<2) == [0, 1])
  }
}

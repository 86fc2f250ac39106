import Foundation
import HDF5
import Testing

/// Damaged or unexpected files are reported in one line.
struct ForeignFiles {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// The text of the error that `body` throws.
  private func message(_ body: () throws -> Void) throws -> String {
    let error = try #require(throws: HDF5Error.self, performing: body)
    #expect(!error.description.contains("\n"))
    return error.description.replacingOccurrences(of: scratch.path + "/", with: "")
  }

  private func sample() throws -> String {
    let path = scratch("sample.h5")
    let file = try File.create(path)
    try file.createDataset("/train/images", .float64, shape: [10, 3]).write(
      [Double](repeating: 1, count: 30))
    try file.createDataset("/names", .string, shape: [1]).write(strings: ["a"])
    try file.write(attribute: "version", on: "/", "one")
    try file.close()
    return path
  }

  @Test func filesThatAreNotHDF5() throws {
    try "plain text\n".write(toFile: scratch("text.h5"), atomically: true, encoding: .utf8)
    try Data().write(to: URL(fileURLWithPath: scratch("empty.h5")))
    #expect(try message { _ = try File.open(scratch("text.h5")) } == "text.h5: not an HDF5 file")
    #expect(try message { _ = try File.open(scratch("empty.h5")) } == "empty.h5: not an HDF5 file")
    #expect(try message { _ = try File.open(scratch("none.h5")) } == "none.h5: no such file")
    let directory = try message { _ = try File.open(scratch.path) }
    #expect(
      directory.hasSuffix(
        ": found a directory, expected an HDF5 file (cleave import images makes one of a folder of "
          + "pictures)"))
    let unwritable = try message { _ = try File.create(scratch("none/f.h5")) }
    #expect(unwritable == "none/f.h5: no such file or directory")
    let error = try #require(throws: HDF5Error.self) { try File.create(scratch("none/f.h5")) }
    #expect(error.errorNumber == ENOENT)
    #expect(error.call == "H5Fcreate")
    #expect(error.renamed("g.h5").description == "g.h5: no such file or directory")
    #expect(error.renamed("g.h5").errorNumber == ENOENT)
  }

  @Test(arguments: [1, 8, 100, 2000, 2200])
  func truncatedFilesAreNamed(size: Int) throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: try sample()))
    try #require(size < whole.count)
    try whole.prefix(size).write(to: URL(fileURLWithPath: scratch("cut.h5")))
    let text = try message { _ = try File.open(scratch("cut.h5")) }
    #expect(text.hasPrefix("cut.h5: "))
    if size >= 100 {
      #expect(text == "cut.h5: truncated: found \(size) bytes, expected \(whole.count)")
    }
  }

  @Test func missingDatasets() throws {
    let file = try File.open(try sample())
    #expect(
      try message { _ = try file.dataset("/test/images") }
        == "sample.h5: /test/images: no such dataset")
    #expect(
      try message { _ = try file.dataset("/train") }
        == "sample.h5: /train: found a group, expected a dataset")
    #expect(try message { _ = try file.children(of: "/test") } == "sample.h5: /test: no such group")
    #expect(
      try message { _ = try file.stringAttribute("a", on: "/test") }
        == "sample.h5: /test: no such object")
  }

  @Test func wrongTypesAndShapes() throws {
    let file = try File.open(try sample())
    let images = try file.dataset("/train/images")
    try images.expect(.float64, shape: [nil, 3])
    #expect(
      try message { try images.expect(.uint8, .float32, shape: [nil, 28, 28, 1]) }
        == "sample.h5: /train/images: found float64 [10, 3], "
        + "expected uint8 or float32 [any, 28, 28, 1]")
    #expect(
      try message { try images.expect(.float64, shape: [10, 4]) }
        == "sample.h5: /train/images: found float64 [10, 3], expected float64 [10, 4]")
    #expect(
      try message { _ = try file.dataset("/names").readAll(as: Float.self) }
        == "sample.h5: /names: found string, expected float32")
    #expect(
      try message { _ = try images.readStrings() }
        == "sample.h5: /train/images: found float64, expected string")
    #expect(
      try message { _ = try file.intAttribute("version", on: "/") }
        == "sample.h5: /@version: found 1 of string, expected one integer")
  }

  @Test func namesInUseAndFilesOpenedForReading() throws {
    let path = try sample()
    let reading = try File.open(path)
    let refused = try message { try reading.createDataset("/new", .int8, shape: [1]) }
    #expect(refused.hasPrefix("sample.h5: /new: H5Dcreate2 failed: "))
    try reading.close()
    let writing = try File.open(path, writable: true)
    let taken = try message { try writing.createDataset("/names", .int8, shape: [1]) }
    #expect(taken.hasPrefix("sample.h5: /names: H5Dcreate2 failed: "))
  }
}

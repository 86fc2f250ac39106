import Foundation
import HDF5
import Testing

/// A directory that is removed with the value.
final class Scratch {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/hdf5-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func callAsFunction(_ name: String) -> String { path + "/" + name }
}

/// Writes data and reads them back.
struct RoundTrips {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func roundTrip<T: Element & Equatable>(_ values: [T], shape: [Int]) throws {
    let path = scratch("\(T.elementType).h5")
    let file = try File.create(path)
    try file.createDataset("/a/b/values", T.elementType, shape: shape).write(values)
    try file.close()
    let reopened = try File.open(path)
    let dataset = try reopened.dataset("/a/b/values")
    #expect(dataset.shape == shape)
    #expect(dataset.type == T.elementType)
    #expect(dataset.isContiguous)
    #expect(try dataset.readAll() as [T] == values)
    // The bytes at the offset in the file are the dataset's bytes.
    let offset = try #require(dataset.fileOffset)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    let size = values.count * MemoryLayout<T>.size
    let stored = values.withUnsafeBytes { Data($0) }
    #expect(bytes[offset..<offset + size] == stored)
  }

  @Test func numbersOfEveryTypeAreKept() throws {
    try roundTrip([0, 1, 127, 128, 254, 255] as [UInt8], shape: [2, 3])
    try roundTrip([-128, -1, 0, 1, 2, 127] as [Int8], shape: [6])
    try roundTrip([.min, -1, 0, .max] as [Int32], shape: [2, 1, 2])
    try roundTrip([.min, -1, 0, .max] as [Int64], shape: [4])
    try roundTrip([0, -0.5, 65504, 5.9604645e-8, .infinity, 1.0009766] as [Float16], shape: [6])
    try roundTrip([0, -1.5, .leastNonzeroMagnitude, .infinity] as [Float], shape: [1, 2, 2, 1])
    try roundTrip([0, -1.5, .greatestFiniteMagnitude, .pi] as [Double], shape: [2, 2])
  }

  @Test func numbersAreConverted() throws {
    let file = try File.create(scratch("f.h5"))
    try file.createDataset("/bytes", .uint8, shape: [4]).write([0, 1, 128, 255] as [UInt8])
    try file.createDataset("/halves", .float16, shape: [3]).write([0.5, -2, 65504] as [Float16])
    #expect(try file.dataset("/bytes").readAll() as [Float] == [0, 1, 128, 255])
    #expect(try file.dataset("/bytes").readAll() as [Int64] == [0, 1, 128, 255])
    #expect(try file.dataset("/halves").readAll() as [Double] == [0.5, -2, 65504])
  }

  @Test func rowsAreReadAndWrittenAlone() throws {
    let file = try File.create(scratch("f.h5"))
    let dataset = try file.createDataset("/x", .float32, shape: [5, 2, 2])
    let values = (0..<20).map(Float.init)
    try dataset.write(values)
    try dataset.write(rows: 2..<4, from: [Float](repeating: -1, count: 8), as: .float32)
    #expect(try dataset.read(rows: 1..<3) == [4, 5, 6, 7, -1, -1, -1, -1] as [Float])
    #expect(try dataset.read(rows: 4..<5) == [16, 17, 18, 19] as [Float])
    #expect(try dataset.read(rows: 3..<3) == [] as [Float])
    #expect(dataset.rowCount == 4)
    #expect(dataset.count == 20)
  }

  @Test func emptyDatasetsAreKept() throws {
    let file = try File.create(scratch("f.h5"))
    try file.createDataset("/none", .float64, shape: [0, 2]).write([] as [Double])
    let dataset = try file.dataset("/none")
    #expect(dataset.shape == [0, 2])
    #expect(dataset.fileOffset == nil)
    #expect(try dataset.readAll() as [Double] == [])
  }

  @Test func chunkedDatasetsAreReadByRows() throws {
    let file = try File.create(scratch("f.h5"))
    let values = (0..<100).map { UInt8($0) }
    let dataset = try file.createDataset(
      "/x", .uint8, shape: [10, 10], layout: .chunked([3, 10], level: 4))
    try dataset.write(values)
    #expect(!dataset.isContiguous)
    #expect(dataset.fileOffset == nil)
    #expect(try dataset.read(rows: 2..<7) == Array(values[20..<70]))
  }

  @Test func stringsAreKept() throws {
    let path = scratch("f.h5")
    let texts = ["", "plain", "Grüße, 世界", String(repeating: "x", count: 100_000)]
    var file = try File.create(path)
    try file.createDataset("/names", .string, shape: [4]).write(strings: texts)
    try file.createDataset("/config", .string, shape: []).write(strings: ["{\"a\": 1}"])
    try file.close()
    file = try File.open(path)
    #expect(try file.dataset("/names").readStrings() == texts)
    #expect(try file.dataset("/config").readStrings() == ["{\"a\": 1}"])
    #expect(try file.dataset("/config").shape == [])
    #expect(throws: HDF5Error.self) { try file.dataset("/names").readAll() as [Float] }
  }

  @Test func attributesAreKept() throws {
    let path = scratch("f.h5")
    var file = try File.create(path)
    try file.createGroup("/train")
    try file.write(attribute: "format", on: "/", "first")
    try file.write(attribute: "format", on: "/", "cleave-dataset")
    try file.write(attribute: "version", on: "/", 1)
    try file.write(attribute: "smallest", on: "/train", Int.min)
    try file.write(attribute: "rate", on: "/train", 0.1)
    try file.write(attribute: "names", on: "/train", ["Male", "Süß"])
    try file.close()
    file = try File.open(path)
    #expect(try file.stringAttribute("format", on: "/") == "cleave-dataset")
    #expect(try file.intAttribute("version", on: "/") == 1)
    #expect(try file.doubleAttribute("version", on: "/") == 1)
    #expect(try file.intAttribute("smallest", on: "/train") == Int.min)
    #expect(try file.doubleAttribute("rate", on: "/train") == 0.1)
    #expect(try file.stringsAttribute("names", on: "/train") == ["Male", "Süß"])
    #expect(try file.stringAttribute("absent", on: "/") == nil)
    #expect(try file.intAttribute("absent", on: "/train") == nil)
    #expect(try file.attributes(on: "/train") == ["names", "rate", "smallest"])
  }

  @Test func groupsKeepTheOrderOfCreation() throws {
    let path = scratch("f.h5")
    var file = try File.create(path)
    let names = (0..<40).map { "layer.\(($0 * 17) % 40)" }
    for name in names {
      try file.createDataset("/model/" + name, .float32, shape: [1]).write([1] as [Float])
    }
    try file.close()
    file = try File.open(path)
    #expect(try file.children(of: "/model") == names)
    #expect(try file.children(of: "/") == ["model"])
    #expect(file.isGroup("/model") && !file.isDataset("/model"))
    #expect(file.isDataset("/model/layer.3") && !file.isGroup("/model/layer.3"))
    #expect(!file.exists("/model/layer.3/deeper") && !file.exists("/absent/layer"))
  }

  @Test func virtualDatasetsShowTheirPartsWhereverTheDirectoryGoes() throws {
    let directory = scratch("before")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let values = (0..<24).map(Float.init)
    for (name, rows) in [("a.h5", 0..<1), ("b.h5", 1..<4)] {
      let part = try File.create("\(directory)/\(name)")
      try part.createDataset("/S", .float32, shape: [rows.count, 3, 2]).write(
        Array(values[rows.lowerBound * 6..<rows.upperBound * 6]))
      try part.close()
    }
    let whole = try File.create("\(directory)/whole.h5")
    try whole.createVirtualDataset(
      "/split/S", .float32, shape: [4, 3, 2],
      parts: [
        VirtualPart(file: "a.h5", dataset: "/S", rows: 0..<1),
        VirtualPart(file: "b.h5", dataset: "/S", rows: 1..<4),
        VirtualPart(file: "none.h5", dataset: "/S", rows: 4..<4),
      ])
    try whole.close()
    try FileManager.default.moveItem(atPath: directory, toPath: scratch("after"))
    let dataset = try File.open(scratch("after/whole.h5")).dataset("/split/S")
    #expect(dataset.shape == [4, 3, 2])
    #expect(dataset.fileOffset == nil)
    #expect(try dataset.readAll() as [Float] == values)
  }

  @Test func equalContentsAreEqualFiles() throws {
    for name in ["a.h5", "b.h5"] {
      let file = try File.create(scratch(name))
      try file.createDataset("/g/x", .int32, shape: [2]).write([1, 2] as [Int32])
      try file.write(attribute: "n", on: "/g", 3)
      try file.close()
    }
    #expect(FileManager.default.contentsEqual(atPath: scratch("a.h5"), andPath: scratch("b.h5")))
  }

  @Test func datasetsKeepTheirFileOpen() throws {
    let path = scratch("f.h5")
    let file = try File.create(path)
    try file.createDataset("/x", .int32, shape: [2]).write([1, 2] as [Int32])
    try file.synchronize()
    try file.close()
    let dataset = try File.open(path).dataset("/x")
    #expect(try dataset.readAll() as [Int32] == [1, 2])
  }
}

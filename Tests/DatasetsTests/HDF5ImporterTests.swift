import CHDF5
import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

/// HDF5 files of other programs become data sets.
@Suite(.serialized) struct HDF5ImporterTests {
  private func imported(
    _ path: String, _ options: [String: String] = [:]
  ) throws -> (output: String, line: String) {
    let output = path + ".out.h5"
    let report = try HDF5Importer.run(
      sources: [path], options: options, to: output, force: true)
    return (output, report.notes.joined(separator: " "))
  }

  @Test func splitsAndLabelsAreFoundByName() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "keras.h5").path
      let file = try File.create(path)
      let (train, test) = (patternBytes(5 * 12).map { $0 | 64 }, patternBytes(24).map { $0 | 128 })
      try file.createDataset("x_train", .uint8, shape: [5, 2, 2, 3]).write(train)
      try file.createDataset("x_test", .uint8, shape: [2, 2, 2, 3]).write(test)
      try file.createDataset("y_train", .int64, shape: [5]).write([3, 0, 1, 1, 2] as [Int64])
      try file.createDataset("y_test", .int64, shape: [2, 1]).write([0, 9] as [Int64])
      try file.createDataset("notes", .float32, shape: [3]).write([1, 2, 3] as [Float])
      try file.close()
      for options in [[:], ["images": "x_train"], ["images": "/x_train", "labels": "y_train"]] {
        let (output, line) = try imported(path, options)
        let (a, b) = (try ImageSet.open(output), try ImageSet.open(output, split: "test"))
        #expect(a.bytes(0..<5) == train && b.bytes(0..<2) == test)
        #expect(a.labels == [3, 0, 1, 1, 2] && b.labels == [0, 9])
        #expect(line.hasSuffix("; not read: /notes"), "\(line)")
      }
      let (output, _) = try imported(
        path, ["images": "x_test", "test-images": "x_train", "test-labels": "y_train"])
      #expect(
        try ImageSet.open(output).count == 2 && ImageSet.open(output, split: "test").count == 5)
      let error = #expect(throws: DatasetError.self) { try imported(path, ["images": "x"]) }
      #expect(
        error?.description
          == "--images: found x, expected an array of \(path): /x_train, /x_test, /y_train, /y_test, "
          + "/notes")
      let labels = #expect(throws: DatasetError.self) {
        try imported(path, ["images": "x_train", "labels": "notes"])
      }
      #expect(
        labels?.description
          == "\(path): /notes: found float32 [3], expected [5], a label for each image of /x_train")
    }
  }

  /// Arrays with names of labels that are none are told with their form.
  @Test func labelsThatDoNotFit() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "hot.h5").path
      let file = try File.create(path)
      try file.createDataset("x", .uint8, shape: [4, 2, 2, 1]).write(patternBytes(16))
      try file.createDataset("y", .float32, shape: [4, 3]).write(
        Array(repeating: Float(0), count: 12))
      try file.close()
      let (_, line) = try imported(path, [:])
      #expect(
        line.contains(
          "no labels (expected one value an image in one array, found /y [4, 3]), as train"),
        "\(line)")
    }
  }

  @Test func testImagesAreTheLastOfEachClass() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.h5").path
      let values = (0..<40).map { UInt8($0 * 6) }
      let file = try File.create(path)
      try file.createDataset(
        "x", .uint8, shape: [10, 2, 2], layout: .chunked([3, 2, 1], level: 5)
      )
      .write(values)
      try file.createDataset("y", .int64, shape: [10]).write(
        [0, 0, 1, 1, 1, 1, 1, 1, 1, 0] as [Int64])
      try file.close()
      let (output, line) = try imported(path, ["test": "4"])
      let (train, test) = (try ImageSet.open(output), try ImageSet.open(output, split: "test"))
      #expect(line.hasSuffix(" test split: the last of each class, 2 of 0, 2 of 1"), "\(line)")
      #expect(test.labels == [0, 1, 1, 0] && train.labels == [0, 1, 1, 1, 1, 1])
      func pixels(_ rows: [Int]) -> [UInt8] { rows.flatMap { values[$0 * 4..<$0 * 4 + 4] } }
      let (first, last) = (train.bytes(0..<6), test.bytes(0..<4))
      #expect(first == pixels([0, 2, 3, 4, 5, 6]))
      #expect(last == pixels([1, 7, 8, 9]))
    }
  }

  /// No part of the file that is read is ever replaced.
  @Test func partsAreInputs() throws {
    try withTemporaryFolder { folder in
      let part = folder.appending(path: "part.h5").path
      let middle = folder.appending(path: "middle.h5").path
      let whole = folder.appending(path: "whole.h5").path
      let file = try File.create(part)
      try file.createDataset("/x", .uint8, shape: [2, 2, 2]).write(
        [200, 1, 2, 3, 4, 5, 6, 7] as [UInt8])
      try file.close()
      for (path, source, name) in [(middle, "part.h5", "/x"), (whole, "middle.h5", "/v")] {
        let file = try File.create(path)
        try file.createVirtualDataset(
          "/v", .uint8, shape: [2, 2, 2],
          parts: [VirtualPart(file: source, dataset: name, rows: 0..<2)])
        try file.close()
      }
      func contents() throws -> [Data] {
        try [part, middle].map { try Data(contentsOf: URL(filePath: $0)) }
      }
      let before = try contents()
      for output in [part, middle] {
        let error = #expect(throws: DatasetError.self) {
          try HDF5Importer.run(sources: [whole], to: output, force: true)
        }
        #expect(error?.description.hasPrefix(output) == true, "\(String(describing: error))")
        let corrupted = #expect(throws: DatasetError.self) {
          try CorruptImages.run(
            input: whole, output: output, noise: .saltPepper(0.5), seed: 1,
            options: ImageSetOptions(images: "/v"), force: true)
        }
        #expect(corrupted?.description == error?.description)
      }
      #expect(try contents() == before)
      #expect(try ImageSet.open(imported(whole).output).count == 2)
    }
  }

  /// Chunks, filters and other types; numpy's bool is an enumeration.
  @Test func otherTypesAndLayouts() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.h5").path
      let values = (0..<40).map { Int64($0 * 6) }
      let file = try File.create(path)
      try file.createDataset(
        "i64", .int64, shape: [10, 2, 2], layout: .chunked([3, 2, 1], level: 5)
      ).write(values)
      try file.createDataset("f16", .float16, shape: [10, 2, 2, 1])
        .write(values.map { Float16($0) / 256 })
      try file.createDataset("rows", .float64, shape: [10, 4]).write(values.map { Double($0) })
      try file.close()
      func check(_ name: String, _ scale: Float) throws {
        let (output, line) = try imported(path, ["images": name])
        let found = try ImageSet.open(output).values(0..<10)
        #expect(found == values.map { Float($0) / scale }, "\(line)")
      }
      try check("i64", 255)
      try check("f16", 256)
      try check("rows", 255)
      let error = #expect(throws: DatasetError.self) { try imported(path) }
      #expect(error?.description.contains("(--images and --test-images name them)") == true)
    }
  }

  @Test func booleansAndSixteenBits() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.h5").path
      let handle = H5Fcreate(
        path, chdf5_truncate(), chdf5_default_properties(), chdf5_default_properties())
      let bool = H5Tenum_create(chdf5_int8())
      var (no, yes): (Int8, Int8) = (0, 1)
      try #require(
        H5Tenum_insert(bool, "FALSE", &no) >= 0 && H5Tenum_insert(bool, "TRUE", &yes) >= 0)
      let word = H5Tcopy(chdf5_int32())
      try #require(H5Tset_size(word, 2) >= 0 && H5Tset_sign(word, H5T_SGN_NONE) >= 0)
      func add<T>(_ name: String, _ type: hid_t, _ memory: hid_t, _ values: [T]) throws {
        let extents: [hsize_t] = [2, 2, 2]
        let space = H5Screate_simple(3, extents, nil)
        let standard = chdf5_default_properties()
        let dataset = H5Dcreate2(handle, name, type, space, standard, standard, standard)
        let status = values.withUnsafeBytes {
          H5Dwrite(
            dataset, memory, chdf5_whole_space(), chdf5_whole_space(), standard, $0.baseAddress)
        }
        try #require(status >= 0)
        _ = H5Dclose(dataset)
        _ = H5Sclose(space)
      }
      try add("flags", bool, bool, [0, 1, 1, 0, 0, 0, 1, 1] as [Int8])
      let words: [Int32] = [0, 1, 65535, 9, 500, 4, 3, 2]
      try add("words", word, chdf5_int32(), words)
      _ = H5Fclose(handle)
      let (flags, _) = try imported(path, ["images": "flags"])
      #expect(try ImageSet.open(flags).values(0..<2) == [0, 1, 1, 0, 0, 0, 1, 1])
      let (output, line) = try imported(path, ["images": "words"])
      #expect(line.contains("uint16 values 0 to 65535 as v/65535"))
      #expect(try ImageSet.open(output).values(0..<2) == words.map { Float($0) / 65535 })
      // Training on it says who reads it.
      let error = #expect(throws: DatasetError.self) {
        try ImageSet.open(path, options: ImageSetOptions(images: "words"))
      }
      #expect(error?.description.hasSuffix("(cleave import hdf5 reads other numbers)") == true)
    }
  }

  /// Dark bytes are not taken for 255ths without a word.
  @Test func bytesOfFourBitsAreNotDivided() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.h5").path
      let file = try File.create(path)
      try file.createDataset("images", .uint8, shape: [2, 2, 1]).write([0, 15, 3, 2] as [UInt8])
      try file.close()
      var options = ImageSetOptions(images: "images")
      let error = #expect(throws: DatasetError.self) { try ImageSet.open(path, options: options) }
      #expect(
        error?.description
          == "\(path): images: found bytes from 0 to 15 alone, expected more than 31 (--scale tells the "
          + "value that stands for 1: 15 for 4 bits, 255 for dark images)")
      options.scale = 15
      #expect(try ImageSet.open(path, options: options).values(0..<2) == [0, 1, 0.2, 2 / 15])
      options.scale = 255
      #expect(try ImageSet.open(path, options: options).values(0..<1) == [0, 15 / 255])
    }
  }

  @Test func whatIsNoFileFromElsewhere() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "x.h5").path
      try DatasetWriter.write(path, name: "x", source: "test") { writer in
        _ = try writer.createImages(
          .train, count: 1, shape: ImageShape(height: 2, width: 2, channels: 1))
      }
      let error = #expect(throws: DatasetError.self) { try imported(path) }
      #expect(
        error?.description
          == "\(path): format: found cleave-dataset, expected a file of another program; this one is a "
          + "data set already")
      try File.create(path + "2").close()
      let empty = #expect(throws: DatasetError.self) { try imported(path + "2") }
      #expect(
        empty?.description
          == "\(path)2: arrays: found none, expected one of images, [N, H, W, C] or [N, D]")
    }
  }

  /// A virtual dataset announces any extents; their products are checked before they are used.
  @Test func extentsBeyondAnyMemory() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "v.h5").path
      let file = try File.create(path)
      let shape = [1, 1 << 60]
      try file.createVirtualDataset(
        "/wide", .float64, shape: [1, 1 << 61],
        parts: [VirtualPart(file: "part.h5", dataset: "/wide", rows: 0..<1)])
      try file.createVirtualDataset(
        "/x", .uint8, shape: shape,
        parts: [VirtualPart(file: "part.h5", dataset: "/x", rows: 0..<1)])
      try file.close()
      let error = #expect(throws: DatasetError.self) { try imported(path, ["images": "x"]) }
      #expect(
        error?.description
          == "\(path): /x: found \(shape), expected extents of an array that is stored")
    }
  }
}

import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

/// Makes an HDF5 file with one dataset of bytes.
private func makeFile(
  _ path: String, _ dataset: String, shape: [Int], layout: File.Layout = .contiguous,
  bytes: [UInt8]? = nil
) throws {
  let file = try File.create(path)
  try file.createDataset(dataset, .uint8, shape: shape, layout: layout)
    .write(bytes ?? patternBytes(shape.reduce(1, *)))
  try file.close()
}

/// Makes an HDF5 file with one dataset of floats and, if given, the attribute `noise`.
private func makeFile(
  _ path: String, _ dataset: String, shape: [Int], floats: [Float], noise: String? = nil
) throws {
  let file = try File.create(path)
  try file.createDataset(dataset, .float32, shape: shape).write(floats)
  if let noise { try file.write(attribute: "noise", on: dataset, noise) }
  try file.close()
}

@Suite(.serialized) struct DatasetFileTests {
  private func inFolder(_ body: (String) throws -> Void) throws {
    try withTemporaryFolder { try body($0.appending(path: "data.h5").path) }
  }

  private func message(
    _ path: String, _ split: String = "train", _ options: ImageSetOptions = .init()
  )
    -> String
  {
    do {
      _ = try ImageSet.open(path, split: split, options: options)
      return "opened"
    } catch {
      return "\(error)".replacingOccurrences(of: path, with: "data.h5")
    }
  }

  @Test("Mapped pixels are those a hyperslab reads, at any offset in the file")
  func mappedEqualsRead() throws {
    try inFolder { path in
      let bytes = patternBytes(700 * 12)
      for (number, name) in ["/train/images", "/train/a much longer name", "/x"].enumerated() {
        let path = path + "\(number)"
        try makeFile(path, name, shape: [700, 3, 4, 1], bytes: bytes)
        let mapped = try ImageSet.open(path, options: ImageSetOptions(images: name))
        #expect(mapped.isMapped && mapped.isEightBit)
        let read: [UInt8] = try File.open(path).dataset(name).readAll()
        #expect(mapped.values(0..<700) == read.map { Float($0) / 255 })
        #expect(read == bytes)
        // Another file, because a mapped file must not become shorter under its mapping.
        try makeFile(
          path + ".packed", name, shape: [700, 3, 4, 1],
          layout: .chunked([100, 3, 4, 1], level: 6), bytes: bytes)
        let packed = try ImageSet.open(path + ".packed", options: ImageSetOptions(images: name))
        #expect(!packed.isMapped && packed.isEightBit)
        #expect(packed.values(0..<700) == mapped.values(0..<700))
      }
    }
  }

  @Test func aMappingOutlivesTheFilesName() throws {
    try inFolder { path in
      try makeFile(path, "/train/images", shape: [9, 3, 4, 1])
      let set = try ImageSet.open(path)
      try FileManager.default.removeItem(atPath: path)
      #expect(set.values(0..<9) == patternBytes(108).map { Float($0) / 255 })
    }
  }

  @Test("NCHW is put in order", arguments: [File.Layout.contiguous, .chunked([1, 3, 2, 5])])
  func channelsFirst(layout: File.Layout) throws {
    try inFolder { path in
      let bytes = patternBytes(4 * 30)
      try makeFile(path, "/pictures", shape: [4, 3, 2, 5], layout: layout, bytes: bytes)
      let set = try ImageSet.open(
        path, options: ImageSetOptions(images: "/pictures", layout: .nchw))
      #expect(set.shape == ImageShape(height: 2, width: 5, channels: 3))
      let values = set.values(0..<4)
      for (n, y, x, c) in [(0, 0, 0, 0), (1, 1, 3, 2), (3, 0, 4, 1), (3, 1, 4, 2)] {
        let expected = Float(bytes[((n * 3 + c) * 2 + y) * 5 + x]) / 255
        #expect(values[((n * 2 + y) * 5 + x) * 3 + c] == expected)
      }
    }
  }

  @Test("[N, D] needs the sides")
  func flatRows() throws {
    try inFolder { path in
      try makeFile(path, "/train/images", shape: [5, 12])
      for sides in [[3, 4], [3, 4, 1]] {
        let set = try ImageSet.open(path, options: ImageSetOptions(shape: sides))
        #expect(set.shape == ImageShape(height: 3, width: 4, channels: 1))
        #expect(set.values(0..<5) == patternBytes(60).map { Float($0) / 255 })
      }
      let colour = try ImageSet.open(path, options: ImageSetOptions(shape: [2, 2, 3]))
      #expect(colour.shape == ImageShape(height: 2, width: 2, channels: 3))
      #expect(
        message(path)
          == "data.h5: /train/images: found uint8 [5, 12], expected uint8, float32 or float64 "
          + "[N, H, W, C] with 1 or 3 channels C (--shape tells the sides of [N, D])")
      #expect(
        message(path, "train", ImageSetOptions(shape: [5, 5]))
          == "data.h5: /train/images: found uint8 [5, 12], expected uint8, float32 or float64 "
          + "images of 5x5, in 1 or 3 channels")
    }
  }

  @Test func floatImagesAreReadAndChecked() throws {
    try inFolder { path in
      let floats = patternBytes(24).map { Float($0) / 255 }
      try makeFile(path, "/train/images", shape: [2, 3, 4, 1], floats: floats)
      let set = try ImageSet.open(path)
      #expect(set.values(0..<2) == floats && !set.isEightBit)
      let file = try File.create(path)
      try file.createDataset("/train/images", .float64, shape: [2, 3, 4, 1])
        .write(floats.map(Double.init))
      try file.close()
      #expect(try ImageSet.open(path).values(0..<2) == floats)

      for (bad, found) in [(Float.nan, "nan"), (.infinity, "inf"), (-0.25, "-0.25"), (1.5, "1.5")] {
        var wrong = floats
        wrong[17] = bad
        try makeFile(path, "/train/images", shape: [2, 3, 4, 1], floats: wrong)
        #expect(
          message(path)
            == "data.h5: /train/images: found \(found) in row 1, expected values from 0 to 1"
            + (bad == 1.5 ? " (--scale tells another)" : ""))
        try makeFile(
          path, "/train/images", shape: [2, 3, 4, 1], floats: wrong, noise: "gaussian:0.5")
        let expected =
          bad.isFinite
          ? "opened" : "data.h5: /train/images: found \(found) in row 1, expected finite values"
        #expect(message(path) == expected)
      }
    }
  }

  @Test func labelsAndCleanImagesMustFit() throws {
    try inFolder { path in
      func make(labels: [Int32], labelType: ElementType = .int32, clean: [Int]? = nil) throws {
        let file = try File.create(path)
        try file.createDataset("/train/images", .uint8, shape: [3, 2, 2, 1]).write(patternBytes(12))
        let dataset = try file.createDataset("/train/labels", labelType, shape: [labels.count])
        try labels.withUnsafeBytes { bytes in
          guard let start = bytes.baseAddress else { return }
          try dataset.write(rows: 0..<labels.count, from: start, as: .int32)
        }
        if let clean {
          try file.createDataset("/train/clean", .uint8, shape: clean)
            .write(patternBytes(clean.reduce(1, *)))
        }
        try file.close()
      }
      for type in [ElementType.int32, .int64, .uint8] {
        try make(labels: [7, 8, 9], labelType: type)
        #expect(try ImageSet.open(path).labels == [7, 8, 9])
      }
      try make(labels: [7, 8])
      #expect(
        message(path)
          == "data.h5: /train/labels: found int32 [2], expected integers [3], one for each image")
      try make(labels: [7, 8, 9], labelType: .float32)
      #expect(
        message(path)
          == "data.h5: /train/labels: found float32 [3], expected integers [3], one for each image")
      try make(labels: [7, 8, 9], clean: [3, 2, 3, 1])
      #expect(
        message(path)
          == "data.h5: /train/clean: found 3 images of 2x3x1, expected 3 of 2x2x1, as /train/images"
      )
    }
  }

  @Test("Wrong files are named with what they hold")
  func wrongFiles() throws {
    try inFolder { path in
      #expect(message(path) == "data.h5: no such file")
      try Data("no HDF5 at all\n".utf8).write(to: URL(filePath: path))
      #expect(message(path) == "data.h5: not an HDF5 file")
      try makeFile(path, "/pictures/all", shape: [2, 2, 2, 1])
      #expect(
        message(path, "validation")
          == "data.h5: /validation/images: found no such dataset among /pictures/all, "
          + "expected images (--images names another dataset)")
      try makeFile(path, "/train/images", shape: [4, 3, 2, 2])
      #expect(message(path).hasPrefix("data.h5: /train/images: found uint8 [4, 3, 2, 2], expected"))
      try makeFile(path, "/train/images", shape: [0, 3, 2, 1], layout: .chunked([1, 3, 2, 1]))
      #expect(
        message(path)
          == "data.h5: /train/images: found 0 images, expected 1 to 2147483647")
      let file = try File.create(path)
      try file.createDataset("/train/images", .int32, shape: [1, 2, 2, 1])
        .write([Int32](repeating: 1, count: 4))
      try file.close()
      #expect(message(path).hasPrefix("data.h5: /train/images: found int32 [1, 2, 2, 1], expected"))
      try DatasetWriter.write(path, name: "n", source: "s", force: true) { writer in
        _ = try writer.createImages(
          .train, count: 1, shape: ImageShape(height: 1, width: 1, channels: 1))
      }
      let newer = try File.open(path, writable: true)
      try newer.write(attribute: "version", on: "/", 2)
      try newer.close()
      #expect(message(path) == "data.h5: version: found 2, expected 1")
    }
  }

  @Test("A truncated file is an error at opening, never a SIGBUS later")
  func truncated() throws {
    try inFolder { path in
      try makeFile(path, "/train/images", shape: [100, 28, 28, 1])
      let whole = try Data(contentsOf: URL(filePath: path))
      try whole.prefix(40_000).write(to: URL(filePath: path))
      #expect(message(path).contains("truncated"))
      let error = #expect(throws: DatasetError.self) {
        try PixelMemory(mapping: path, offset: 2048, byteCount: 78_400, item: "/train/images")
      }
      #expect(
        error?.description
          == "\(path): /train/images: found a truncated file of 40000 bytes, "
          + "expected at least 80448")
    }
  }
}

@Suite(.serialized) struct DatasetWriterTests {
  private struct Failure: Error {}
  private let shape = ImageShape(height: 2, width: 2, channels: 1)

  private func write(_ path: String, force: Bool = false, failing: Bool = false) throws {
    try DatasetWriter.write(path, name: "set", source: "test", force: force) { writer in
      let images = try writer.createImages(.train, count: 3, shape: shape)
      try images.write(patternBytes(12))
      if failing { throw Failure() }
      try writer.write(labels: [1, 2, 3], of: .train)
      try writer.note(noise: .saltPepper(0.25), seed: 595, on: .train)
    }
  }

  @Test func aFileHoldsWhatTheFormatSays() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "set.h5").path
      try write(path)
      let file = try File.open(path)
      #expect(try file.stringAttribute("format", on: "/") == "cleave-dataset")
      #expect(try file.intAttribute("version", on: "/") == 1)
      #expect(try file.stringAttribute("name", on: "/") == "set")
      #expect(try file.stringAttribute("source", on: "/") == "test")
      #expect(try file.stringAttribute("created_by", on: "/") == "cleave")
      #expect(try file.stringAttribute("noise", on: "/train/images") == "salt-pepper:0.25")
      #expect(try file.intAttribute("seed", on: "/train/images") == 595)
      #expect(try file.dataset("/train/images").fileOffset != nil)
      #expect(try file.dataset("/train/labels").type == .int32)
      let summary = try DatasetSummary(of: path)
      #expect(summary.splits == ["train": ["images": [3, 2, 2, 1], "labels": [3]]])
      #expect(summary.noise == ["train": "salt-pepper:0.25"] && summary.name == "set")
      #expect(try ImageSet.open(path).noise == "salt-pepper:0.25")
    }
  }

  @Test func nothingIsOverwrittenUnlessForced() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "set.h5").path
      try Data("precious".utf8).write(to: URL(filePath: path))
      let error = #expect(throws: DatasetError.self) { try write(path) }
      #expect(error?.description == "\(path): exists already; --force replaces it")
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
      try write(path, force: true)
      #expect(try ImageSet.open(path).count == 3)
    }
  }

  @Test("A write that fails leaves what was there, and nothing else")
  func failureLeavesNothing() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "set.h5").path
      #expect(throws: Failure.self) { try write(path, failing: true) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
      try Data("precious".utf8).write(to: URL(filePath: path))
      #expect(throws: Failure.self) { try write(path, force: true, failing: true) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["set.h5"])
      #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }
  }

  @Test func impossibleTargetsAreNamed() throws {
    try withTemporaryFolder { folder in
      let missing = folder.appending(path: "missing/set.h5").path
      let error = #expect(throws: DatasetError.self) { try write(missing) }
      #expect(
        error?.description == "\(missing): no such folder as \(folder.path)/missing")
      let inTheWay = #expect(throws: DatasetError.self) { try write(folder.path, force: true) }
      #expect(
        inTheWay?.description == "\(folder.path): output: found a folder, expected a file name")
    }
  }

  @Test func otherFilesAreNoDatasets() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "other.h5").path
      try makeFile(path, "/train/images", shape: [1, 2, 2, 1])
      let error = #expect(throws: DatasetError.self) { try DatasetSummary(of: path) }
      #expect(error?.description == "\(path): format: found none, expected cleave-dataset")
    }
  }
}

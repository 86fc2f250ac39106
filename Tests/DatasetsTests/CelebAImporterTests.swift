import Foundation
import HDF5
import Images
import TestSupport
import Testing

@testable import Datasets

@Suite(.serialized) struct CelebAImporterTests {
  @discardableResult
  private func run(
    _ set: SmallCelebA, to output: String, source: String? = nil, _ more: [String: String] = [:]
  ) throws -> ImportReport {
    let lists = ["partition": set.partitionFile, "attributes": set.attributesFile]
    return try CelebAImporter.run(
      sources: [source ?? set.zip],
      options: ["size": "8", "crop": "20"].merging(lists) { $1 }.merging(more) { $1 },
      to: output, force: true)
  }

  /// The expected image `index` of the importer: the file's pixels, cropped and resized.
  private func expected(_ set: SmallCelebA, _ index: Int) throws -> [UInt8] {
    let picture = try JPEG.decode([UInt8](set.entries[index].data), named: "")
    let framing = Framing(size: 8, crop: 20)
    var image = [UInt8](repeating: 0, count: framing.count)
    image.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { framing.apply(to: picture, into: start) }
    }
    return image
  }

  private func check(
    _ output: String, _ set: SmallCelebA, train: [Int], validation: [Int], test: [Int]
  ) throws {
    let file = try File.open(output)
    for (split, rows) in [("train", train), ("validation", validation), ("test", test)] {
      guard !rows.isEmpty else {
        #expect(!file.exists("/\(split)"))
        continue
      }
      let images = try file.dataset("/\(split)/images")
      #expect(images.shape == [rows.count, 8, 8, 3] && images.fileOffset != nil)
      #expect(try images.readAll(as: UInt8.self) == rows.flatMap { try expected(set, $0) })
      let attributes = try file.dataset("/\(split)/attributes")
      #expect(attributes.type == .int8)
      #expect(try attributes.readAll(as: Int8.self) == rows.flatMap(SmallCelebA.attributes))
      #expect(
        try file.stringsAttribute("names", on: attributes.path) == SmallCelebA.attributeNames)
      #expect(try file.dataset("/\(split)/names").readStrings() == rows.map { set.names[$0] })
    }
  }

  @Test("From a zip, stored or deflated, and from a folder")
  func imports() throws {
    try withTemporaryFolder { folder in
      let set = try SmallCelebA(in: folder)
      let output = folder.appending(path: "out.h5").path
      for deflated in [false, true] {
        try set.write(deflated: deflated)
        #expect(try run(set, to: output).skipped.isEmpty)
        try check(output, set, train: Array(0..<6), validation: [6], test: [7])
      }
      let images = folder.appending(path: "faces/img_align_celeba")
      try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
      for (name, entry) in zip(set.names, set.entries) {
        try entry.data.write(to: images.appending(path: name))
      }
      try Data("not one".utf8).write(to: images.appending(path: "._000001.jpg"))
      try Data("not one".utf8).write(to: images.appending(path: "read.me"))
      try run(set, to: output, source: folder.appending(path: "faces").path)
      try check(output, set, train: Array(0..<6), validation: [6], test: [7])
      #expect(try ImageSet.open(output).isMapped)
    }
  }

  @Test("Rows are in the order of the names, whatever the order of files and lists")
  func order() throws {
    try withTemporaryFolder { folder in
      var set = try SmallCelebA(in: folder)
      set.entries.reverse()
      set.partition.swapAt(1, 4)
      set.attributes.swapAt(3, 6)
      try set.write()
      let output = folder.appending(path: "out.h5").path
      try run(set, to: output)
      set.entries.reverse()
      try check(output, set, train: Array(0..<6), validation: [6], test: [7])
    }
  }

  @Test func brokenImagesAreLeftOutAndListed() throws {
    try withTemporaryFolder { folder in
      var set = try SmallCelebA(in: folder)
      set.entries[2].data = set.entries[2].data.dropLast(150)
      set.entries[6].data = try PictureFiles.cmykJPEG(height: 36, width: 30)
      try set.write()
      let output = folder.appending(path: "out.h5").path
      let error = #expect(throws: ImageError.self) { try run(set, to: output) }
      let name = "\(set.zip): img_align_celeba/000003.jpg"
      #expect(error?.path == name && error?.format == .jpeg)
      #expect(!FileManager.default.fileExists(atPath: output))

      let report = try run(set, to: output, ["skip-broken": ""])
      #expect(report.skipped.map(\.name) == ["000003.jpg", "000007.jpg"])
      #expect(report.skipped.first?.reason.hasPrefix(name) == true)
      try check(output, set, train: [0, 1, 3, 4, 5], validation: [], test: [7])
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(left.sorted() == ["attributes.txt", "celeba.zip", "out.h5", "partition.txt"])
    }
  }

  @Test func aSubsetIsWhatSourceAndListsShare() throws {
    try withTemporaryFolder { folder in
      var set = try SmallCelebA(in: folder)
      let whole = set
      set.entries.remove(at: 3)
      set.partition.remove(at: 0)
      set.attributes.remove(at: 2)
      set.attributes[0] = "7"
      try set.write()
      let output = folder.appending(path: "out.h5").path
      #expect(throws: DatasetError.self) { try run(set, to: output) }
      let report = try run(set, to: output, ["subset": ""])
      try check(output, whole, train: [1, 2, 4, 5], validation: [6], test: [7])
      #expect(report.notes.count == 3)
    }
  }

  @Test("Grey images, and attributes that are not asked for")
  func options() throws {
    try withTemporaryFolder { folder in
      let set = try SmallCelebA(in: folder)
      try set.write()
      let output = folder.appending(path: "out.h5").path
      try CelebAImporter.run(
        sources: [set.zip], options: ["partition": set.partitionFile, "grey": "", "size": "5"],
        to: output, name: "mine")
      let summary = try DatasetSummary(of: output)
      #expect(summary.splits["train"] == ["images": [6, 5, 5, 1], "names": [6]])
      #expect(summary.name == "mine")
    }
  }

  @Test("A stop between two blocks leaves nothing")
  func stops() throws {
    try withTemporaryFolder { folder in
      let set = try SmallCelebA(in: folder)
      try set.write()
      let output = folder.appending(path: "out.h5").path
      let before = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(throws: DatasetError.stopped(file: output)) {
        try CelebAImporter.run(
          sources: [set.zip], options: ["partition": set.partitionFile], to: output,
          monitor: WorkMonitor(isStopped: { true }))
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == before)
    }
  }

  @Test(
    "The real CelebA at half size: attributes and the look of the first hundred",
    .enabled(
      if: TestData.has("celeba/img_align_celeba_half_10000.zip", "celeba/list_attr_celeba.txt"),
      "no CelebA files"), arguments: [("half", 74, 100), ("full", 148, 32)])
  func realCelebA(kind: String, crop: Int, count: Int) throws {
    try withTemporaryFolder { folder in
      let lists = try (
        partition: TestData.path("celeba/list_eval_partition.txt"),
        attributes: TestData.path("celeba/list_attr_celeba.txt")
      )
      let archive = "celeba/img_align_celeba_\(kind)_\(kind == "half" ? "10000" : "32").zip"
      let output = folder.appending(path: "celeba.h5").path
      let options = [
        "partition": lists.partition, "attributes": lists.attributes, "crop": "\(crop)",
        "size": "64",
      ]
      try CelebAImporter.run(
        sources: [TestData.path(archive)],
        options: kind == "half" ? options : options.merging(["subset": ""]) { $1 }, to: output)
      let file = try File.open(output)
      let rows = kind == "half" ? 10_000 : 32
      #expect(try file.dataset("/train/images").shape == [rows, 64, 64, 3])

      let lines = try String(contentsOfFile: lists.attributes, encoding: .utf8)
        .split(separator: "\n").dropFirst(2).prefix(rows).map { $0.split(separator: " ") }
      #expect(try file.dataset("/train/names").readStrings() == lines.map { String($0[0]) })
      let values = lines.flatMap { $0.dropFirst().compactMap { Int8($0) } }
      #expect(try file.dataset("/train/attributes").readAll(as: Int8.self) == values)

      let pixels = try file.dataset("/train/images").read(rows: 0..<count, as: UInt8.self)
      let golden = try Golden("images.h5").values("/celeba/\(kind)")
      for (index, expected) in golden.enumerated() {
        let (channel, square, image) = (index % 3, index / 3 % 16, index / 48)
        var sum = 0
        for pixel in 0..<256 {
          let y = square / 4 * 16 + pixel / 16
          let x = square % 4 * 16 + pixel % 16
          sum += Int(pixels[((image * 64 + y) * 64 + x) * 3 + channel])
        }
        #expect(abs(Double(sum) / 256 - expected) < 0.25, "image \(image), square \(square)")
      }
    }
  }

  /// Kaggle's lists have commas and the names of all columns in their first line.
  @Test func kagglesListsGiveTheSame() throws {
    try withTemporaryFolder { folder in
      var set = try SmallCelebA(in: folder)
      try set.write()
      let outputs = ["1.h5", "2.h5"].map { folder.appending(path: $0).path }
      let options = [
        "partition": set.partitionFile, "attributes": set.attributesFile, "size": "8",
      ]
      try CelebAImporter.run(sources: [set.zip], options: options, to: outputs[0])
      func table(_ lines: [String], _ heading: [String]) -> [String] {
        ([heading] + lines.map { $0.split(separator: " ").map(String.init) })
          .map { $0.joined(separator: ",") }
      }
      set.partition = table(set.partition, ["image_id", "partition"])
      set.attributes = table(
        Array(set.attributes.dropFirst(2)), ["image_id"] + SmallCelebA.attributeNames)
      try set.write()
      try CelebAImporter.run(sources: [set.zip], options: options, to: outputs[1])
      let files = try outputs.map { try File.open($0) }
      for name in ["/train/images", "/train/attributes", "/test/images", "/validation/attributes"] {
        let values = try files.map { try $0.dataset(name).readAll(as: Int32.self) }
        #expect(values[0] == values[1], "\(name)")
      }
      #expect(
        try files[1].stringsAttribute("names", on: "/train/attributes")
          == SmallCelebA.attributeNames)
    }
  }
}

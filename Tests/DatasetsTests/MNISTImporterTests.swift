import CZlib
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// An IDX file's bytes: magic number, extents, values.
private func idx(_ magic: UInt32, _ extents: [UInt32], _ values: [UInt8]) -> Data {
  var data = Data()
  for word in [magic] + extents {
    withUnsafeBytes(of: word.bigEndian) { data.append(contentsOf: $0) }
  }
  return data + Data(values)
}

@Suite(.serialized) struct MNISTImporterTests {
  private let imagesMagic: UInt32 = 0x803
  private let labelsMagic: UInt32 = 0x801

  /// Writes the four files of a small set, 5 and 3 images of 2x3, under their usual names.
  private func makeSet(in folder: URL, dotted: Bool = false) throws {
    for (prefix, count) in [("train", 5), ("t10k", 3)] {
      let separator = dotted ? "." : "-"
      try idx(imagesMagic, [UInt32(count), 2, 3], patternBytes(count * 6))
        .write(to: folder.appending(path: "\(prefix)-images\(separator)idx3-ubyte"))
      try idx(labelsMagic, [UInt32(count)], (0..<count).map { UInt8($0) })
        .write(to: folder.appending(path: "\(prefix)-labels\(separator)idx1-ubyte"))
    }
  }

  private func check(_ path: String) throws {
    let train = try ImageSet.open(path)
    let test = try ImageSet.open(path, split: "test")
    #expect(train.shape == ImageShape(height: 2, width: 3, channels: 1))
    #expect(train.values(0..<5) == patternBytes(30).map { Float($0) / 255 })
    #expect(test.values(0..<3) == patternBytes(18).map { Float($0) / 255 })
    #expect(train.labels == [0, 1, 2, 3, 4] && test.labels == [0, 1, 2])
  }

  /// Replaces a file by its gzip file.
  private func gzip(_ folder: URL, _ name: String) throws {
    let plain = folder.appending(path: name)
    var source = [UInt8](try Data(contentsOf: plain))
    var packed = [UInt8](repeating: 0, count: source.count + 1000)
    var stream = z_stream()
    let gzipFormat: Int32 = 15 + 16
    deflateInit2_(
      &stream, Z_BEST_COMPRESSION, Z_DEFLATED, gzipFormat, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
      Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    let status = source.withUnsafeMutableBufferPointer { input in
      packed.withUnsafeMutableBufferPointer { output in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        stream.next_out = output.baseAddress
        stream.avail_out = UInt32(output.count)
        return deflate(&stream, Z_FINISH)
      }
    }
    try #require(status == Z_STREAM_END)
    try Data(packed.prefix(Int(stream.total_out)))
      .write(to: plain.appendingPathExtension("gz"))
    try FileManager.default.removeItem(at: plain)
  }

  @Test("Plain files, .gz files, mixed, and the dotted names")
  func imports() throws {
    try withTemporaryFolder { folder in
      let (plain, dotted) = (folder.appending(path: "small"), folder.appending(path: "dotted"))
      for made in [plain, dotted] {
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: false)
      }
      try makeSet(in: plain)
      try makeSet(in: dotted, dotted: true)
      let output = folder.appending(path: "set.h5").path
      try MNISTImporter.run(sources: [plain.path], to: output)
      try check(output)
      #expect(try DatasetSummary(of: output).name == "small")
      try gzip(plain, "train-images-idx3-ubyte")
      try gzip(plain, "t10k-labels-idx1-ubyte")
      try MNISTImporter.run(sources: [plain.path], to: output, name: "mine", force: true)
      try check(output)
      #expect(try DatasetSummary(of: output).name == "mine")
      try MNISTImporter.run(sources: [dotted.path], to: output, force: true)
      try check(output)
      let files = try FileManager.default.contentsOfDirectory(atPath: dotted.path)
      try MNISTImporter.run(
        sources: files.map { dotted.appending(path: $0).path }, to: output, force: true)
      try check(output)
      let images = dotted.appending(path: "train-images.idx3-ubyte").path
      try MNISTImporter.run(sources: [images], to: output, force: true)
      let summary = try DatasetSummary(of: output)
      #expect(summary.splits == ["train": ["images": [5, 2, 3, 1]]] && summary.name == "mnist")
    }
  }

  @Test func membersOfAGzipFileAreJoined() throws {
    try withTemporaryFolder { folder in
      let whole = idx(imagesMagic, [2, 2, 2], patternBytes(8))
      try whole.prefix(11).write(to: folder.appending(path: "a"))
      try whole.dropFirst(11).write(to: folder.appending(path: "b"))
      try gzip(folder, "a")
      try gzip(folder, "b")
      let (a, b) = (folder.appending(path: "a.gz"), folder.appending(path: "b.gz"))
      try (Data(contentsOf: a) + Data(contentsOf: b)).write(to: a)
      #expect(try IDX(a.path).withValues { Array($0) } == patternBytes(8))
    }
  }

  /// The message of an import after `change`; the folder is removed from the message.
  private func message(_ name: String, _ change: (URL) throws -> Void) throws -> String {
    try withTemporaryFolder { folder in
      try makeSet(in: folder)
      try change(folder.appending(path: name))
      let output = folder.appending(path: "set.h5").path
      let error = #expect(throws: DatasetError.self) {
        try MNISTImporter.run(sources: [folder.path], to: output)
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!left.contains { $0.contains("set.h5") })
      return (error?.description ?? "no error")
        .replacingOccurrences(of: folder.path, with: "FOLDER")
    }
  }

  private let images = "train-images-idx3-ubyte"
  private let labels = "train-labels-idx1-ubyte"

  @Test func wrongMagicNumbers() throws {
    #expect(
      try message(images) { try idx(labelsMagic, [30], patternBytes(30)).write(to: $0) }
        == "FOLDER/train-images-idx3-ubyte: IDX magic number: found 0x00000801, "
        + "expected 0x00000803 (images)")
    #expect(
      try message(labels) { try Data("label,pixel\n".utf8).write(to: $0) }
        == "FOLDER/train-labels-idx1-ubyte: IDX magic number: found 0x6c616265, "
        + "expected 0x00000801 (labels)")
    #expect(
      try message(labels) { try Data([0, 0]).write(to: $0) }
        == "FOLDER/train-labels-idx1-ubyte: IDX header: found 2 bytes, expected at least 8")
  }

  @Test func sizesThatDisagree() throws {
    #expect(
      try message(images) { try idx(imagesMagic, [5, 2, 3], patternBytes(29)).write(to: $0) }
        == "FOLDER/train-images-idx3-ubyte: size: found 45 bytes, "
        + "expected 46 by its header (5x2x3 images)")
    #expect(
      try message(images) { try idx(imagesMagic, [5, 2, 3], patternBytes(31)).write(to: $0) }
        == "FOLDER/train-images-idx3-ubyte: size: found 47 bytes, "
        + "expected 46 by its header (5x2x3 images)")
    #expect(
      try message(images) { try idx(imagesMagic, [5, 0, 3], []).write(to: $0) }
        == "FOLDER/train-images-idx3-ubyte: IDX header: found 5x0x3 images, "
        + "expected positive extents")
    let huge = UInt32.max
    #expect(
      try message(images) { try idx(imagesMagic, [huge, huge, huge], []).write(to: $0) }
        .hasPrefix("FOLDER/train-images-idx3-ubyte: size: found 16 bytes, expected 9223"))
    #expect(
      try message(labels) { try idx(labelsMagic, [4], patternBytes(4)).write(to: $0) }
        == "FOLDER/train-labels-idx1-ubyte: number of labels: found 4, "
        + "expected 5, one for each image of FOLDER/train-images-idx3-ubyte")
  }

  @Test func damagedGzip() throws {
    func packed(_ url: URL, _ change: (inout Data) -> Void) throws {
      try gzip(url.deletingLastPathComponent(), url.lastPathComponent)
      let file = url.appendingPathExtension("gz")
      var data = try Data(contentsOf: file)
      change(&data)
      try data.write(to: file)
    }
    let truncated = try message(images) { try packed($0) { $0.removeLast(12) } }
    #expect(
      truncated.hasPrefix(
        "FOLDER/train-images-idx3-ubyte.gz: truncated gzip data: ends after "))
    #expect(
      try message(images) { try packed($0) { $0.append(contentsOf: [1, 2, 3]) } }
        == "FOLDER/train-images-idx3-ubyte.gz: found 3 bytes behind the end of the gzip data")
    let damaged = try message(images) {
      try packed($0) { data in data[data.count - 6] ^= 0xff }
    }
    #expect(
      damaged == "FOLDER/train-images-idx3-ubyte.gz: damaged gzip data (zlib: incorrect data check)"
    )
  }

  @Test func missingAndSuperfluousFiles() throws {
    #expect(
      try message(labels) { try FileManager.default.removeItem(at: $0) }
        == "FOLDER: train-labels-idx1-ubyte[.gz]: found no such file, "
        + "expected the four IDX files of the set (or name single files)")
    try withTemporaryFolder { folder in
      try makeSet(in: folder)
      let output = folder.appending(path: "set.h5").path
      let labels = folder.appending(path: labels).path
      let images = folder.appending(path: images).path
      func error(_ sources: String...) -> String {
        do {
          try MNISTImporter.run(sources: sources, to: output)
          return "imported"
        } catch {
          return "\(error)".replacingOccurrences(of: folder.path, with: "FOLDER")
        }
      }
      #expect(
        error(labels)
          == "FOLDER/train-labels-idx1-ubyte: train split: found labels alone, "
          + "expected the images they belong to")
      #expect(error(images, images).contains("train images: found a second file of them"))
      #expect(error(images + "x") == "FOLDER/train-images-idx3-ubytex: No such file or directory")
    }
  }

  /// The files of relatives: EMNIST's names, QMNIST's labels, folders of the files' own names.
  @Test func relatives() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "set.h5").path
      func make(_ name: String, _ files: [(String, Data)]) throws -> String {
        let made = folder.appending(path: name)
        for (file, data) in files {
          let url = made.appending(path: file)
          try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
          try data.write(to: url)
        }
        return made.path
      }
      let pixels: [UInt8] = [1, 2, 3, 4, 5, 6]
      let (images, two) = (idx(imagesMagic, [1, 2, 3], pixels), idx(labelsMagic, [1], [7]))
      let emnist = try make(
        "emnist",
        ["train", "test"].flatMap {
          [
            ("emnist-letters-\($0)-images-idx3-ubyte", images),
            ("emnist-letters-\($0)-labels-idx1-ubyte", two),
          ]
        })
      let stored = try MNISTImporter.run(sources: [emnist], to: output)
      #expect(stored.notes.last?.hasSuffix("(--transpose turns them)") == true)
      #expect(try ImageSet.open(output).bytes(0..<1) == pixels)
      let turned = try MNISTImporter.run(
        sources: [emnist], options: ["transpose": ""], to: output, force: true)
      #expect(turned.notes.last == "rows and columns exchanged")
      let set = try ImageSet.open(output, split: "test")
      #expect(set.shape == ImageShape(height: 3, width: 2, channels: 1) && set.labels == [7])
      #expect(set.bytes(0..<1) == [1, 4, 2, 5, 3, 6])

      let rows: [UInt8] = [0, 0, 1, 2, 0, 0, 0, 9]
      let qmnist = try make(
        "qmnist",
        [
          ("qmnist-train-images-idx3-ubyte", images),
          ("qmnist-train-labels-idx2-int", idx(0xc02, [1, 2], rows)),
        ])
      try MNISTImporter.run(sources: [qmnist], to: output, force: true)
      #expect(try ImageSet.open(output).labels == [258])
      let files = ["qmnist-train-images-idx3-ubyte", "qmnist-train-labels-idx2-int"]
      try MNISTImporter.run(
        sources: files.map { "\(qmnist)/\($0)" }, to: output, force: true)
      #expect(try ImageSet.open(output).labels == [258])

      let name = "train-images-idx3-ubyte"
      let kaggle = try make("kaggle", [("\(name)/\(name)", images)])
      let report = try MNISTImporter.run(sources: [kaggle], to: output, force: true)
      #expect(report.notes == ["read \(kaggle)/\(name)/\(name), no labels, as train"])

      let both = try make(
        "both",
        ["letters", "digits"].map { ("emnist-\($0)-train-images-idx3-ubyte", images) })
      let error = #expect(throws: DatasetError.self) {
        try MNISTImporter.run(sources: [both], to: output, force: true)
      }
      #expect(
        error?.description
          == "\(both): train images: found those of several sets, emnist-digits-train-… and "
          + "emnist-letters-train-…, expected one set (name its files)")
    }
  }

  @Test(
    "The real MNIST",
    .enabled(if: TestData.has("mnist/train-images-idx3-ubyte.gz"), "no MNIST files"))
  func realMNIST() throws {
    let source = try TestData.path("mnist")
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "mnist.h5").path
      try MNISTImporter.run(sources: [source], to: output)
      let summary = try DatasetSummary(of: output)
      #expect(
        summary.splits == [
          "train": ["images": [60_000, 28, 28, 1], "labels": [60_000]],
          "test": ["images": [10_000, 28, 28, 1], "labels": [10_000]],
        ])
      let train = try ImageSet.open(output)
      let values = train.values(0..<60_000)
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
      #expect(abs(mean - 0.1307) < 5e-5)
      var histogram = [Int](repeating: 0, count: 10)
      for label in try #require(train.labels) { histogram[Int(label)] += 1 }
      #expect(histogram == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
      let test = try ImageSet.open(output, split: "test")
      #expect(test.labels.map { Array($0[..<10]) } == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    }
  }
}

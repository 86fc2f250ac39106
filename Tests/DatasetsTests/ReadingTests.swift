import Foundation
import HDF5
import Support
import TestSupport
import Testing

@testable import Datasets

/// What reading images of other programs decides, refuses and says.
@Suite(.serialized) struct ReadingTests {
  /// A file with datasets of 12 grey images of 2 x 3.
  private func make(_ path: String, own: Bool = false, _ sets: [String: [UInt8]]) throws {
    let file = try File.create(path)
    if own {
      try file.write(attribute: "format", on: "/", DatasetWriter.format)
      try file.write(attribute: "version", on: "/", DatasetWriter.version)
    }
    for (name, bytes) in sets.sorted(by: { $0.key < $1.key }) {
      let layout: File.Layout =
        name.hasPrefix("/chunked") ? .chunked([5, 2, 3, 1], level: 1) : .contiguous
      try file.createDataset(name, .uint8, shape: [12, 2, 3, 1], layout: layout).write(bytes)
    }
    try file.close()
  }

  private func open(
    _ path: String, _ name: String? = nil, scale: Double? = nil, rows: Int? = nil
  ) throws -> ImageSet {
    try ImageSet.open(path, options: ImageSetOptions(images: name, scale: scale), rows: rows)
  }

  private let bits = (0..<72).map { UInt8($0 % 5 == 0 ? 1 : 0) }

  @Test("Bytes of 0 and 1 alone are 0 and 1, whatever rows are in use")
  func binaryBytes() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "d.h5").path
      var late = bits
      late[71] = 200
      try make(
        path, ["/bits": bits, "/chunkedbits": bits, "/late": late, "/chunkedlate": late])
      for name in ["/bits", "/chunkedbits"] {
        let set = try open(path, name, rows: 3)
        #expect(set.values(0..<3) == bits[..<18].map { Float($0) } && set.isEightBit)
        #expect(set.reading?.contains("bytes of 0 and 1 alone as 0 and 1") == true)
        let divided = try open(path, name, scale: 255)
        #expect(divided.values(0..<12) == bits.map { Float($0) / 255 })
        #expect(try set.limited(to: 2).values(0..<2) == bits[..<12].map { Float($0) })
        // A corruption of such bytes is made of the right values.
        let noisy = set.corrupted(
          by: try Corruption(parsing: "salt-pepper:0.2"), seed: 1, rows: 0..<3)
        #expect(Set(noisy.values(0..<3)).isSubset(of: [0, 1]))
      }
      for name in ["/late", "/chunkedlate"] {
        #expect(try open(path, name, rows: 3).values(0..<3) == bits[..<18].map { Float($0) / 255 })
      }
      try make(path + ".own", own: true, ["/train/images": bits])
      #expect(try open(path + ".own").values(0..<12) == bits.map { Float($0) / 255 })
      #expect(throws: DatasetError.self) { try open(path, "/late", scale: 1) }
      let scaled = try open(path, "/late", scale: 250)
      #expect(scaled.values(11..<12).last == 0.8 && !scaled.isEightBit)
    }
  }

  @Test func onlyTheRowsInUseAreRead() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "d.h5").path
      let bytes = patternBytes(72)
      try make(path, ["/chunked": bytes, "/plain": bytes])
      let chunked = try open(path, "/chunked", rows: 7)
      #expect(chunked.count == 12 && chunked.heldRows == 0..<7 && !chunked.isMapped)
      #expect(chunked.values(0..<7) == bytes[..<42].map { Float($0) / 255 })
      #expect(
        chunked.reading
          == "read \(path): /chunked, the first 7 of 12 images of 2x3x1, read into memory, bytes p "
          + "as p/255, no labels; not read: /plain")
      let mapped = try open(path, "/plain", rows: 7)
      #expect(mapped.heldRows == 0..<12 && mapped.isMapped)
      // A shared copy has the same pixels.
      let file = try ImageFile(path, options: ImageSetOptions(images: "/chunked"))
      let shared = try SharedPixels(bytes: file.bytesToRead, for: path)
      let facts = try file.read(into: shared)
      let other = try #require(SharedPixels(token: shared.token))
      shared.close()
      #expect(file.imageSet(in: other, facts).values(0..<12) == bytes.map { Float($0) / 255 })
      #expect(SharedPixels(token: shared.token) == nil)
    }
  }

  private func message(_ path: String, _ split: String, _ options: ImageSetOptions) -> String {
    do {
      _ = try ImageSet.open(path, split: split, options: options)
      return "opened"
    } catch {
      return "\(error)".replacingOccurrences(of: path, with: "d.h5")
    }
  }

  @Test func whatIsRefused() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "d.h5").path
      try make(path, ["/x": patternBytes(72)])
      #expect(
        message(path, "test", ImageSetOptions(images: "/x"))
          == "--split: found test, expected none, as /x of d.h5 is one array without splits "
          + "(--images names another one)")
      #expect(
        message(path, "train", ImageSetOptions(images: "/x", shape: [3, 2, 1]))
          == "d.h5: /x: found uint8 [12, 2, 3, 1], expected uint8, float32 or float64 images of "
          + "3x2x1, in 1 or 3 channels (--shape tells the sides of [N, D], and does not change "
          + "others)")
      for shape in [[2, 3, 1], [2, 3]] {
        #expect(message(path, "train", ImageSetOptions(images: "/x", shape: shape)) == "opened")
      }
      let file = try File.create(path)
      try file.createDataset(
        "/empty", .uint8, shape: [1_000_000_000, 28, 28, 1], layout: .chunked([10, 28, 28, 1]))
      let begun = try file.createDataset(
        "/begun", .uint8, shape: [1_000_000_000, 28, 28, 1], layout: .chunked([10, 28, 28, 1]))
      try begun.write(rows: 0..<10, from: patternBytes(7840), as: .uint8)
      try file.createDataset("/grey", .uint8, shape: [3, 4, 5]).write(patternBytes(60))
      try file.close()
      #expect(
        message(path, "train", ImageSetOptions(images: "/empty")).contains("never written"))
      let huge = message(path, "train", ImageSetOptions(images: "/begun"))
      #expect(huge.contains("730 GiB that cannot be mapped") && huge.contains("rows=N"), "\(huge)")
      let first = try open(path, "/begun", rows: 10)
      #expect(first.values(9..<10) == patternBytes(7840)[7056...].map { Float($0) / 255 })
      #expect(first.reading?.contains("a part never written") == true)
      #expect(try open(path, "/grey").shape == ImageShape(height: 4, width: 5, channels: 1))
    }
  }

  @Test func noOutputIsAnInputUnderWhateverName() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "d.h5").path
      try make(path, own: true, ["/train/images": patternBytes(72)])
      let before = try Data(contentsOf: URL(filePath: path))
      let (hard, soft) = (path + ".hard.h5", path + ".soft.h5")
      #expect(link(path, hard) == 0 && symlink(path, soft) == 0)
      for output in [path, hard, soft] {
        #expect(throws: DatasetError.isInput(file: output, input: path)) {
          try CorruptImages.run(
            input: path, output: output, noise: Corruption(parsing: "salt-pepper:0.2"), seed: 1,
            force: true)
        }
      }
      #expect(try Data(contentsOf: URL(filePath: path)) == before)
    }
  }

  @Test func temporaryNamesAreNewAndDeadOnesGo() throws {
    try withTemporaryFolder { folder in
      let target = folder.appending(path: "d.h5").path
      let (one, two) = (TemporaryFile.name(beside: target), TemporaryFile.name(beside: target))
      #expect(one != two && one.hasPrefix(folder.path + "/.d.h5."))
      // A process that has ended left a file; one of a living process stays.
      let child = Process()
      child.executableURL = URL(filePath: "/bin/true")
      try child.run()
      child.waitUntilExit()
      let dead = one.replacingOccurrences(
        of: "-\(getpid())-", with: "-\(child.processIdentifier)-")
      for name in [dead, two, folder.path + "/.other.h5.1"] {
        try Data("x".utf8).write(to: URL(filePath: name))
      }
      _ = TemporaryFile.name(beside: target)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(Set(left) == [URL(filePath: two).lastPathComponent, ".other.h5.1"])
      // A name that is taken is never written through.
      #expect(throws: HDF5Error.self) { try File.create(two, isNew: true) }
    }
  }

  @Test("Only whole words of a name make a test split")
  func wordsOfNames() throws {
    func split(_ name: String) throws -> String {
      try withTemporaryFolder { folder in
        let source = folder.appending(path: name)
        let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2]
        try Data(header + patternBytes(8)).write(to: source)
        let output = folder.appending(path: "out.h5").path
        do {
          try MNISTImporter.run(sources: [source.path], to: output)
          return try DatasetSummary(of: output).splits.keys.sorted().joined()
        } catch DatasetError.mismatch(_, let item, let found, _) {
          return "\(item): \(found)"
        }
      }
    }
    #expect(try split("latest-train-images") == "train")
    #expect(try split("t10k-images-idx3-ubyte") == "test")
    #expect(try split("emnist-letters-test-images") == "test")
    #expect(try split("images") == "train")
    #expect(try split("latest-images") == "name: test inside a word")
    #expect(try split("train-and-test") == "name: train and test")
  }

  /// EMNIST is distributed with rows and columns exchanged, which a line tells.
  @Test(arguments: [("emnist-letters-train-images", 2), ("train-images", 1)])
  func imagesThatLieOnTheirSide(name: String, lines: Int) throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: name)
      let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2]
      try Data(header + patternBytes(8)).write(to: source)
      let report = try MNISTImporter.run(
        sources: [source.path], to: folder.appending(path: "out.h5").path)
      #expect(report.notes.count == lines)
      #expect(report.notes.last?.contains("rows and columns exchanged") == (lines == 2))
    }
  }
}

import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

@Suite(.serialized) struct CorruptImagesTests {
  private func inFolder(_ body: (String, String) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let input = folder.appending(path: "clean.h5").path
      try SyntheticDigits.write(count: 50, test: 20, seed: 11, to: input)
      try body(input, folder.appending(path: "dirty.h5").path)
    }
  }

  @Test(
    "Every split is corrupted as in memory, beside its clean images",
    arguments: [
      "salt-pepper:0.25", "gaussian-clip:0.5", "gaussian:0.5", "uniform-exact:0.4", "none",
    ])
  func corruptsEverySplit(spec: String) throws {
    try inFolder { input, output in
      let noise = try Corruption(parsing: spec)
      try CorruptImages.run(input: input, output: output, noise: noise, seed: 595)
      for (split, count) in [("train", 50), ("test", 20)] {
        let clean = try ImageSet.open(input, split: split)
        let dirty = try ImageSet.open(output, split: split)
        #expect(dirty.noise == noise.spec && dirty.labels == clean.labels)
        #expect(dirty.isEightBit == noise.staysInUnitRange && dirty.isMapped)
        #expect(dirty.clean?.values(0..<count) == clean.values(0..<count))
        #expect(dirty.clean?.isEightBit == true)
        let inMemory = clean.corrupted(by: noise, seed: 595, rows: 0..<count)
        #expect(dirty.values(0..<count) == inMemory.values(0..<count))
        #expect((dirty.values(0..<count) == clean.values(0..<count)) == noise.isNone)
      }
      let file = try File.open(output)
      #expect(try file.intAttribute("seed", on: "/train/images") == 595)
      #expect(try file.intAttribute("seed", on: "/test/images") == 595)
    }
  }

  /// Bytes of 0 and 1 of a file from elsewhere mean 0 and 1 in the copy, too.
  @Test func theScaleOfAFileFromElsewhereIsKept() throws {
    try withTemporaryFolder { folder in
      let (input, output) = (folder.appending(path: "in.h5").path, folder.path + "/out.h5")
      let bits = (0..<5 * 16).map { UInt8($0 % 3 == 0 ? 1 : 0) }
      let file = try File.create(input)
      try file.createDataset("/train/images", .uint8, shape: [5, 4, 4, 1]).write(bits)
      try file.close()
      try CorruptImages.run(
        input: input, output: output, noise: Corruption(parsing: "none"), seed: 1)
      let set = try ImageSet.open(output)
      #expect(set.values(0..<5) == bits.map { Float($0) })
      #expect(set.clean?.values(0..<5) == bits.map { Float($0) })
    }
  }

  /// `corrupt` has no options for the form of a file, so no error names them.
  @Test(arguments: ["/images", "/train/images"])
  func errorsNameTheImagesThatAreMissing(dataset: String) throws {
    try withTemporaryFolder { folder in
      let (input, output) = (folder.appending(path: "in.h5").path, folder.path + "/out.h5")
      let file = try File.create(input)
      try file.createDataset(dataset, .uint8, shape: [5, 16])
        .write([UInt8](repeating: 9, count: 80))
      try file.close()
      let noise = try Corruption(parsing: "none")
      let error = #expect(throws: DatasetError.self) {
        try CorruptImages.run(input: input, output: output, noise: noise, seed: 1)
      }
      let text = try #require(error).description
      #expect(text.contains("\(input): /train/images: found "), "\(text)")
    }
  }

  @Test func splitsAreCorruptedApart() throws {
    let shape = ImageShape(height: 28, width: 28, channels: 1)
    try withTemporaryFolder { folder in
      let input = folder.appending(path: "black.h5").path
      try DatasetWriter.write(input, name: "black", source: "test") { writer in
        for split in [Split.train, .test] {
          try writer.createImages(split, count: 2, shape: shape)
            .write([UInt8](repeating: 0, count: 2 * 784))
        }
      }
      let output = folder.appending(path: "dirty.h5").path
      try CorruptImages.run(input: input, output: output, noise: .saltPepper(0.25), seed: 1)
      let train = try ImageSet.open(output)
      let test = try ImageSet.open(output, split: "test")
      #expect(train.values(0..<2) != test.values(0..<2))
      #expect(train.values(0..<1).reduce(0, +) == 196 && test.values(1..<2).reduce(0, +) == 196)
    }
  }

  @Test func attributesAndNamesAreCarriedOver() throws {
    try inFolder { input, output in
      let file = try File.open(input, writable: true)
      try file.createDataset("/train/attributes", .int8, shape: [50, 2])
        .write([Int8](repeating: -1, count: 100))
      try file.write(attribute: "names", on: "/train/attributes", ["Smiling", "Young"])
      let names = (0..<50).map { "image \($0).png" }
      try file.createDataset("/train/names", .string, shape: [50]).write(strings: names)
      try file.close()
      try CorruptImages.run(input: input, output: output, noise: .uniform(0.4), seed: 2)
      let copy = try File.open(output)
      #expect(try copy.dataset("/train/names").readStrings() == names)
      #expect(
        try copy.dataset("/train/attributes").readAll(as: Int8.self)
          == [Int8](repeating: -1, count: 100))
      #expect(
        try copy.stringsAttribute("names", on: "/train/attributes") == ["Smiling", "Young"])
    }
  }

  @Test func corruptedImagesAreNotCorruptedAgain() throws {
    try inFolder { input, output in
      try CorruptImages.run(input: input, output: output, noise: .saltPepper(0.25), seed: 3)
      let again = output + ".again"
      let error = #expect(throws: DatasetError.self) {
        try CorruptImages.run(input: output, output: again, noise: .uniform(0.4), seed: 3)
      }
      #expect(
        error?.description
          == "\(output): /train/images: found noise salt-pepper:0.25, "
          + "expected images not corrupted yet")
      #expect(!FileManager.default.fileExists(atPath: again))
      #expect(throws: DatasetError.exists(file: output)) {
        try CorruptImages.run(input: input, output: output, noise: .uniform(0.4), seed: 3)
      }
    }
  }
}

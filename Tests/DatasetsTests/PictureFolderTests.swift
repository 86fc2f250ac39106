import Foundation
import HDF5
import Images
import TestSupport
import Testing

@testable import Datasets

/// What folders, sizes and depths of pictures become in a data set.
@Suite(.serialized) struct PictureFolderTests {
  /// Writes pictures of 8x8 pixels, or others.
  private func write(
    _ names: [String], to folder: URL,
    _ data: (Int) throws -> Data = {
      try PictureFiles.png(PictureFiles.pattern($0, height: 8, width: 8))
    }
  ) throws {
    for (index, name) in names.enumerated() {
      let file = folder.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try data(index).write(to: file)
    }
  }

  /// Imports sources, and returns notes behind the first.
  private func notes(
    _ sources: [URL], _ options: [String: String] = [:], to output: URL
  ) throws -> [String] {
    let report = try ImageImporter.run(
      sources: sources.map(\.path), options: options, to: output.path, force: true)
    return Array(report.notes.dropFirst())
  }

  private func names(_ output: URL, _ split: String = "train") throws -> [String] {
    try File.open(output.path).dataset("/\(split)/names").readStrings()
  }

  private func labels(_ output: URL, _ split: String = "train") throws -> [Int32]? {
    try ImageSet.open(output.path, split: split).labels
  }

  @Test func foldersAreClasses() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      try write(["s/dog/1.png", "s/cat/a/1.png", "s/cat/2.png", "s/eel/1.png"], to: pictures)
      #expect(
        try notes([pictures], to: output) == [
          "labels of 3 classes, by the folders cat, dog, eel: each picture lies in one of several "
            + "folders"
        ])
      #expect(try labels(output) == [0, 0, 1, 2])
      #expect(
        try File.open(output.path).dataset("/label_names").readStrings()
          == ["cat", "dog", "eel"])
      #expect(
        try names(output) == ["s/cat/2.png", "s/cat/a/1.png", "s/dog/1.png", "s/eel/1.png"])
      // A corrupted copy knows the names of the classes, too.
      let copy = folder.appending(path: "noisy.h5").path
      try CorruptImages.run(
        input: output.path, output: copy, noise: Corruption(parsing: "salt-pepper:0.2"), seed: 1)
      #expect(try File.open(copy).dataset("/label_names").readStrings() == ["cat", "dog", "eel"])
      #expect(try labels(URL(filePath: copy)) == [0, 0, 1, 2])
    }
  }

  @Test func foldersThatAreNoClasses() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out.h5")
      let cases: [([String], String?)] = [
        (["a/1.png", "a/2.png"], nil),
        (["1.png", "2.png"], nil),
        (["a/1.png", "b/1.png"], "no labels: each folder holds one picture"),
        (
          ["a/1.png", "a/2.png", "b/1.png", "3.png", "4.png"],
          "no labels: 2 pictures lie outside of the folders of the others"
        ),
      ]
      for (index, (files, note)) in cases.enumerated() {
        let pictures = folder.appending(path: "\(index)")
        try write(files, to: pictures)
        #expect(
          try notes([pictures], to: output)
            == (note.map { [$0 + "; folders are kept in names"] } ?? []))
        #expect(try labels(output) == nil)
      }
    }
  }

  @Test func foldersAreSplits() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      try write(
        [
          "set/Train/b/1.png", "set/Train/a/1.png", "set/Train/a/2.png", "set/val/b/1.png",
          "set/test/a/1.png",
        ], to: pictures)
      #expect(
        try notes([pictures], to: output) == [
          "splits by the folders of these names: 3 train, 1 validation, 1 test",
          "labels of 2 classes, by the folders a, b: each picture lies in one of several folders",
        ])
      #expect(try labels(output) == [0, 0, 1])
      #expect(try labels(output, "validation") == [1])
      #expect(try labels(output, "test") == [0])
      #expect(try names(output, "test") == ["set/test/a/1.png"])
      let error = #expect(throws: DatasetError.self) {
        try notes([pictures], ["test": "1"], to: output)
      }
      #expect(
        error?.description
          == "--test: found 1, expected none, as a folder holds 1 test image")
    }
  }

  @Test func severalSourcesAreOneSet() throws {
    try withTemporaryFolder { folder in
      let output = folder.appending(path: "out.h5")
      let (cats, dogs) = (folder.appending(path: "cat"), folder.appending(path: "x/dog"))
      try write(["1.png", "2.png"], to: cats)
      try write(["1.png"], to: dogs)
      _ = try notes([dogs, cats], to: output)
      #expect(try names(output) == ["cat/1.png", "cat/2.png", "dog/1.png"])
      #expect(try labels(output) == [0, 0, 1])
      // Two parts of one set hold the same classes; archives of splits are splits.
      let zips = try ["train", "test"].map { name in
        let zip = folder.appending(path: "\(name).zip")
        let entries = try ["a/1.png", "a/2.png", "b/1.png"].map {
          ($0, try PictureFiles.png(PictureFiles.pattern(1, height: 8, width: 8)))
        }
        try PictureFiles.zip(entries, to: zip.path)
        return zip
      }
      #expect(
        try notes(zips, to: output).first
          == "splits by the folders of these names: 3 train, 3 test")
      #expect(try labels(output) == [0, 0, 1] && labels(output, "test") == [0, 0, 1])
      let (one, other) = (folder.appending(path: "1/part"), folder.appending(path: "2/part"))
      try write(["a/1.png", "b/1.png", "b/2.png"], to: one)
      try write(["a/1.png"], to: other)
      _ = try notes([one, other], to: output)
      #expect(
        try names(output)
          == ["part-2/a/1.png", "part/a/1.png", "part/b/1.png", "part/b/2.png"])
      #expect(try labels(output) == [0, 0, 1, 1])
    }
  }

  @Test func testImagesAreOfEveryClass() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      try write(
        ["a/1.png", "a/2.png", "a/3.png", "a/4.png", "b/1.png", "b/2.png"], to: pictures)
      #expect(
        try notes([pictures], ["test": "3"], to: output).last
          == "test split: the last by name of each class, 2 of a, 1 of b")
      #expect(try names(output, "test") == ["a/3.png", "a/4.png", "b/2.png"])
      #expect(try labels(output, "test") == [0, 0, 1] && labels(output) == [0, 0, 1])
      _ = try notes([pictures], ["test": "4"], to: output)
      #expect(try names(output) == ["a/1.png", "b/1.png"])
      let error = #expect(throws: DatasetError.self) {
        try notes([pictures], ["test": "5"], to: output)
      }
      #expect(
        error?.description
          == "--test: found 5, expected an integer from 0 to 4, as each class keeps one to train with"
      )
      #expect(
        try notes([pictures.appending(path: "a")], ["test": "2"], to: output)
          == ["test split: the last 2 by name"])
      #expect(try names(output, "test") == ["3.png", "4.png"])
    }
  }

  @Test func picturesKeepTheirSize() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      let own = (0..<3).map { PictureFiles.pattern($0, height: 5, width: 9) }
      try write(["1.png", "2.bmp", "3.tif"], to: pictures) { index in
        let format = ["PNG", "BMP", "TIFF"][index]
        return index == 0
          ? try PictureFiles.png(own[0]) : try PictureFiles.file(format, own[index])
      }
      _ = try notes([pictures], to: output)
      let set = try ImageSet.open(output.path)
      #expect(set.shape == ImageShape(height: 5, width: 9, channels: 3))
      #expect(set.bytes(0..<3) == own.flatMap(\.bytes))
      #expect(
        try DatasetSummary(of: output.path).splits == [
          "train": ["images": [3, 5, 9, 3], "names": [3]]
        ])
      // A size of two sides, with what the originals were.
      _ = try notes([pictures], ["size": "4x6", "fit": "pad"], to: output)
      let file = try File.open(output.path)
      #expect(try file.dataset("/train/sizes").readAll(as: Int32.self) == [5, 9, 5, 9, 5, 9])
      #expect(try file.stringAttribute("framing", on: "/train/images") == "pad")
      #expect(try file.dataset("/train/images").shape == [3, 4, 6, 3])
    }
  }

  @Test func picturesOfMixedSizesKeepThem() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      let own = [(5, 9), (3, 2), (9, 5)].enumerated().map {
        PictureFiles.pattern($0, height: $1.0, width: $1.1)
      }
      try write(["a.png", "b.png", "c.png"], to: pictures) { try PictureFiles.png(own[$0]) }
      let report = try ImageImporter.run(
        sources: [pictures.path], options: ["test": "1"], to: output.path)
      #expect(
        report.notes.first
          == "read \(pictures.path): 3 pictures 2 to 9 wide and 3 to 9 high of mixed sizes, in RGB "
          + "(--size HxW brings them to one size)")
      let file = try File.open(output.path)
      #expect(try file.dataset("/train/sizes").readAll(as: Int32.self) == [5, 9, 3, 2])
      let pixels = try file.dataset("/train/pixels")
      #expect(pixels.shape == [51, 3])
      #expect(try pixels.readAll(as: UInt8.self) == own[0].bytes + own[1].bytes)
      #expect(try file.dataset("/test/pixels").readAll(as: UInt8.self) == own[2].bytes)
      try MixedPictures.check(output.path, split: "train")
      let error = #expect(throws: DatasetError.self) { try ImageSet.open(output.path) }
      #expect(
        error?.description.hasPrefix(
          "\(output.path): /train/pixels: found pictures of mixed sizes, expected images of one size "
            + "(cleave import images --size HxW makes them)") == true)
      // A broken picture among them is left out on wish.
      try Data([0x89, 0x50, 0x4e, 0x47] + [UInt8](repeating: 0, count: 40)).write(
        to: pictures.appending(path: "b.png"))
      let skipping = try ImageImporter.run(
        sources: [pictures.path], options: ["skip-broken": ""], to: output.path, force: true)
      #expect(skipping.skipped.map(\.name) == ["b.png"])
      #expect(
        try File.open(output.path).dataset("/train/pixels").readAll(as: UInt8.self)
          == own[0].bytes + own[2].bytes)
    }
  }

  @Test func sixteenBitsBecomeFloats() throws {
    try withTemporaryFolder { folder in
      let (pictures, output) = (folder.appending(path: "p"), folder.appending(path: "out.h5"))
      let deep = PictureFiles.deepPattern(1, height: 4, width: 6)
      let plain = PictureFiles.pattern(1, height: 4, width: 6, channels: 1)
      try write(["1.png", "2.png", "3.tif"], to: pictures) {
        $0 == 1
          ? try PictureFiles.png(plain)
          : try PictureFiles.file($0 == 0 ? "PNG" : "TIFF", deep)
      }
      let report = try ImageImporter.run(sources: [pictures.path], to: output.path)
      #expect(
        report.notes.first
          == "read \(pictures.path): 3 pictures 6 wide and 4 high as 4x6x1, 2 with 16 bits, values up "
          + "to \(deep.values.max() ?? 0), as floats value/65535")
      let set = try ImageSet.open(output.path)
      let floats = deep.values.map { Float($0) / 65535 }
      #expect(set.values(0..<1) == floats && set.values(2..<3) == floats)
      #expect(set.values(1..<2) == plain.bytes.map { Float($0) / 255 })
      #expect(
        try File.open(output.path).dataset("/train/depths").readAll(as: UInt8.self) == [16, 8, 16])
    }
  }
}

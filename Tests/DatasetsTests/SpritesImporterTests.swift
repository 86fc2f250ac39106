import Foundation
import HDF5
import TestSupport
import Testing

@testable import Datasets

@Suite(.serialized) struct SpritesImporterTests {
  private static let pixels = 60 * 60

  /// The palette index of pixel p in a frame of a character; less than 5.
  private func index(_ character: Int, _ frame: Int, _ p: Int) -> UInt8 {
    UInt8((character + 3 * frame + p) % 5)
  }

  /// The colour of an index.
  private func colour(_ character: Int, _ index: UInt8) -> [UInt8] {
    [UInt8(50 * Int(index)), UInt8(10 * character), 7 * index]
  }

  /// An HDF5 file of 4 characters with 2 frames each.
  ///
  /// Characters 3 and 1 are for training, 4 for validation, 2 for test.
  private func writeSheet(
    to path: String, split: [Int32] = [3, 1], palette colours: Int = 5
  ) throws {
    let file = try File.create(path)
    let index = (0..<4).flatMap { character in
      (0..<2).flatMap { frame in (0..<Self.pixels).map { self.index(character, frame, $0) } }
    }
    let palette = (0..<4).flatMap { character in
      (0..<colours).flatMap { colour(character, UInt8($0)) }
    }
    try file.createDataset("/index", .uint8, shape: [4, 2, 60, 60]).write(index)
    try file.createDataset("/palette", .uint8, shape: [4, colours, 3]).write(palette)
    for (name, numbers) in [("trainidx", split), ("validx", [4]), ("testidx", [2])] {
      try file.createDataset("/\(name)", .int32, shape: [numbers.count]).write(numbers)
    }
    try file.close()
  }

  @Test func indicesBecomeColours() throws {
    try withTemporaryFolder { folder in
      let (sheet, out) = (folder.appending(path: "s.h5").path, folder.appending(path: "o.h5").path)
      try writeSheet(to: sheet)
      let report = try SpritesImporter.run(sources: [sheet], to: out)
      #expect(report.notes.isEmpty)
      let file = try File.open(out)
      for (split, characters) in [("train", [2, 0]), ("validation", [3]), ("test", [1])] {
        let images = try file.dataset("/\(split)/images")
        #expect(images.shape == [2 * characters.count, 60, 60, 3])
        let expected = characters.flatMap { character in
          (0..<2).flatMap { frame in
            (0..<Self.pixels).flatMap { colour(character, index(character, frame, $0)) }
          }
        }
        #expect(try images.readAll(as: UInt8.self) == expected)
        let labels = try file.dataset("/\(split)/labels").readAll(as: Int32.self)
        #expect(labels == characters.flatMap { [Int32($0), Int32($0)] })
      }
    }
  }

  /// A folder of .mat files with 178 frames in two animations and MATLAB's order of pixels.
  ///
  /// One file is missing.
  @Test func originalFiles() throws {
    try withTemporaryFolder { folder in
      let mat = folder.appending(path: "mat")
      try FileManager.default.createDirectory(at: mat, withIntermediateDirectories: true)
      try MATLABFiles.write(
        folder.appending(path: "sprites_splits.mat").path,
        [
          ("trainidx", 1, 2, [2, 1]), ("validx", 1, 1, [3]),
          ("testidx", 1, 1, [4]),
        ])
      func value(_ character: Int, _ frame: Int, _ y: Int, _ x: Int, _ channel: Int) -> UInt8 {
        UInt8((31 * character + 7 * frame + 5 * y + 3 * x + 50 * channel) % 256)
      }
      for character in 0..<3 {
        let cells = [0..<100, 100..<178].map { frames in
          frames.flatMap { frame in
            (0..<3).flatMap { channel in
              (0..<60).flatMap { x in
                (0..<60).map { Double(value(character, frame, $0, x, channel)) / 255 }
              }
            }
          }
        }
        try MATLABFiles.writeCells(
          mat.appending(path: "sprites_\(character).mat").path, variable: "sprites", rows: 10_800,
          cells)
      }
      let out = folder.appending(path: "o.h5").path
      #expect(throws: DatasetError.self) { try SpritesImporter.run(sources: [mat.path], to: out) }
      let report = try SpritesImporter.run(
        sources: [mat.path], options: ["subset": ""], to: out)
      #expect(report.notes == ["1 characters of the official split are not in the source"])
      let file = try File.open(out)
      let images = try file.dataset("/train/images")
      #expect(images.shape == [356, 60, 60, 3])
      #expect(try !file.children(of: "/").contains("test"))
      let expected = (0..<60).flatMap { y in
        (0..<60).flatMap { x in (0..<3).map { value(1, 101, y, x, $0) } }
      }
      #expect(try images.read(rows: 101..<102, as: UInt8.self) == expected)
    }
  }

  @Test func whatIsNotSpritesIsRefused() throws {
    try withTemporaryFolder { folder in
      let (sheet, out) = (folder.appending(path: "s.h5").path, folder.appending(path: "o.h5").path)
      func refusal(_ source: String, _ options: [String: String] = [:]) -> String {
        do {
          try SpritesImporter.run(sources: [source], options: options, to: out)
          return "accepted"
        } catch { return "\(error)" }
      }
      try writeSheet(to: sheet, split: [5])
      #expect(refusal(sheet) == "\(sheet): /trainidx: found 5, expected numbers from 1 to 4")
      try FileManager.default.removeItem(atPath: sheet)
      try writeSheet(to: sheet, palette: 3)
      #expect(refusal(sheet).contains("/index of character 2: found 3, expected less than the 3"))
      #expect(refusal(sheet, ["split-file": "x"]).hasPrefix("--split-file: found x, expected none"))
      #expect(refusal(folder.path).contains("sprites_splits.mat: found no such file"))
      #expect(refusal("\(folder.path)/none").hasSuffix("no such folder or HDF5 file"))
      #expect(!FileManager.default.fileExists(atPath: out))
    }
  }

  /// The real frames: both forms of a character are equal, and counts are those of the official
  /// split.
  @Test(.enabled(if: TestData.has("sprites/sprites_indexed.h5"), "needs ../shared/data/sprites"))
  func realFramesAreTheSameInBothForms() throws {
    try withTemporaryFolder { folder in
      let sheet = try SpriteSheet(try TestData.path("sprites/sprites_indexed.h5"))
      let files = try SpriteFiles(try TestData.path("sprites/mat"), splitFile: nil)
      #expect(sheet.frames == 178 && files.frames == 178)
      #expect(sheet.split == files.split)
      #expect(sheet.split.mapValues(\.count) == [.train: 500, .validation: 72, .test: 100])
      for character in [0, 584] where files.has(character) {
        #expect(try sheet.pixels(of: character) == files.pixels(of: character))
      }
      let out = folder.appending(path: "o.h5").path
      try SpritesImporter.run(
        sources: [TestData.path("sprites/mat")], options: ["subset": ""], to: out)
      #expect(
        try DatasetSummary(of: out).splits.values.reduce(0) { $0 + ($1["images"]?[0] ?? 0) } == 4
          * 178)
    }
  }
}

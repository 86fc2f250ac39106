import Foundation
import HDF5
import Images
import TestSupport
import Testing

@testable import Datasets

@Suite(.serialized) struct OmniglotImporterTests {
  /// Drawings in the form of the archives: characters of one alphabet, `drawings` of each.
  ///
  /// A drawing has 8 x 8 pixels; its corner identifies the drawing.
  private func entries(
    _ part: String, characters: Int, drawings: Int, first: Int
  ) throws -> [(name: String, data: Data)] {
    try (0..<characters).flatMap { character in
      try (1...drawings).map { drawing in
        var picture = Picture(height: 8, width: 8, channels: 1)
        for i in picture.bytes.indices { picture.bytes[i] = i % 3 == 0 ? 0 : 255 }
        picture.bytes[0] = UInt8(10 * (first + character) + drawing)
        return (
          "\(part)/Greek/character0\(character + 1)/000\(first + character)_0\(drawing).png",
          try PictureFiles.png(picture)
        )
      }
    }
  }

  private func archives(in folder: URL) throws -> [String] {
    let parts = [
      ("images_background", try entries("images_background", characters: 3, drawings: 4, first: 0)),
      ("images_evaluation", try entries("images_evaluation", characters: 2, drawings: 4, first: 3)),
    ]
    return try parts.map { name, entries in
      let path = folder.appending(path: "\(name).zip").path
      try PictureFiles.zip(entries, to: path)
      return path
    }
  }

  private func corners(_ path: String, _ split: String) throws -> [UInt8] {
    let images = try File.open(path).dataset("/\(split)/images")
    let width = images.rowCount
    let values = try images.readAll(as: UInt8.self)
    return stride(from: 0, to: values.count, by: width).map { values[$0] }
  }

  @Test func theBackgroundSetAloneIsEnough() throws {
    try withTemporaryFolder { folder in
      let archives = try archives(in: folder)
      let output = folder.appending(path: "out.h5").path
      let options = ["size": "8"]
      let report = try OmniglotImporter.run(
        sources: [archives[0]], options: options, to: output)
      #expect(
        report.notes.first
          == "ink is 0 on 1; 3 characters to train and test with, no images_evaluation in the source: "
          + "no evaluation split")
      #expect(
        try DatasetSummary(of: output).splits.mapValues { $0["images"] }
          == ["train": [9, 8, 8, 1], "test": [3, 8, 8, 1]])
      // The folder that holds it alone is as good.
      try FileManager.default.removeItem(atPath: archives[1])
      try OmniglotImporter.run(sources: [folder.path], options: options, to: output, force: true)
      #expect(try corners(output, "train") == [1, 2, 3, 11, 12, 13, 21, 22, 23])
    }
  }

  @Test func archivesTheirFolderAndWhatTheyHoldGiveTheSame() throws {
    try withTemporaryFolder { folder in
      let archives = try archives(in: folder)
      let unpacked = folder.appending(path: "unpacked")
      for (part, characters, first) in [("images_background", 3, 0), ("images_evaluation", 2, 3)] {
        for entry in try entries(part, characters: characters, drawings: 4, first: first) {
          let file = unpacked.appending(path: entry.name)
          try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
          try entry.data.write(to: file)
        }
      }
      let sources: [[String]] = [archives, archives.reversed(), [folder.path], [unpacked.path]]
      for (i, source) in sources.enumerated() {
        let path = folder.appending(path: "\(i).h5").path
        let report = try OmniglotImporter.run(sources: source, options: ["size": "8"], to: path)
        #expect(report.notes.first?.hasPrefix("ink is 0 on 1; 3 characters") == true)
        let summary = try DatasetSummary(of: path)
        #expect(
          summary.splits.mapValues { $0["images"] } == [
            "train": [9, 8, 8, 1], "test": [3, 8, 8, 1], "evaluation": [8, 8, 8, 1],
          ])
        #expect(try corners(path, "train") == [1, 2, 3, 11, 12, 13, 21, 22, 23])
        #expect(try corners(path, "test") == [4, 14, 24])
        #expect(try corners(path, "evaluation") == [31, 32, 33, 34, 41, 42, 43, 44])
        let file = try File.open(path)
        let labels = try file.dataset("/evaluation/labels").readAll(as: Int32.self)
        #expect(labels == [3, 3, 3, 3, 4, 4, 4, 4])
        #expect(try file.dataset("/test/labels").readAll(as: Int32.self) == [0, 1, 2])
      }
    }
  }

  /// D-50: the first drawing is left out; ink is white.
  @Test func theFirstDrawingAndWhiteInk() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "o.h5").path
      let report = try OmniglotImporter.run(
        sources: archives(in: folder), options: ["size": "8", "left-out": "first", "invert": ""],
        to: path)
      #expect(report.notes.first?.hasPrefix("ink is 1 on 0;") == true)
      #expect(try corners(path, "test") == [254, 244, 234])
      #expect(try corners(path, "train").count == 9)
    }
  }

  @Test func whatIsNotOmniglotIsRefused() throws {
    try withTemporaryFolder { folder in
      let archives = try archives(in: folder)
      let out = folder.appending(path: "o.h5").path
      func refusal(_ sources: [String], _ options: [String: String] = [:]) -> String {
        do {
          try OmniglotImporter.run(sources: sources, options: options, to: out)
          return "accepted"
        } catch { return "\(error)" }
      }
      #expect(
        refusal([archives[1]])
          == "\(archives[1]): images_background: found no such folder, expected it, and "
          + "images_evaluation where there is one"
      )
      let other = folder.appending(path: "other.zip").path
      try PictureFiles.zip([("a/b/c/d.png", Data([1]))], to: other)
      #expect(
        refusal([other]).hasPrefix("\(other): a/b/c/d.png: found an image elsewhere, expected"))
      let single = folder.appending(path: "single.zip").path
      try PictureFiles.zip(
        entries("images_background", characters: 1, drawings: 1, first: 0), to: single)
      #expect(refusal([single, archives[1]]).contains("found the only drawing of its character"))
      #expect(
        refusal(archives, ["left-out": "none"]) == "--left-out: found none, expected last or first")
      #expect(refusal(archives, ["size": "0"]).hasPrefix("--size: found 0"))
      #expect(!FileManager.default.fileExists(atPath: out))
    }
  }

  /// The counts of docs/systems.md, 1, and binary pixels at the original size.
  @Test(.enabled(if: TestData.has("omniglot"), "needs ../shared/data/omniglot"))
  func realDrawings() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "o.h5").path
      try OmniglotImporter.run(sources: [TestData.path("omniglot")], to: path)
      let summary = try DatasetSummary(of: path)
      #expect(
        summary.splits.mapValues { $0["images"] } == [
          "train": [18_316, 105, 105, 1], "test": [964, 105, 105, 1],
          "evaluation": [13_180, 105, 105, 1],
        ])
      let file = try File.open(path)
      let images = try file.dataset("/test/images").readAll(as: UInt8.self)
      #expect(Set(images) == [0, 255])
      let ink = Double(images.filter { $0 == 0 }.count) / Double(images.count)
      #expect(ink > 0.02 && ink < 0.1)
      let labels = try file.dataset("/train/labels").readAll(as: Int32.self)
      #expect(labels.count == 964 * 19 && Set(labels).count == 964)
    }
  }
}

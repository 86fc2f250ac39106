import Foundation
import HDF5
import Images
import TestSupport
import Testing

@testable import Datasets

@Suite(.serialized) struct ImageImporterTests {
  /// Files of all kinds, in folders inside a folder.
  private func makeFolder(_ folder: URL) throws -> URL {
    let pictures = folder.appending(path: "pictures")
    let files: [(String, Data)] = [
      ("b/colour.JPG", try PictureFiles.jpeg(PictureFiles.pattern(1, height: 30, width: 20))),
      (
        "a/grey.jpeg",
        try PictureFiles.jpeg(PictureFiles.pattern(2, height: 20, width: 24, channels: 1))
      ),
      ("a/colour.png", try PictureFiles.png(PictureFiles.pattern(3, height: 16, width: 16))),
      (
        "top.png", try PictureFiles.png(PictureFiles.pattern(4, height: 40, width: 17, channels: 1))
      ),
      ("notes.txt", Data("hello".utf8)),
    ]
    for (name, data) in files {
      let file = pictures.appending(path: name)
      try FileManager.default.createDirectory(
        at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try data.write(to: file)
    }
    return pictures
  }

  private static let names = ["a/colour.png", "a/grey.jpeg", "b/colour.JPG", "top.png"]

  @Test func aFolderAndItsZipGiveTheSameImages() throws {
    try withTemporaryFolder { folder in
      let pictures = try makeFolder(folder)
      let (first, second) = (folder.appending(path: "1.h5"), folder.appending(path: "2.h5"))
      try ImageImporter.run(
        sources: [pictures.path], options: ["size": "16", "test": "1"], to: first.path)
      let zip = folder.appending(path: "pictures.zip").path
      try PictureFiles.zip(
        Self.names.reversed().map { name in
          (name, try Data(contentsOf: pictures.appending(path: name)))
        } + [("__MACOSX/a/._colour.png", Data([1, 2])), ("a/", Data())], to: zip)
      try ImageImporter.run(
        sources: [zip], options: ["size": "16", "test": "1"], to: second.path, name: "pictures")
      let summary = try DatasetSummary(of: first.path)
      #expect(summary.name == "pictures")
      #expect(
        summary.splits == [
          "train": ["images": [3, 16, 16, 3], "names": [3], "sizes": [3, 2]],
          "test": ["images": [1, 16, 16, 3], "names": [1], "sizes": [1, 2]],
        ])
      let (a, b) = (try File.open(first.path), try File.open(second.path))
      for split in ["train", "test"] {
        let images = try a.dataset("/\(split)/images").readAll(as: UInt8.self)
        #expect(try b.dataset("/\(split)/images").readAll(as: UInt8.self) == images)
      }
      let names =
        try a.dataset("/train/names").readStrings() + a.dataset("/test/names").readStrings()
      #expect(names == Self.names)
      // A PNG file of the right size does not change; a grey file gets three equal colours.
      let train = try a.dataset("/train/images").readAll(as: UInt8.self)
      #expect(Array(train[..<768]) == PictureFiles.pattern(3, height: 16, width: 16).bytes)
      let grey = train[768..<1536]
      #expect(
        Swift.zip(grey, grey.dropFirst()).enumerated().allSatisfy { $0 % 3 == 2 || $1.0 == $1.1 })
    }
  }

  /// Pictures that are left out are counted; broken links are skipped like broken pictures.
  @Test func whatIsLeftOutIsSaid() throws {
    try withTemporaryFolder { folder in
      let picture = try PictureFiles.png(PictureFiles.pattern(1, height: 16, width: 16))
      let pictures = folder.appending(path: "p")
      for name in ["a.png", ".hidden.png", ".cache/b.png", "._a.png"] {
        let file = pictures.appending(path: name)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try picture.write(to: file)
      }
      let out = folder.appending(path: "o.h5").path
      let note = try ImageImporter.run(sources: [pictures.path], options: [:], to: out).notes[0]
      #expect(
        note.contains("1 picture ") && note.hasSuffix("; left out: 1 hidden, 1 hidden as a folder"))
      let zip = folder.appending(path: "z.zip").path
      try PictureFiles.zip([("../evil.png", picture), ("ok.png", picture)], to: zip)
      let other = folder.appending(path: "z.h5").path
      let leading = try ImageImporter.run(sources: [zip], options: [:], to: other).notes[0]
      #expect(leading.hasSuffix("; left out: 1 whose name leads elsewhere"), "\(leading)")
      try FileManager.default.createSymbolicLink(
        atPath: pictures.appending(path: "gone.png").path, withDestinationPath: "nowhere")
      let third = folder.appending(path: "l.h5").path
      let error = #expect(throws: DatasetError.self) {
        try ImageImporter.run(sources: [pictures.path], options: [:], to: third)
      }
      #expect("\(String(describing: error))".contains("a link that leads nowhere"))
      try FileManager.default.createSymbolicLink(
        atPath: pictures.appending(path: "loop.png").path, withDestinationPath: "loop.png")
      let skipped = try ImageImporter.run(
        sources: [pictures.path], options: ["skip-broken": ""], to: third
      ).skipped.map(\.reason)
      #expect(
        skipped.count == 2 && skipped[0].contains("leads nowhere")
          && skipped[1].contains("leads to itself"), "\(skipped)")
    }
  }

  @Test("Many images, more than a block, come out in order")
  func blocks() throws {
    try withTemporaryFolder { folder in
      let zip = folder.appending(path: "many.zip").path
      let files = try (0..<7).map {
        try PictureFiles.png(PictureFiles.pattern($0, height: 3, width: 3))
      }
      // A block of this size has room for five images; with more cores, for one image a core.
      let blocks = ImageBlocks(imageSize: 1000 * 1000 * 3)
      let count = blocks.blockLength * 2 + 3
      try PictureFiles.zip(
        (0..<count).map { (String(format: "%04d.png", $0), files[$0 % 7]) }, to: zip)
      let output = folder.appending(path: "out.h5").path
      nonisolated(unsafe) var told: [[Int]] = []
      try ImageImporter.run(
        sources: [zip], options: ["size": "1000"], to: output,
        monitor: WorkMonitor(progress: { told.append([$0, $1]) }))
      let length = blocks.blockLength
      #expect(told == [[length, count], [2 * length, count], [count, count]])
      let set = try ImageSet.open(output)
      #expect(set.count == count)
      for row in 7..<count {
        #expect(set.stored(row..<row + 1).elementsEqual(set.stored(row % 7..<row % 7 + 1)))
      }
    }
  }

  private func message(_ sources: [String], _ options: [String: String] = [:], in folder: URL)
    -> String
  {
    do {
      try ImageImporter.run(
        sources: sources, options: options, to: folder.appending(path: "out.h5").path)
      return "imported"
    } catch {
      return "\(error)".replacingOccurrences(of: folder.path, with: "FOLDER")
    }
  }

  @Test func sourcesThatAreNone() throws {
    try withTemporaryFolder { folder in
      let empty = folder.appending(path: "empty")
      try FileManager.default.createDirectory(at: empty, withIntermediateDirectories: true)
      let none =
        "images: found none, expected files that end in .jpg, .jpeg, .jpe, .jfif, .png, "
        + ".tif, .tiff, .bmp, .gif, .webp"
      #expect(message([empty.path], in: folder) == "FOLDER/empty: \(none)")
      #expect(
        message([folder.path + "/nowhere"], in: folder)
          == "FOLDER/nowhere: no such folder or zip archive")
      let text = folder.appending(path: "text.zip")
      try Data("hello".utf8).write(to: text)
      #expect(
        message([text.path], in: folder).hasPrefix(
          "FOLDER/text.zip: no zip archive, or one cut short"))
      let table = folder.appending(path: "table.csv")
      try Data("hello".utf8).write(to: table)
      #expect(
        message([table.path], in: folder)
          == "FOLDER/table.csv: found neither a folder nor a zip archive (cleave import arrays reads it)"
      )
      let pictures = try makeFolder(folder).path
      #expect(
        message([pictures], ["size": "0"], in: folder)
          == "--size: found 0, expected an integer from 1 to 4096, or two as HxW: 48x64")
      #expect(
        message([pictures], ["fit": "pad"], in: folder)
          == "--fit: found pad, expected it with --size alone")
      #expect(
        message([pictures], ["size": "8x9", "crop": "4"], in: folder)
          == "--crop: found 4, expected it with square images and --fit crop alone")
      #expect(
        message([pictures], ["test": "4"], in: folder)
          == "--test: found 4, expected an integer from 0 to 3")
      #expect(
        message([pictures], ["crop": "20"], in: folder)
          == "FOLDER/pictures/a/colour.png: size: found 16x16 pixels, "
          + "expected at least 20x20, the crop")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/out.h5"))
    }
  }

  @Test func linksAreFollowedAndOtherKindsCounted() throws {
    try withTemporaryFolder { folder in
      let pictures = try makeFolder(folder)
      let manager = FileManager.default
      try Data("x".utf8).write(to: pictures.appending(path: "a/x.PSD"))
      try Data("x".utf8).write(to: pictures.appending(path: "b/y.psd"))
      try manager.copyItem(
        at: pictures.appending(path: "a/grey.jpeg"), to: pictures.appending(path: "a/z.jfif"))
      let linked = folder.appending(path: "linked")
      try manager.createDirectory(at: linked, withIntermediateDirectories: true)
      try manager.createSymbolicLink(
        atPath: linked.path + "/set", withDestinationPath: "../pictures")
      // A link back up is no endless way.
      try manager.createSymbolicLink(
        atPath: pictures.path + "/up", withDestinationPath: "../linked")
      let output = folder.appending(path: "out.h5").path
      let report = try ImageImporter.run(
        sources: [linked.path], options: ["size": "8"], to: output)
      let names = try File.open(output).dataset("/train/names").readStrings()
      #expect(
        names
          == ["a/colour.png", "a/grey.jpeg", "a/z.jfif", "b/colour.JPG", "top.png"].map {
            "set/" + $0
          })
      #expect(
        report.notes == [
          "read \(linked.path): 5 pictures 16 to 24 wide and 16 to 40 high as 8x8x3, 4 cut to the "
            + "square in the middle; left out: 2 .psd, 1 .txt",
          "no labels: 1 picture lies outside of the folders of the others; folders are kept in names",
        ])
    }
  }

  /// Names are bytes for the system; a picture is read whatever they are.
  @Test func namesThatAreNotUTF8() throws {
    try withTemporaryFolder { folder in
      let pictures = folder.appending(path: "p").path
      let bad: [UInt8] = Array((pictures + "/d").utf8) + [0xff]
      func path(_ end: [UInt8]) -> [CChar] { (bad + end).map { CChar(bitPattern: $0) } + [0] }
      #expect(mkdir(pictures, 0o700) == 0 && mkdir(path([]), 0o700) == 0)
      let picture = try PictureFiles.png(PictureFiles.pattern(1, height: 8, width: 8))
      for name in [Array("/a.png".utf8), Array("/b".utf8) + [0xc3] + Array(".png".utf8)] {
        let file = open(path(name), O_WRONLY | O_CREAT | O_EXCL, 0o600)
        #expect(file >= 0)
        _ = picture.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        close(file)
      }
      try picture.write(to: URL(filePath: pictures + "/ä.png"))
      let output = folder.appending(path: "out.h5").path
      let report = try ImageImporter.run(
        sources: [pictures], options: ["size": "8"], to: output)
      #expect(
        report.notes.first?.hasSuffix(
          "as 8x8x3; 2 names not in UTF-8, kept with \u{FFFD} in place of bytes") == true,
        "\(report.notes)")
      #expect(
        try File.open(output).dataset("/train/names").readStrings()
          == ["d\u{FFFD}/a.png", "d\u{FFFD}/b\u{FFFD}.png", "ä.png"])
    }
  }

  @Test func aSinglePictureIsNoSource() throws {
    try withTemporaryFolder { folder in
      let picture = folder.appending(path: "one.png")
      try PictureFiles.png(PictureFiles.pattern(1, height: 8, width: 8)).write(to: picture)
      #expect(
        message([picture.path], in: folder)
          == "FOLDER/one.png: source: found a single picture, expected the folder that holds it, "
          + "or a zip archive")
      #expect(message([folder.path], ["test": "1"], in: folder) == "--test: found 1, expected 0")
      try Data("GIF89a".utf8).write(to: picture)
      #expect(
        message([folder.path], in: folder)
          == "FOLDER/one.png: cannot be read as a GIF file: found a file cut short")
      try Data("text".utf8).write(to: picture)
      #expect(
        message([folder.path], in: folder)
          == "FOLDER/one.png: not a JPEG, PNG, TIFF, BMP, GIF or WebP file")
    }
  }

  /// No data set takes the place of a picture, under whatever name.
  @Test func aSecondNameOfAPictureIsNoOutput() throws {
    try withTemporaryFolder { folder in
      let pictures = folder.appending(path: "p")
      try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
      let picture = pictures.appending(path: "one.png")
      try PictureFiles.png(PictureFiles.pattern(1, height: 8, width: 8)).write(to: picture)
      let output = folder.appending(path: "out.h5").path
      #expect(link(picture.path, output) == 0)
      #expect(throws: DatasetError.isInput(file: output, input: pictures.path)) {
        try ImageImporter.run(sources: [pictures.path], to: output, force: true)
      }
      unlink(output)
      try ImageImporter.run(sources: [pictures.path], to: output)
      // A data set with a second name among the pictures is no picture.
      #expect(link(output, pictures.path + "/set.h5") == 0)
      try ImageImporter.run(sources: [pictures.path], to: output, force: true)
    }
  }

  @Test func whatDecodingChangesIsSaid() throws {
    try withTemporaryFolder { folder in
      let pictures = folder.appending(path: "p")
      try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
      let clear = [UInt8](repeating: 0, count: 64 * 4)
      try PictureFiles.pngWithAlpha(clear, height: 8, width: 8)
        .write(to: pictures.appending(path: "clear.png"))
      try PictureFiles.jpeg(PictureFiles.pattern(1, height: 8, width: 8), orientation: 6)
        .write(to: pictures.appending(path: "turned.jpg"))
      let output = folder.appending(path: "out.h5").path
      for (colour, value) in [("white", 255), ("black", 0)] {
        let report = try ImageImporter.run(
          sources: [pictures.path], options: ["size": "8", "background": colour], to: output,
          force: true)
        #expect(
          report.notes.first?.hasSuffix(
            "2 pictures 8 wide and 8 high as 8x8x3, 1 turned as their EXIF data say, "
              + "1 with transparent pixels (--background)") == true, "\(report.notes)")
        #expect(try ImageSet.open(output).values(0..<1).allSatisfy { $0 == Float(value) / 255 })
      }
      try FileManager.default.removeItem(atPath: output)
      #expect(
        message([pictures.path], ["background": "blue"], in: folder)
          == "--background: found blue, expected white, black or RRGGBB")
    }
  }
}

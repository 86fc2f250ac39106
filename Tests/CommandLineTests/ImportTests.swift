import Foundation
import Guard
import Images
import TestSupport
import Testing
import Training

/// Importing pictures from the command line: its messages, and its files after a failure.
@Suite(.serialized) struct ImportTests {
  private static let lists = "--partition partition.txt --attributes attributes.txt"
  private static let celeba = "import celeba celeba.zip \(lists) --size 16 --out x.h5"

  /// A fault of a set in the form of CelebA, and the message about it.
  private struct Fault: Sendable {
    let name: String
    let message: String
    var options = "--crop 20"
    let change: @Sendable (inout SmallCelebA) throws -> Void
  }

  private static let faults: [Fault] = [
    Fault(
      name: "lists exchanged", message: "partition.txt: line 1: found \"8\", expected a file name",
      change: { swap(&$0.partition, &$0.attributes) }),
    Fault(
      name: "a split of 3", message: "partition.txt: line 4: found \"000004.jpg 3\", expected a",
      change: { $0.partition[3] = "000004.jpg 3" }),
    Fault(
      name: "empty partition", message: "partition.txt: lines: found none",
      change: { $0.partition = [] }),
    Fault(
      name: "a name twice", message: "partition.txt: 000002.jpg: found two lines, expected one",
      change: { $0.partition[4] = $0.partition[1] }),
    Fault(
      name: "fewer attributes than images",
      message: "attributes.txt: lines of images: found 7, expected 8 by its first line",
      change: { $0.attributes.removeLast() }),
    Fault(
      name: "another number of images",
      message: "attributes.txt: lines of images: found 7, expected 8, one for each image of",
      change: {
        $0.attributes.removeLast()
        $0.attributes[0] = "7"
      }),
    Fault(
      name: "a value too few",
      message: "expected a file name and 3 values, one for each name in the second line",
      change: { $0.attributes[5] = "000004.jpg 1 -1" }),
    Fault(
      name: "a value of 0", message: "attributes.txt: line 6: found \"000004.jpg 1 0 -1\"",
      change: { $0.attributes[5] = "000004.jpg 1 0 -1" }),
    Fault(
      name: "attributes of other images",
      message: "expected 000003.jpg, the next image of partition.txt",
      change: { $0.attributes.swapAt(4, 5) }),
    Fault(
      name: "an image missing in the zip",
      message:
        "celeba.zip: 000004.jpg: found 7 of the 8 images of partition.txt, expected this one",
      change: { $0.entries.remove(at: 3) }),
    Fault(
      name: "an image not in the lists",
      message: "partition.txt: 000009.jpg: found no line, expected one for each of the 9 images",
      change: { $0.entries.append(("img_align_celeba/000009.jpg", $0.entries[0].data)) }),
    Fault(
      name: "an image twice", message: "celeba.zip: 000002.jpg: found img_align_celeba/000002.jpg",
      change: { $0.entries.append(("zz/000002.jpg", $0.entries[0].data)) }),
    Fault(
      name: "truncated JPEG",
      message: "celeba.zip: img_align_celeba/000003.jpg: cannot be read as a JPEG file: ",
      change: { $0.entries[2].data = $0.entries[2].data.dropLast(200) }),
    Fault(
      name: "CMYK JPEG", message: "000003.jpg: cannot be read as a JPEG file: found CMYK colours",
      change: { $0.entries[2].data = try PictureFiles.cmykJPEG(height: 36, width: 30) }),
    Fault(
      name: "16-bit PNG", message: "000003.jpg: cannot be read as a PNG file: found 16 bits",
      change: { $0.entries[2].data = try PictureFiles.png16(height: 36, width: 30) }),
    Fault(
      name: "no picture at all",
      message: "000003.jpg: not a JPEG, PNG, TIFF, BMP, GIF or WebP file",
      change: { $0.entries[2].data = Data("text".utf8) }),
    Fault(
      name: "an empty file", message: "000003.jpg: an empty file",
      change: { $0.entries[2].data = Data() }),
    Fault(
      name: "smaller than the crop",
      message: "000001.jpg: size: found 30x36 pixels, expected at least 31x31, the crop",
      options: "--crop 31", change: { _ in }),
    Fault(
      name: "all broken",
      message: "celeba.zip: images: found 8 broken ones alone, expected at least one that is whole",
      options: "--skip-broken --crop 31", change: { _ in }),
  ]

  @Test func faultsOfASetAreNamed() throws {
    for fault in Self.faults {
      try withTemporaryFolder { folder in
        var set = try SmallCelebA(in: folder)
        try fault.change(&set)
        try set.write()
        let input = BadInput(
          "\(Self.celeba) \(fault.options)", fault.message, 65, title: fault.name)
        // Several ranks make no difference: only rank 0 reads.
        for ranks in fault.name == "truncated JPEG" ? [nil, 4] : [nil] {
          try input.expectFailure(ranks: ranks, in: folder)
        }
      }
    }
  }

  @Test func faultsOfTheArchiveAreNamed() throws {
    try withTemporaryFolder { folder in
      let set = try SmallCelebA(in: folder)
      try set.write()
      let whole = try Data(contentsOf: URL(filePath: set.zip))
      func expect(_ data: Data, _ message: String) throws {
        try data.write(to: URL(filePath: set.zip))
        try BadInput(Self.celeba, message, 65).expectFailure(ranks: nil, in: folder)
      }
      for length in [whole.count - 30, whole.count / 2, 3, 0] {
        try expect(whole.prefix(length), "celeba.zip: no zip archive, or one cut short")
      }
      var flipped = whole
      flipped[200] ^= 0x10
      try expect(flipped, "celeba.zip: img_align_celeba/000001.jpg: CRC error")
      try FileManager.default.removeItem(atPath: set.zip)
      try BadInput(Self.celeba, "celeba.zip: no such folder or zip archive", 65)
        .expectFailure(ranks: nil, in: folder)
    }
  }

  @Test func optionsThatAreWrong() throws {
    try withTemporaryFolder { folder in
      try SmallCelebA(in: folder).write()
      for (command, message) in [
        ("import celeba celeba.zip --out x.h5", "cleave import: --partition: found nothing"),
        ("\(Self.celeba) --crop -3", "--crop: found -3, expected an integer from 1 to 65536"),
        ("\(Self.celeba) --test 3", "--test does not go with celeba"),
        ("\(Self.celeba) --skip-brokn", "unknown option --skip-brokn; did you mean --skip-broken?"),
        ("import mnist celeba.zip --grey --out x.h5", "--grey does not go with mnist"),
        ("import celaba celeba.zip --out x.h5", "unknown format celaba; did you mean celeba?"),
        ("synthesize face --out x.h5", "unknown kind face; did you mean faces?"),
      ] {
        try BadInput(command, message, 64).expectFailure(ranks: nil, in: folder)
      }
    }
  }

  @Test func anImportSaysWhatItDid() throws {
    try withTemporaryFolder { folder in
      var set = try SmallCelebA(in: folder)
      set.entries[4].data = set.entries[4].data.dropLast(200)
      set.entries.removeLast()
      try set.write()
      let run = try Tool.run("\(Self.celeba) --crop 20 --skip-broken --subset", in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(
        run.output
          == """
          x.h5: data set celeba
            train: 5 images of 16x16x3, with 3 attributes, names
            validation: 1 images of 16x16x3, with 3 attributes, names

          """, "\(run)")
      #expect(run.errors.contains("warning: left out: celeba.zip: img_align_celeba/000005.jpg"))
      #expect(run.errors.contains("warning: 1 broken image left out"), "\(run)")
      #expect(run.errors.contains("1 images of partition.txt are not in the source"), "\(run)")
      #expect(run.errors.contains("7 images in "), "\(run)")
      #expect(try Tool.succeed("info x.h5", in: folder) == run.output)
      try Tool.succeed("corrupt x.h5 y.h5 --noise salt-pepper:0.4", in: folder)
      let info = try Tool.document("info y.h5 --json", in: folder)
      #expect(info["splits"]?["train"]?["attributes"] == [5, 3])
    }
  }

  /// A set too large to be imported before a signal arrives.
  private func startLongImport(in folder: URL) throws -> Job {
    let files = try (0..<50).map { try PictureFiles.jpeg(SmallCelebA.picture($0)) }
    try PictureFiles.zip(
      (0..<2000).map { (String(format: "%04d.jpg", $0), files[$0 % 50]) },
      to: folder.appending(path: "images.zip").path)
    return try Job.product(
      "cleave", ["import", "images", "images.zip", "--size", "512", "--out", "x.h5"], in: folder)
  }

  @Test(arguments: [SIGTERM, SIGINT, SIGKILL]) func aStoppedImportLeavesNoFile(signal: Int32) throws
  {
    try withTemporaryFolder { folder in
      let job = try startLongImport(in: folder)
      func files() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path)
          .filter { $0 != "images.zip" }
      }
      #expect(try job.waits { try !files().isEmpty })
      kill(job.identifier, signal)
      let end = try job.end()
      #expect(try !files().contains("x.h5"), "\(end)")
      if signal != SIGKILL {
        #expect(end.status == 75, "\(end)")
        #expect(try files().isEmpty, "\(end)")
        #expect(end.errors == "cleave import: x.h5: not written: stopped by a signal\n", "\(end)")
      }
    }
  }

  @Test(.enabled(if: SmallDisk.isPermitted, "mounting a tmpfs is not permitted here"))
  func aFullDiskIsNamed() throws {
    try withTemporaryFolder { folder in
      try SmallCelebA(in: folder).write()
      let disk = try SmallDisk(bytes: 8 << 20)
      let target = "\(disk.path)/x.h5"
      for command in [
        "import celeba celeba.zip \(Self.lists) --size 1000 --out \(target)",
        "synthesize faces --count 2000 --out \(target)",
      ] {
        let run = try Tool.run(command, in: folder)
        #expect(run.status == 74 && run.output.isEmpty, "\(run)")
        let lines = run.errors.split(separator: "\n")
        #expect(lines.count == 1, "\(run)")
        #expect(lines.first?.contains("\(target): ") == true, "\(run)")
        #expect(lines.first?.hasSuffix("no space left on device") == true, "\(run)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).isEmpty)
      }
    }
  }
}

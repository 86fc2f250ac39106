import Foundation
import HDF5
import TestSupport
import Testing

/// `cleave select`: the rows that are asked, with what belongs to them.
@Suite struct SelectTests {
  private func labels(_ name: String, _ split: String, in folder: URL) throws -> [Int32] {
    try File.open(folder.appending(path: name).path).dataset("/\(split)/labels")
      .readAll(as: Int32.self)
  }

  private func rows(
    _ name: String, _ split: String, in folder: URL
  ) throws -> [[UInt8]] {
    let images = try File.open(folder.appending(path: name).path).dataset("/\(split)/images")
    let all = try images.readAll(as: UInt8.self)
    let size = images.rowCount
    return stride(from: 0, to: all.count, by: size).map { Array(all[$0..<$0 + size]) }
  }

  @Test func classesAndOutliersAreThoseAsked() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 300 --test 60 --out d.h5", in: folder)
      try Tool.succeed(
        "select d.h5 three.h5 --classes 3,4 --outliers 0.25 --count 40", ranks: 2, in: folder)
      let found = try labels("three.h5", "train", in: folder)
      #expect(found.count == 40 && found.count { ![3, 4].contains($0) } == 10, "\(found)")
      // Each image is one of the originals with its label, in their order.
      let (originals, truth) = (
        try rows("d.h5", "train", in: folder), try labels("d.h5", "train", in: folder)
      )
      let places = try zip(rows("three.h5", "train", in: folder), found).map { image, label in
        try #require(
          originals.indices.first { originals[$0] == image && truth[$0] == label })
      }
      #expect(places == places.sorted() && Set(places).count == 40)
      // The test split has all of both classes, and a quarter of others.
      let others = try labels("three.h5", "test", in: folder)
      let own = try labels("d.h5", "test", in: folder).count { [3, 4].contains($0) }
      #expect(others.count { [3, 4].contains($0) } == own)
      #expect(abs(Double(others.count - own) - Double(own) / 3) <= 0.5)
      // The test split that is cut off has about the same share of others.
      try Tool.succeed(
        "select d.h5 cut.h5 --classes 3,4 --outliers 0.4 --count 30 --test 30", in: folder)
      let parts = try ["train", "test"].map { try labels("cut.h5", $0, in: folder) }
      #expect(parts.allSatisfy { $0.count == 30 }, "\(parts)")
      for part in parts {
        #expect((4...20).contains(part.count { ![3, 4].contains($0) }), "\(part)")
      }
      // Another seed draws others.
      try Tool.succeed(
        "select d.h5 other.h5 --classes 3,4 --outliers 0.25 --count 40 --seed 1", in: folder)
      #expect(try rows("other.h5", "train", in: folder) != rows("three.h5", "train", in: folder))
    }
  }

  @Test func testSplitsAndAttributes() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize faces --count 30 --test 5 --out f.h5", in: folder)
      try Tool.succeed("select f.h5 g.h5 --test 12 --count 10 --label Bangs", in: folder)
      let all = try rows("f.h5", "train", in: folder)
      let (own, test) = (
        try rows("g.h5", "train", in: folder), try rows("g.h5", "test", in: folder)
      )
      #expect(own.count == 10 && test.count == 12)
      #expect(Set(own).isDisjoint(with: Set(test)) && Set(own + test).isSubset(of: Set(all)))
      let file = try File.open(folder.appending(path: "g.h5").path)
      let names = try #require(try file.stringsAttribute("names", on: "/train/attributes"))
      let place = try #require(names.firstIndex(of: "Bangs"))
      let values = try file.dataset("/train/attributes").readAll(as: Int8.self)
      let classes = try labels("g.h5", "train", in: folder)
      #expect(classes == (0..<10).map { values[$0 * names.count + place] > 0 ? 1 : 0 })
      #expect(try file.dataset("/label_names").readStrings() == ["not Bangs", "Bangs"])
    }
  }

  @Test(arguments: [
    ("select d.h5 d.h5", 64, "the command's own input"),
    ("select d.h5 e.h5 --classes 12", 64, "--classes: found 12"),
    ("select d.h5 e.h5 --classes 3, --outliers 0.2", 64, "--classes: found 3,"),
    ("select d.h5 e.h5 --classes 3 --outliers 0.01", 65, "for that share"),
    ("select d.h5 e.h5 --outliers 0.2", 64, "--outliers: found without --classes"),
    ("select d.h5 e.h5 --classes 3,4 --outliers 0.9", 65, "ask fewer by --count"),
    ("select d.h5 e.h5 --test 60", 65, "found 60 images"),
    ("select d.h5 e.h5 --label Hat", 64, "--label: found Hat, expected images with attributes"),
    ("select n.h5 e.h5 --classes 3", 65, "select first, then corrupt"),
    ("select absent.h5 e.h5", 65, "absent.h5"),
  ])
  func faultsAreNamed(_ line: String, _ status: Int, _ words: String) throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 60 --test 20 --out d.h5", in: folder)
      try Tool.succeed("corrupt d.h5 n.h5 --noise salt-pepper:0.1", in: folder)
      for ranks in [nil, 2] {
        let run = try Tool.run(line, ranks: ranks, in: folder)
        #expect(run.status == status && run.errors.contains(words), "\(run)")
        // mpirun has words of its own after that.
        let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave ") }
        #expect(lines.count == 1, "\(run)")
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "e.h5").path))
      }
    }
  }
}

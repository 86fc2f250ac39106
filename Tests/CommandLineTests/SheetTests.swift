import Foundation
import HDF5
import Images
import Support
import TestSupport
import Testing

/// Pictures for people: the same rows side by side, each where it belongs; and what `info` says of
/// results.
@Suite(.serialized) struct SheetTests {
  private func prepare(in folder: URL) throws {
    try prepareDigits(100, in: folder)
    try Tool.succeed(
      "train demo --data d.h5 --out run --set grid_every=1 --quiet \(tiny)", in: folder)
  }

  private func bytes(_ name: String, of file: String, in folder: URL) throws -> [UInt8] {
    try File.open(folder.appending(path: file).path).dataset(name).readAll()
  }

  /// Where the images of the pinned rows lie in a picture, top to bottom in one column.
  private func column(of bytes: [UInt8], in picture: Picture) throws -> [(top: Int, left: Int)] {
    try (0..<10).map { index in
      let row = index * 10
      let found = picture.places(
        of: Array(bytes[row * 784..<(row + 1) * 784]), height: 28, width: 28, zoom: 5)
      return try #require(found.first, "row \(row)")
    }
  }

  /// The picture of a run holds X, L, S, X - S and the clean images of the pinned rows.
  @Test(arguments: [nil, 2, 3]) func theSplitSideBySide(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      try Tool.succeed("denoise run --out p.png", ranks: ranks, in: folder)
      try Tool.succeed("denoise run --out o.h5 --with X", ranks: ranks, in: folder)
      let x = try bytes("/X", of: "o.h5", in: folder)
      let l = try bytes("/L", of: "o.h5", in: folder)
      let clean = try bytes("/train/clean", of: "d.h5", in: folder)
      let s: [Float] = try File.open(folder.appending(path: "o.h5").path).dataset("/S").readAll()
      let pinned = (0..<10).flatMap { s[$0 * 7840..<$0 * 7840 + 784] }
      let largest = pinned.map(abs).max() ?? 0
      try #require(largest > 0.1 && largest <= 1)
      let scale: Float = largest > 0.5 ? 1 : largest > 0.2 ? 0.5 : 0.2
      let signed = s.map { ImageGrid.byte(0.5 + $0 / (2 * scale)) }
      let rest = zip(x, s).map { ImageGrid.byte(Float($0) / 255 - $1) }
      let medians = stride(from: 0, to: x.count, by: 784).flatMap { start -> [UInt8] in
        var result = [Float](repeating: 0, count: 784)
        MedianFilter.apply(
          x[start..<start + 784].map { Float($0) / 255 }, to: &result, height: 28, width: 28,
          channels: 1, side: 3)
        return result.map(ImageGrid.byte)
      }
      for name in ["p.png", "run/images/outer-002.png"] {
        let picture = try PNG.read(folder.appending(path: name).path)
        let columns = try [x, signed, rest, clean, medians].map { try column(of: $0, in: picture) }
        for found in columns { #expect(Set(found.map(\.left)).count == 1, "\(name)") }
        let lefts = columns.map { $0[0].left }
        #expect(lefts == lefts.sorted() && Set(lefts).count == 5, "\(name): \(lefts)")
        for row in 0..<10 { #expect(Set(columns.map { $0[row].top }).count == 1, "\(name)") }
        // L is written with its own rounding.
        if name == "p.png" {
          for row in 0..<10 {
            let start = row * 7840
            let places = picture.places(
              of: Array(l[start..<start + 784]), height: 28, width: 28, zoom: 5)
            // Rows may have equal L.
            #expect(places.contains { $0.top == columns[0][row].top }, "row \(row)")
            #expect(places.allSatisfy { $0.left > lefts[0] && $0.left < lefts[1] })
          }
        }
      }
    }
  }

  /// Every picture of a run shows the same rows, whatever the number of ranks.
  @Test func theSameRowsOnAnyNumberOfRanks() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(100, in: folder)
      for ranks in [1, 2, 3] {
        try Tool.succeed(
          "train demo --data d.h5 --out run\(ranks)/x --set grid_every=1 --exact --quiet \(tiny)",
          ranks: ranks, in: folder)
      }
      for name in ["outer-001.png", "outer-002.png", "outer-001-samples.png"] {
        let pictures = try [1, 2, 3].map {
          try Data(contentsOf: folder.appending(path: "run\($0)/x/images/\(name)"))
        }
        #expect(Set(pictures).count == 1, "\(name)")
      }
      let files = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "run1/x/images").path)
      #expect(
        Set(files) == [
          "outer-001.png", "outer-002.png", "outer-001-samples.png", "outer-002-samples.png",
        ])
    }
  }

  /// What each command writes says what it is.
  @Test func infoOfResults() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      for (command, output, name, shape) in [
        ("denoise", "a.h5", "L", [100, 28, 28, 1]), ("encode", "b.h5", "mean", [100, 2]),
        ("reconstruct", "c.h5", "reconstructions", [100, 28, 28, 1]),
        ("sample --count 7", "d7.h5", "samples", [7, 28, 28, 1]),
        ("score", "e.h5", "scores/residual", [100]),
      ] {
        try Tool.succeed("\(command) run --out \(output)", in: folder)
        let info = try Tool.document("info \(output) --json", in: folder)
        #expect(info["format"] == "cleave-output", "\(info)")
        #expect(info["command"]?.text == command.split(separator: " ").first.map(String.init))
        #expect(info["run"]?.text?.hasSuffix("run") == true)
        #expect(info["checkpoint"]?.text?.hasPrefix("step-") == true)
        if !command.hasPrefix("sample") {
          #expect(info["input"]?.text?.hasSuffix("d.h5") == true && info["split"] == "train")
        }
        #expect(
          info["datasets"]?[name]?["shape"] == .array(shape.map { .integer($0) }), "\(info)")
        let text = try Tool.succeed("info \(output)", ranks: 2, in: folder)
        #expect(text.contains("a file of results, by cleave"), "\(text)")
      }
      try Tool.succeed("denoise run --out pictures/ --as repaired", in: folder)
      let pictures = try Tool.document("info pictures/ --json", in: folder)
      #expect(pictures["format"] == "cleave-pictures" && pictures["as"] == "repaired")
      #expect(pictures["pictures"] == 100 && pictures["run"]?.text?.hasSuffix("run") == true)
      try Tool.succeed("score run --out s.csv --grid w.png", in: folder)
      let scores = try Tool.document("info s.csv --json", in: folder)
      #expect(scores["format"] == "cleave-scores" && scores["rows"] == 100)
      for command in ["denoise run", "reconstruct run", "sample run"] {
        try Tool.succeed("\(command) --out p.png --force", in: folder)
        let picture = try Tool.document("info p.png --json", in: folder)
        #expect(picture["format"] == "cleave-picture", "\(picture)")
        #expect(picture["run"]?.text?.hasSuffix("run") == true && picture["title"] != nil)
      }
      let worst = try Tool.succeed("info w.png", in: folder)
      #expect(worst.contains("the 50 images of the highest residual, of 100"), "\(worst)")
      // What cleave did not write is told as before.
      try Data("x\n".utf8).write(to: folder.appending(path: "x.csv"))
      let other = try Tool.run("info x.csv", in: folder)
      #expect(other.status == 65, "\(other)")
      try BadInput("info a.h5 --digest", "only checkpoints have digests", 64)
        .expectFailure(ranks: nil, in: folder)
    }
  }
}

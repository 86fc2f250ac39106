import Foundation
import HDF5
import Images
import TestSupport
import Testing

/// `denoise --out FOLDER/`: one picture each, under the name of its original.
@Suite(.serialized) struct PictureFolderTests {
  private static let count = 64

  /// d.h5 with names, and a run on it.
  private func prepare(
    in folder: URL, names: [String]? = nil, steps: String = "",
    extra: (File) throws -> Void = { _ in }
  ) throws {
    try prepareDigits(Self.count, in: folder)
    let file = try File.open(folder.appending(path: "d.h5").path, writable: true)
    let names = names ?? (0..<Self.count).map { "\($0 % 2 == 0 ? "cat" : "dog")/\($0).png" }
    try file.createDataset("/train/names", .string, shape: [names.count]).write(strings: names)
    try extra(file)
    try file.close()
    try Tool.succeed(
      "train demo --data d.h5 --out run --set grid_every=0 --quiet \(tiny) \(steps)", in: folder)
  }

  private func picture(_ name: String, in folder: URL) throws -> Picture {
    try PNG.read(folder.appending(path: name).path)
  }

  private func values<T: Element>(_ name: String, of file: String, in folder: URL) throws -> [T] {
    try File.open(folder.appending(path: file).path).dataset(name).readAll()
  }

  /// The pictures hold what the file holds, on any number of ranks.
  @Test(arguments: [nil, 2, 3]) func picturesEqualTheFile(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      try Tool.succeed("denoise run --out o.h5 --with X,scores", in: folder)
      let l: [UInt8] = try values("/L", of: "o.h5", in: folder)
      let x: [UInt8] = try values("/X", of: "o.h5", in: folder)
      let s: [Float] = try values("/S", of: "o.h5", in: folder)
      #expect(s.contains(0) && s.contains { $0 != 0 })
      let original: [UInt8] = try values("/train/images", of: "d.h5", in: folder)
      #expect(x == original)
      // |X - L - S| is t where S is not 0, but for the rounding of L to a byte, which has no mean.
      let rests = s.indices.filter { s[$0] != 0 }
        .map { abs(Float(x[$0]) / 255 - Float(l[$0]) / 255 - s[$0]) }
      let t = rests.reduce(0, +) / Float(rests.count)
      func repaired(_ i: Int) -> UInt8 {
        ImageGrid.byte((Float(x[i]) - min(abs(s[i]) / t, 1) * (Float(x[i]) - Float(l[i]))) / 255)
      }
      #expect(t > 0.05 && (0..<x.count).contains { repaired($0) != x[$0] && repaired($0) != l[$0] })
      for (shown, value) in [
        ("L", { i in l[i] }),
        ("X-S", { ImageGrid.byte(Float(x[$0]) / 255 - s[$0]) }),
        ("repaired", repaired),
      ] as [(String, (Int) -> UInt8)] {
        try Tool.succeed("denoise run --out \(shown)/ --as \(shown)", ranks: ranks, in: folder)
        for row in 0..<Self.count {
          let name = "\(shown)/\(row % 2 == 0 ? "cat" : "dog")/\(row).png"
          let found = try picture(name, in: folder)
          #expect(found.height == 28 && found.width == 28 && found.channels == 1)
          let expected = (row * 784..<(row + 1) * 784).map(value)
          let off = zip(found.bytes, expected).map { abs(Int($0) - Int($1)) }
          #expect(off.max() ?? 255 <= (shown == "repaired" ? 1 : 0), "\(name)")
        }
        let files = try FileManager.default.subpathsOfDirectory(
          atPath: folder.appending(path: shown).path)
        #expect(files.count == Self.count + 3, "the pictures, two folders and a mark: \(files)")
      }
    }
  }

  /// Originals of other sizes and depths come back in these.
  @Test func sizesAndDepths() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder, names: (0..<Self.count).map { "\($0).jpg" }) { file in
        let sizes = (0..<Self.count).flatMap { row -> [Int32] in
          row == 0 ? [28, 28] : [Int32(20 + row), 90]
        }
        try file.createDataset("/train/sizes", .int32, shape: [Self.count, 2]).write(sizes)
        try file.createDataset("/train/depths", .uint8, shape: [Self.count])
          .write((0..<Self.count).map { row -> UInt8 in row < 2 ? 16 : 8 })
        try file.write(attribute: "framing", on: "/train/images", "stretch")
      }
      try Tool.succeed("denoise run --out o.h5", in: folder)
      let l: [UInt8] = try values("/L", of: "o.h5", in: folder)
      let run = try Tool.run("denoise run --out p/", ranks: 2, in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(run.errors.contains("64 originals of other kinds became PNG"), "\(run)")
      #expect(
        run.errors.contains(
          "63 pictures of other sizes than the data set's 28x28 were brought back to theirs"),
        "\(run)")
      for row in 0..<2 {
        let bytes = try Data(contentsOf: folder.appending(path: "p/\(row).png"))
        let found = try PictureFiles.values16(Array(bytes))
        #expect(found.height == (row == 0 ? 28 : 21) && found.width == (row == 0 ? 28 : 90))
        guard row == 0 else { continue }
        // L in the file is rounded to bytes, here it is not.
        let worst = zip(found.values, l).map { abs(Float($0) / 65535 - Float($1) / 255) }.max() ?? 1
        #expect(worst < 0.5 / 255 + 1e-4, "\(worst)")
      }
      let last = try picture("p/63.png", in: folder)
      #expect(last.height == 83 && last.width == 90)
      // Its mean is that of L.
      func mean(_ bytes: some Collection<UInt8>) -> Double {
        bytes.reduce(0.0) { $0 + Double($1) } / Double(bytes.count)
      }
      #expect(abs(mean(last.bytes) - mean(l[63 * 784..<64 * 784])) < 3)
    }
  }

  /// Names from a data set never lead out of the folder, and no picture replaces another.
  @Test func wickedNames() throws {
    try withTemporaryFolder { folder in
      let wicked = [
        "../out.png", "/tmp/out.png", "a.jpg", "a.png", "a.jpeg", "b\u{1b}[31m.png", "..",
        "c/../d.png",
      ]
      try prepare(
        in: folder, names: wicked + (8..<Self.count).map { "\($0).png" })
      let run = try Tool.run("denoise run --out inner/pictures/", in: folder)
      #expect(run.status == 65 && run.errors.contains("no such folder"), "\(run)")
      try FileManager.default.createDirectory(
        at: folder.appending(path: "inner"), withIntermediateDirectories: true)
      try Tool.succeed("denoise run --out inner/pictures/", in: folder)
      let inner = try FileManager.default.contentsOfDirectory(
        atPath: folder.appending(path: "inner").path)
      #expect(inner == ["pictures"])
      let files = Set(
        try FileManager.default.subpathsOfDirectory(
          atPath: folder.appending(path: "inner/pictures").path))
      #expect(
        files.isSuperset(of: [
          "out.png", "tmp/out.png", "a.jpg.png", "a.png", "a.jpeg.png", "b_[31m.png",
          "unnamed.png", "c/d.png",
        ]), "\(files)")
      #expect(files.count == Self.count + 3)
    }
  }

  /// A folder of anybody else's is not touched; --force replaces what a denoise wrote, and no more.
  @Test(arguments: [nil, 2]) func existingFolders(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder, names: (0..<Self.count).map { "old/\($0).png" })
      func make(_ name: String, holding file: String? = nil) throws {
        let path = folder.appending(path: name)
        try FileManager.default.createDirectory(at: path, withIntermediateDirectories: true)
        if let file { try Data("mine".utf8).write(to: path.appending(path: file)) }
      }
      try make("empty")
      try Tool.succeed("denoise run --out empty/", ranks: ranks, in: folder)
      try BadInput("denoise run --out empty/", "exists already; --force replaces it", 64)
        .expectFailure(ranks: ranks, in: folder)
      try make("mine", holding: "notes.txt")
      for force in ["", " --force"] {
        try BadInput(
          "denoise run --out mine/\(force)",
          "found a folder with other files in it, such as notes.txt, expected a new folder", 64
        ).expectFailure(ranks: ranks, in: folder)
        try BadInput("denoise run --out d.h5/\(force)", "found a regular file", 64)
          .expectFailure(ranks: ranks, in: folder)
        try BadInput("denoise run --out run/\(force)", "found a folder with other files in it", 64)
          .expectFailure(ranks: ranks, in: folder)
        try BadInput("denoise run --out run/images/\(force)", "a place of the run", 64)
          .expectFailure(ranks: ranks, in: folder)
      }
      // Pictures of a former denoise go, with what is not named any more.
      let old = try Data(contentsOf: folder.appending(path: "empty/old/0.png"))
      let file = try File.open(folder.appending(path: "d.h5").path, writable: true)
      try file.dataset("/train/names").write(strings: (0..<Self.count).map { "new/\($0).png" })
      try file.close()
      try Tool.succeed("denoise run --out empty/ --force --as repaired", ranks: ranks, in: folder)
      let files = try FileManager.default.subpathsOfDirectory(
        atPath: folder.appending(path: "empty").path)
      #expect(files.count == Self.count + 2 && !files.contains { $0.hasPrefix("old") })
      #expect(try Data(contentsOf: folder.appending(path: "empty/new/0.png")) != old)
      // What somebody puts beside them keeps the whole folder.
      try Data("mine".utf8).write(to: folder.appending(path: "empty/new/notes.txt"))
      try BadInput(
        "denoise run --out empty/ --force", "found new/notes.txt, which no denoise wrote", 64
      ).expectFailure(ranks: ranks, in: folder)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(!left.contains { $0.hasPrefix(".") }, "\(left)")
    }
  }

  /// A folder that is named without an ending, and options that are about others.
  @Test func wrongWords() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      for (line, message) in [
        ("denoise run --out pictures", "expected a name that ends in .h5 or .hdf5 or .png or /"),
        ("denoise run --out o.h5 --as L", "--as: found L for o.h5, expected a folder of pictures"),
        ("denoise run --out p/ --as S", "--as: found S, expected one of L, X-S, repaired"),
        ("denoise run --out p/ --with X", "--with: found X for p/, expected an HDF5 file"),
        ("denoise run --out o.h5 --with Y", "--with: found Y, expected X, scores or both"),
        ("encode run --out p/", "expected a name that ends in .h5 or .hdf5"),
      ] {
        try BadInput(line, message, 64).expectFailure(ranks: nil, in: folder)
      }
      try Tool.succeed(
        "train mnist-vae --data d.h5 --out vae --set hidden=16 --set latent=2 --set batch=16 "
          + "--max-steps 2 --set grid_every=0 --quiet", in: folder)
      try BadInput(
        "denoise vae --out p/ --as repaired",
        "--as: found repaired of a model without a sparse part S, expected L", 64
      ).expectFailure(ranks: 2, in: folder)
      try Tool.succeed("denoise vae --out p/", in: folder)
    }
  }

  /// Without names, pictures have numbers; a file and codes carry what the data set says.
  @Test func namesAndLabelsAreCarried() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(Self.count, in: folder)
      try Tool.succeed(
        "train demo --data d.h5 --out run --set grid_every=0 --quiet \(tiny)", in: folder)
      try Tool.succeed("denoise run --out p/", in: folder)
      #expect(try picture("p/000063.png", in: folder).width == 28)
      let file = try File.open(folder.appending(path: "d.h5").path, writable: true)
      let names = (0..<Self.count).map { "folder, one/\($0).png" }
      try file.createDataset("/train/names", .string, shape: [names.count]).write(strings: names)
      try file.createDataset("/label_names", .string, shape: [10])
        .write(strings: (0..<10).map { "digit \($0)" })
      try file.close()
      let labels: [Int32] = try values("/train/labels", of: "d.h5", in: folder)
      for command in ["denoise", "encode"] {
        try Tool.succeed("\(command) run --out \(command).h5", ranks: 2, in: folder)
        let written = try File.open(folder.appending(path: "\(command).h5").path)
        #expect(try written.dataset("/names").readStrings() == names)
        #expect(try written.dataset("/labels").readAll() == labels)
        #expect(try written.dataset("/label_names").readStrings().last == "digit 9")
      }
    }
  }
}

import CHDF5
import Foundation
import HDF5
import Images
import Support
import TestSupport
import Testing
import Training

/// The commands import, synthesize, corrupt and info.
@Suite struct DataCommandTests {
  @Test func importedImagesAreDescribed() throws {
    try withTemporaryFolder { folder in
      try IDX.write(to: folder.appending(path: "idx"))
      let text = try Tool.succeed(
        "import mnist idx --out out.h5 --name small", ranks: 2, in: folder)
      #expect(text.contains("train: 6 images of 4x4x1, with labels"))
      let info = try Tool.document("info out.h5 --json", in: folder)
      #expect(info["format"] == "cleave-dataset")
      #expect(info["name"] == "small")
      #expect(info["splits"]?["train"]?["images"] == [6, 4, 4, 1])
      #expect(info["splits"]?["test"]?["labels"] == [6])
    }
  }

  @Test func corruptedImagesComeWithTheCleanOnes() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 20 --test 5 --out d.h5 --quiet", in: folder)
      let corrupted = try Tool.document(
        "corrupt d.h5 c.h5 --noise salt-pepper:0.25 --json", in: folder)
      #expect(corrupted["splits"]?["train"]?["clean"] == [20, 28, 28, 1])
      #expect(corrupted["noise"]?["test"] == "salt-pepper:0.25")
      try Tool.succeed("corrupt d.h5 e.h5 --noise salt-pepper:0.25", ranks: 3, in: folder)
      #expect(try Run.command("h5diff", ["c.h5", "e.h5"], in: folder).status == 0)
      try Tool.succeed("info c.h5 --verify", in: folder)
    }
  }

  @Test func forceReplaces() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 20 --out d.h5", in: folder)
      #expect(try Tool.run("synthesize digits --count 30 --out d.h5", in: folder).status == 64)
      try Tool.succeed("synthesize digits --count 30 --out d.h5 --force", in: folder)
      let info = try Tool.document("info d.h5 --json", in: folder)
      #expect(info["splits"]?["train"]?["images"] == [30, 28, 28, 1])
      #expect(info["splits"]?["test"]?["images"] == [5, 28, 28, 1])
    }
  }

  /// HDF5 itself crashes on a group whose table of names lies nowhere: one line, and nothing is
  /// left.
  @Test func damagedGroups() throws {
    try withTemporaryFolder { folder in
      let path = folder.appending(path: "f.h5")
      let standard = chdf5_default_properties()
      H5Fclose(H5Fcreate(path.path, chdf5_truncate(), standard, standard))
      let file = try File.open(path.path, writable: true)
      try file.createDataset("x", .uint8, shape: [4, 4, 4]).write(
        [UInt8](repeating: 200, count: 64))
      try file.close()
      var bytes = try Data(contentsOf: path)
      // A B-tree: its mark, type, level and number of entries, two neighbours, a key, a child.
      let tree = try #require(bytes.range(of: Data("TREE".utf8))).lowerBound
      bytes.replaceSubrange(tree + 32..<tree + 40, with: [UInt8](repeating: 0xff, count: 8))
      try bytes.write(to: path)
      for ranks in [1, 2] {
        let run = try Tool.run("import hdf5 f.h5 --out o.h5", ranks: ranks, in: folder)
        #expect(
          run.status == 65
            && run.errors.contains("cleave: f.h5: found a damaged file: HDF5 crashes on it\n"),
          "\(run)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["f.h5"])
      }
    }
  }

  /// Files of other programs are described, imported and corrupted.
  @Test func filesFromElsewhere() throws {
    try withTemporaryFolder { folder in
      let file = try File.create(folder.appending(path: "f.h5").path)
      let binary = (0..<64).map { UInt8($0 % 3 == 0 ? 1 : 0) }
      try file.createDataset("imgs", .uint8, shape: [4, 4, 4]).write(binary)
      try file.createDataset("rows", .int32, shape: [4, 6]).write((0..<24).map { Int32($0 * 10) })
      try file.close()
      let listed = try Tool.succeed("info f.h5", in: folder)
      #expect(
        listed
          == """
          f.h5: an HDF5 file of another program
            /imgs: uint8 [4, 4, 4]
            /rows: int32 [4, 6]
            cleave import hdf5 makes a data set of it; --images PATH shows how it is read

          """)
      let document = try Tool.document("info f.h5 --json --images imgs --verify", in: folder)
      #expect(document["arrays"]?["/rows"]?["shape"] == [4, 6])
      let reading =
        "read f.h5: imgs, 4 images of 4x4x1, bytes of 0 and 1 alone as 0 and 1 (--scale 255 divides "
        + "them), no labels; not read: /rows"
      #expect(document["reading"] == .string(reading))
      let run = try Tool.run("corrupt f.h5 c.h5 --images imgs --noise zero-mask:0.5", in: folder)
      #expect(run.status == 0 && run.errors.contains("bytes of 0 and 1 alone"), "\(run)")
      let clean = try File.open(folder.appending(path: "c.h5").path).dataset("/train/clean")
      #expect(try clean.readAll(as: UInt8.self) == binary.map { $0 * 255 })
      let missing = try Tool.run("corrupt f.h5 d.h5 --noise zero-mask:0.5", in: folder)
      #expect(missing.status == 65, "\(missing)")
      #expect(
        missing.errors
          == "cleave corrupt: f.h5: /train/images: found no such dataset among /imgs, /rows, expected "
          + "images (--images names another dataset)\n")
      let imported = try Tool.run(
        "import hdf5 f.h5 --images rows --shape 2,3 --transpose --out x.h5", in: folder)
      #expect(imported.status == 0, "\(imported)")
      #expect(
        imported.errors.contains(
          "read f.h5: /rows, 4 images of 3x2x1, rows and columns exchanged, int32 values 0 to 230 as "
            + "v/255, no labels, as train; not read: /imgs"), "\(imported)")
      let own = try Tool.run("info x.h5 --images imgs", in: folder)
      #expect(own.status == 64 && own.errors.contains("x.h5 is Cleave's own"), "\(own)")
    }
  }

  /// Images of other forms than squares train; a size that cannot be halved names those that can.
  @Test func imagesThatAreNotSquare() throws {
    try withTemporaryFolder { folder in
      let pictures = folder.appending(path: "p")
      try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: false)
      for index in 0..<8 {
        try PictureFiles.png(PictureFiles.pattern(index, height: 12, width: 18))
          .write(to: pictures.appending(path: "\(index).png"))
      }
      for (size, name) in [("8x16", "wide"), ("10x16", "odd")] {
        try Tool.succeed("import images p --size \(size) --out \(name).h5", in: folder)
      }
      let small = "--set channels=4,4 --set latent=3 --set batch=4 --set grid_every=0"
      for preset in ["celeba-rvae", "celeba-dcgan"] {
        let run = try Tool.run(
          "train \(preset) \(small) --data wide.h5 --out \(preset) --stop-after-step 1", in: folder)
        #expect([0, 75].contains(run.status), "\(run)")
        let refused = try Tool.run(
          "train \(preset) \(small) --data odd.h5 --out odd", in: folder)
        #expect(refused.status == 64 || refused.status == 65, "\(refused)")
        #expect(
          refused.errors.contains(
            "channels: found 2 for images of 10x16, expected sides that can be halved so often: 8x16 "
              + "or 12x16 (cleave import images --size), or fewer channels"), "\(refused)")
      }
    }
  }
}

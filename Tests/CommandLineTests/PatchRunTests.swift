import Foundation
import HDF5
import Images
import TestSupport
import Testing

/// Models of patches, from a folder of pictures to cleaned pictures.
struct PatchRunTests {
  /// Pictures of mixed sizes come back in their sizes, under their names, on any number of ranks.
  @Test func mixedSizesComeBack() throws {
    try withTemporaryFolder { folder in
      let source = folder.appending(path: "mine/a")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      let sides = [(height: 20, width: 31), (height: 26, width: 17), (height: 18, width: 18)]
      for (index, side) in sides.enumerated() {
        try PictureFiles.png(
          PictureFiles.pattern(index, height: side.height, width: side.width, channels: 3)
        ).write(to: source.appending(path: "p\(index).png"))
      }
      try Tool.succeed("import images mine --out mine.h5 --quiet", in: folder)
      try Tool.succeed(
        "train photos --data mine.h5 --out run --quiet --set outer_iterations=2 "
          + "--set inner_epochs=1 --set hidden=16 --set latent=4 --set batch=8", ranks: 2,
        in: folder)
      for ranks in [1, 3] {
        try Tool.succeed(
          "denoise run --as repaired --out out\(ranks)/ --quiet", ranks: ranks, in: folder)
      }
      for (index, side) in sides.enumerated() {
        let files = try [1, 3].map {
          try Data(contentsOf: folder.appending(path: "out\($0)/a/p\(index).png"))
        }
        #expect(files[0] == files[1])
        let picture = try Picture.decode([UInt8](files[0]), named: "file")?.picture
        #expect(picture?.height == side.height && picture?.width == side.width)
      }
    }
  }

  /// Pictures of mixed sizes in two classes and two splits.
  private func makePictures(_ folder: URL) throws {
    for split in ["train", "val"] {
      for index in 0..<6 {
        let place = folder.appending(path: "mine/\(split)/\(index % 2 == 0 ? "cat" : "dog")")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try PictureFiles.png(
          PictureFiles.pattern(
            index + (split == "val" ? 10 : 0), height: 16 + index, width: 20 - index % 3,
            channels: 1)
        ).write(to: place.appending(path: "p\(index).png"))
      }
    }
  }

  private let small =
    "--quiet --set outer_iterations=2 --set inner_epochs=1 --set hidden=16 --set latent=4 "
    + "--set batch=8"

  /// `rows` counts pictures; all their patches are trained on, and other pictures validate.
  @Test func rowsCountPictures() throws {
    try withTemporaryFolder { folder in
      try makePictures(folder)
      try Tool.succeed("import images mine/train --out mine.h5 --quiet", in: folder)
      let trained = try Tool.run(
        "train photos --data mine.h5 --out run --set rows=4 --set validate_every=1 "
          + "--set validate_after=0 \(small)", ranks: 2, in: folder)
      #expect(trained.status == 0 && !"\(trained)".contains("no images to validate"), "\(trained)")
      let own = try Tool.run("denoise run --out own/", ranks: 2, in: folder)
      #expect(own.status == 0 && "\(own)".contains("the 4 rows trained on, by content"), "\(own)")
      #expect("\(own)".contains("left out: the last 2"), "\(own)")
      let pictures = try FileManager.default.subpathsOfDirectory(
        atPath: folder.appending(path: "own").path
      ).filter { $0.hasSuffix(".png") }
      #expect(pictures.count == 4, "\(pictures)")
      // A file of its own is all new, whatever the run took of its own.
      try Tool.succeed("import images mine/val --out new.h5 --grey --quiet", in: folder)
      try Tool.succeed("score run --data new.h5 --out new.csv --quiet", in: folder)
      let lines = try String(contentsOf: folder.appending(path: "new.csv"), encoding: .utf8)
      #expect(lines.split(separator: "\n").count == 7, "\(lines)")
      // The number of patches is nowhere in the settings.
      let info = try Tool.succeed("info run", in: folder)
      #expect(info.contains("differs from photos in rows=4"), "\(info)")
      try Tool.succeed("plan photos --data mine.h5 --set rows=4 --set batch=8", in: folder)
      try Tool.succeed("verify run --steps 2", in: folder)
      try Tool.succeed("train --resume run --quiet --set outer_iterations=3", ranks: 2, in: folder)
    }
  }

  /// Labels go with mixed pictures into each answer, and their validation split validates.
  @Test func mixedPicturesKeepLabelsAndValidate() throws {
    try withTemporaryFolder { folder in
      try makePictures(folder)
      try Tool.succeed("import images mine --out mine.h5 --quiet", in: folder)
      let trained = try Tool.run(
        "train photos --data mine.h5 --out run --set validate_every=1 --set validate_after=0 "
          + small, ranks: 2, in: folder)
      #expect(trained.status == 0 && !"\(trained)".contains("no images to validate"), "\(trained)")
      try Tool.succeed("encode run --out codes.h5 --quiet", ranks: 2, in: folder)
      let file = try File.open(folder.appending(path: "codes.h5").path)
      let labels: [Int32] = try file.dataset("/labels").readAll()
      #expect(try labels.count == file.dataset("/mean").shape[0] && Set(labels) == [0, 1])
      #expect(try file.dataset("/names").readStrings().first == "train/cat/p0.png")
      try Tool.succeed("score run --out s.csv --quiet", in: folder)
      let lines = try String(contentsOf: folder.appending(path: "s.csv"), encoding: .utf8)
      #expect(lines.contains("cat") && lines.contains("label"), "\(lines.prefix(300))")
    }
  }
}

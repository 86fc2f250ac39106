import Foundation
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
}

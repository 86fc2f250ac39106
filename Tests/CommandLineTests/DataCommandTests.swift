import Foundation
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
}

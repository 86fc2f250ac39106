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

  /// 4 pictures of mixed sizes to train with, 2 to validate on: a data set of 32 and 16 patches.
  private func prepare(in folder: URL) throws {
    for (split, sides) in [
      ("train", [(20, 31), (26, 17), (18, 18), (20, 31)]), ("val", [(24, 17), (30, 20)]),
    ] {
      let source = folder.appending(path: "mine/\(split)")
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: true)
      for (index, side) in sides.enumerated() {
        try PictureFiles.png(
          PictureFiles.pattern(index, height: side.0, width: side.1, channels: 3)
        ).write(to: source.appending(path: "p\(index).png"))
      }
    }
    try Tool.succeed("import images mine --out mine.h5 --quiet", in: folder)
  }

  private let small =
    "--set outer_iterations=2 --set inner_epochs=1 --set hidden=16 --set latent=4 --set batch=8 "
    + "--set log_every=1"

  /// Lines count images as images and patches as patches, and tell mixed sizes.
  @Test func linesTellImagesFromPatches() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let mixed = "4 images of mixed sizes, 18x17x3 to 26x31x3"
      let train = try Tool.run("train photos --data mine.h5 --out run \(small)", in: folder)
      #expect(train.status == 0)
      for line in [
        "mine.h5: /train/pixels, \(mixed), bytes p as p/255, no labels",
        "mine.h5: 4 images, 32 patches of 16x16x3, digest ",
        "hidden: the first 16 validation patches",
        " patches/s with all pauses", "next: cleave denoise run --as repaired --out run-clean/\n",
      ] { #expect(train.errors.contains(line), "\(line)\n\(train.errors)") }
      for word in ["1x1x3", "images/s", "32 images"] { #expect(!train.errors.contains(word)) }
      let info = try Tool.succeed("info run", in: folder)
      #expect(info.contains("trained on \(mixed), uint8, of digest "), "\(info)")
      #expect(info.contains(" patches seen, finished") && info.contains(" patches/s\n"), "\(info)")
      #expect(!info.contains("images/s") && !info.contains("images seen"), "\(info)")
      let data = try Tool.document("info run --json", in: folder)["data"]
      #expect(data?["shape"] == [18, 17, 3] && data?["largest"] == [26, 31, 3])
      let metrics = "--metrics mse,kl,elbo"
      let evaluated = try Tool.run("evaluate run \(metrics)", in: folder)
      #expect(
        evaluated.output.contains("train: 4 images, 32 patches of 16x16x3, against themselves"),
        "\(evaluated)")
      #expect(
        evaluated.errors.contains("kl, elbo: of a patch of 16x16x3, mean over the patches"),
        "\(evaluated)")
      #expect(evaluated.errors.contains("train: the 4 images trained on, by content"))
      let document = try Tool.document("evaluate run \(metrics) --json", in: folder)
      #expect(document["rows"] == 4 && document["patches"] == 32)
      // Of the images, those trained on.
      try Tool.succeed(
        "train photos --data mine.h5 --out part --quiet \(small) --set rows=2", in: folder)
      let part = try Tool.document("encode part --out part.h5 --json", in: folder)
      #expect(part["rows"] == 2 && part["patches"] == 18)
      #expect(try File.open(folder.path + "/part.h5").dataset("/mean").shape == [18, 4])
      let codes = try Tool.run("encode run --out codes.h5", in: folder)
      #expect(
        codes.errors.contains("a row of codes is a patch, with the name and label of its image"),
        "\(codes)")
      let plan = try Tool.succeed("plan photos --data mine.h5 \(small) --quiet", in: folder)
      #expect(plan.hasPrefix("4 images, 32 patches of 16x16x3, batch 8, "), "\(plan)")
      #expect(plan.contains(" MFLOP a patch, "), "\(plan)")
      // Other pictures of mixed sizes fit the weights of patches.
      try Tool.succeed("import images mine/val --out other.h5 --quiet", in: folder)
      let other = "train --resume run --data other.h5 --set outer_iterations=3"
      try BadInput(
        other, "found 2 images of mixed sizes, 24x17x3 to 30x20x3, expected \(mixed)", 65
      )
      .expectFailure(ranks: 2, in: folder)
    }
  }

  /// KL and bound of an image are means over its patches, on any number of ranks; those of all
  /// patches are what evaluate has.
  @Test func scoresOfPatches() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      try Tool.succeed("train photos --data mine.h5 --out run --quiet \(small)", in: folder)
      let patches = ["train": [10, 8, 4, 10].map { Double($0) }]
      for split in ["train", "validation"] {
        for ranks in [1, 3] {
          try Tool.succeed(
            "score run --split \(split) --by kl --out \(split)\(ranks).csv", ranks: ranks,
            in: folder)
        }
        let texts = try [1, 3].map {
          try String(contentsOf: folder.appending(path: "\(split)\($0).csv"), encoding: .utf8)
        }
        #expect(texts[0] == texts[1])
        let rows = texts[0].split(separator: "\n").dropFirst().map { line in
          line.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
        }
        let measured = try Tool.document(
          "evaluate run --split \(split) --metrics kl,elbo --json", in: folder)["metrics"]
        let weights = patches[split] ?? rows.map { _ in 1 }
        for (column, name) in [(6, "kl"), (7, "elbo")] {
          #expect(rows.allSatisfy { $0[column].isFinite })
          guard split == "train" else { continue }
          let mean =
            zip(rows, weights).reduce(0) { $0 + $1.0[column] * $1.1 } / weights.reduce(0, +)
          let expected = try #require(measured?[name]?.number)
          #expect(abs(mean - expected) < 1e-4 * abs(expected), "\(name): \(mean) \(expected)")
        }
      }
    }
  }

  /// Images to come are planned as patches, like those of a file; patches share pixels in memory.
  @Test func patchesToComeArePlanned() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed(
        "synthesize faces --count 60 --test 0 --out d.h5 --quiet", in: folder)
      let info = try Tool.document("info d.h5 --json", in: folder)
      guard case .array(let extents)? = info["splits"]?["train"]?["images"] else {
        Issue.record("\(info)")
        return
      }
      let shape = extents.dropFirst().compactMap(\.integer)
      let sides = shape.map(String.init).joined(separator: "x")
      let plans = try ["--data d.h5", "--rows 60 --shape \(sides)"].map {
        try Tool.document("plan photos \($0) \(small) -n 2 --quiet --json", in: folder)
      }
      for name in ["rows", "images", "parameters", "checkpoint_bytes", "steps_per_epoch"] {
        #expect(plans[0][name] == plans[1][name] && plans[0][name] != nil, "\(name)")
      }
      #expect(plans[0]["images"] == 60)
      let pixels = shape.reduce(1, *)
      for plan in plans { #expect(plan["per_rank_bytes"]?["images"] == .integer(30 * pixels)) }
      let bytes = try plans.map { try #require($0["total_bytes"]?.number) }
      #expect(abs(bytes[0] / bytes[1] - 1) < 0.03, "\(bytes)")
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

  private let brief =
    "--quiet --set outer_iterations=2 --set inner_epochs=1 --set hidden=16 --set latent=4 "
    + "--set batch=8"

  /// `rows` counts pictures; all their patches are trained on, and other pictures validate.
  @Test func rowsCountPictures() throws {
    try withTemporaryFolder { folder in
      try makePictures(folder)
      try Tool.succeed("import images mine/train --out mine.h5 --quiet", in: folder)
      let trained = try Tool.run(
        "train photos --data mine.h5 --out run --set rows=4 --set validate_every=1 "
          + "--set validate_after=0 \(brief)", ranks: 2, in: folder)
      #expect(trained.status == 0 && !"\(trained)".contains("no images to validate"), "\(trained)")
      let own = try Tool.run("denoise run --out own/", ranks: 2, in: folder)
      #expect(own.status == 0 && "\(own)".contains("the 4 images trained on, by content"), "\(own)")
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
          + brief, ranks: 2, in: folder)
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

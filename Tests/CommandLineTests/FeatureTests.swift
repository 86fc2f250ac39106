import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// Features as a user has them: a table with labels and queries, then runs, scores and outputs.
@Suite(.serialized) struct FeatureTests {
  @Test func infoTellsGroupsAndLabels() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      #expect(
        try Tool.succeed("info f.h5", in: folder) == """
          f.h5: data set t
            train: 97 rows of 8 features, scaling none, with labels, groups
              labels: 0 88, 1 9
              3 groups: a 24, b 40, c 33

          """)
      let document = try Tool.document("info f.h5 --json", in: folder)
      let train = document["features"]?["train"]
      #expect(train?["columns"] == 8 && train?["scaling"] == "none")
      #expect(train?["groups"]?["b"] == 40 && train?["labels"]?["1"] == 9)
      try Tool.succeed("info f.h5 --verify", in: folder)
    }
  }

  /// Every system that takes features has one result on 1, 2 and 3 ranks.
  @Test(arguments: [
    "features-ic-affine", "mnist-pca --set batch=8 --set rank=3", "frey-rpca --set batch=8",
    "frey-ic --set batch=16 --set epochs=3 --set hidden=12",
    "frey-ic-affine --set batch=16 --set epochs=3",
    "frey-rlc --set batch=16 --set epochs=3 --set hidden=12",
    "frey-ae --set reconstruction_term=mse --set batch=16 --set epochs=3 --set hidden=12 "
      + "--set noise=gaussian:0.1",
  ]) func oneResultOnAnyRanks(_ words: String) throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      var digests: [JSONValue] = []
      for ranks in [1, 2, 3] {
        try Tool.succeed(
          "train \(words) --data f.h5 --exact --set lanes=4 --set log_every=1 --quiet --out r\(ranks)",
          ranks: ranks, in: folder)
        digests.append(try RunFolder("r\(ranks)", in: folder).digests())
      }
      #expect(digests[0]["model"] != nil)
      #expect(digests[1] == digests[0] && digests[2] == digests[0])
      #expect(
        try FileManager.default.contentsOfDirectory(
          atPath: folder.appending(path: "r1/images").path
        ).isEmpty)
    }
  }

  /// L is written as it is, beyond [0, 1]; scores and codes have labels and groups.
  @Test func outputs() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      let train = try Tool.run("train \(FeatureTable.sweeps) --out r", ranks: 2, in: folder)
      #expect(train.status == 0, "\(train)")
      try Tool.succeed("denoise r --out l.h5 --with X,scores", ranks: 3, in: folder)
      let file = try File.open(folder.appending(path: "l.h5").path)
      let l = try file.dataset("/L")
      #expect(l.type == .float32 && l.shape == [97, 8])
      let (x, values): ([Float], [Float]) = try (file.dataset("/X").readAll(), l.readAll())
      #expect(values.contains { $0 > 2 } && values.contains { $0 < -1 })
      #expect(zip(x, values).contains { abs($0 - $1) > 1 })
      #expect(try file.dataset("/groups").readStrings().prefix(25).last == "b")
      try file.close()

      let scores = try Tool.document("score r --out s.csv --json", in: folder)
      #expect(scores["rows"] == 97)
      for ranks in [2, 3] {
        try Tool.succeed("score r --out s\(ranks).csv", ranks: ranks, in: folder)
        #expect(
          try Data(contentsOf: folder.appending(path: "s.csv"))
            == Data(contentsOf: folder.appending(path: "s\(ranks).csv")))
      }
      let table = try String(contentsOf: folder.appending(path: "s.csv"), encoding: .utf8)
        .split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      #expect(table[0].prefix(4) == ["row", "name", "label", "group"])
      let outliers = table.dropFirst().filter { $0.last == "outlier" }
      #expect(!outliers.isEmpty && outliers.allSatisfy { $0[2] == "1" }, "\(outliers)")

      try Tool.succeed("encode r --out c.h5", ranks: 2, in: folder)
      try Tool.succeed(
        "import features c.h5 --features mean --scaling standard --out codes.h5", in: folder)
      let codes = try Tool.document("info codes.h5 --json", in: folder)
      #expect(codes["features"]?["train"]?["columns"] == 8)
      #expect(codes["features"]?["train"]?["groups"]?["c"] == 33)

      let found = try Tool.document("evaluate r --json", in: folder)
      #expect(found["metrics"]?["mse"]?["L"]?.number ?? 99 < 3)
      #expect(found["metrics"]?["mse"]?["median_3x3"] == nil && found["metrics"]?["psnr"] == nil)
      try Tool.succeed("reconstruct r --out x.h5", in: folder)
      try Tool.succeed("sample r --count 5 --out n.h5", in: folder)
      let sample = try File.open(folder.appending(path: "n.h5").path)
      #expect(try sample.dataset("/samples").shape == [5, 8])
    }
  }

  @Test func refusals() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      try Tool.succeed("train \(FeatureTable.sweeps) --max-steps 2 --out r", in: folder)
      try FeatureTable.writeTable("w.csv", columns: 9, in: folder)
      try Tool.succeed("import features w.csv --out w.h5 --quiet", in: folder)
      try Tool.succeed("synthesize digits --count 40 --test 0 --out d.h5 --quiet", in: folder)
      let wrong: [(String, Int32, String)] = [
        ("denoise r --out l.png", 64, "--out: found l.png for features, which have no pictures"),
        ("denoise r --out l/", 64, "--out: found l/ for features, which have no pictures"),
        ("score r --out s.csv --grid g.png", 64, "--grid: found g.png for features"),
        ("evaluate r --metrics psnr", 64, "--metrics: found psnr, which is of pixels in 0…1"),
        ("evaluate r --data w.h5", 65, "rows: found 9 features, expected 8 features as in the run"),
        (
          "evaluate r --data d.h5", 65, "images: found 28x28x1, expected 8 features as in the run"
        ),
        (
          "train --resume r --data w.h5", 65,
          "found 97 rows of 9 features, expected 97 rows of 8 features, "
        ),
        (
          "train demo --data f.h5 --out q", 64, "model: found rvae with features, expected one with"
        ),
        ("advise f.h5", 64, "f.h5: found features, expected images"),
        (
          "corrupt f.h5 n.h5 --noise circle:0.5", 64,
          "noise \"circle:0.5\": expected none, gaussian"
        ),
        (
          "train \(FeatureTable.sweeps) --group d --out q", 64,
          "group: found d, expected a group of "
        ),
        (
          "train mnist-ic --data d.h5 --group a --out q", 65, "/train/groups: found no such dataset"
        ),
        (
          "train mnist-ic --data d.h5 --each-group --out q", 65,
          "/train/groups: found no such dataset, expected groups for --each-group"
        ),
        (
          "train \(FeatureTable.sweeps) --set batch=32 --each-group --out q", 64,
          "group a: batch: found 32, expected no more than the 24 rows of the training set"
        ),
        (
          "train \(FeatureTable.sweeps) --each-group --out q --group a", 64,
          "--group does not go with --each-group"
        ),
        (
          "train \(FeatureTable.sweeps) --each-group --out r", 64,
          "r: found a file or a folder that is not"
        ),
      ]
      for (line, status, message) in wrong {
        try FeatureTable.fails(line, status, message, in: folder)
        #expect(
          !FileManager.default.fileExists(atPath: folder.appending(path: "q").path), "\(line)")
      }
    }
  }
}

import Foundation
import Support
import TestSupport
import Testing

/// A run of each group of a data set, in one job (docs/files.md, Runs of groups).
@Suite(.serialized) struct GroupRunTests {
  /// A run of each group, on any number of ranks, is the run of the group alone.
  @Test func aRunOfEachGroup() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      var expected: [String: JSONValue] = [:]
      for group in ["a", "b", "c"] {
        try Tool.succeed(
          "train \(FeatureTable.sweeps) --group \(group) --out one-\(group)", in: folder)
        expected[group] = try RunFolder("one-\(group)", in: folder).digests()
      }
      #expect(expected["a"] != expected["b"])
      for ranks in [1, 2, 3] {
        let document = try Tool.document(
          "train \(FeatureTable.sweeps) --each-group --json --out q\(ranks)", ranks: ranks,
          in: folder)
        guard case .array(let groups)? = document["groups"] else {
          Issue.record("no groups")
          continue
        }
        #expect(groups.map { $0["name"]?.text } == ["a", "b", "c"])
        #expect(groups.map { $0["rows"]?.integer } == FeatureTable.sizes)
        #expect(groups.allSatisfy { $0["state"] == "finished" && $0["step"] == 20 })
        for (group, digests) in expected {
          #expect(try RunFolder("q\(ranks)/\(group)", in: folder).digests() == digests)
        }
      }
      // A run finds its rows again; rows of another group are new ones.
      let own = try Tool.document("score q2/b --out b.csv --json", in: folder)
      #expect(own["rows"] == 40)
      let other = try Tool.document("score q2/b --group c --out c.csv --json", in: folder)
      #expect(other["rows"] == 33)
      let info = try Tool.document("info q2 --json", in: folder)
      #expect(info["format"] == "cleave-groups" && info["model"] == "ic-affine-em")
      let text = try Tool.succeed("info q2", in: folder)
      #expect(text.contains("3 finished") && text.contains("q2/c"))
    }
  }

  /// A stopped job goes on, on another number of ranks, and leaves finished runs alone.
  @Test func stoppedRunsGoOn() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      try Tool.succeed("train \(FeatureTable.sweeps) --each-group --out whole", in: folder)
      let stopped = try Tool.run(
        "train \(FeatureTable.sweeps) --each-group --out q --stop-after-step 7", ranks: 2,
        in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let states = try Tool.document("info q --json", in: folder)
      guard case .array(let groups)? = states["groups"] else {
        Issue.record("no groups")
        return
      }
      // Rank 0 has the largest group, b; rank 1 the others, of which it had begun the first.
      #expect(groups.map { $0["state"]?.text } == ["begun", "begun", "waiting"])
      #expect(groups[1]["step"] == 7)
      try FeatureTable.fails(
        "train \(FeatureTable.sweeps) --each-group --out q", 64,
        "q: found runs of groups, expected a new directory; go on with them by --resume q",
        in: folder)
      try Tool.succeed("train --resume q --quiet", ranks: 3, in: folder)
      for group in ["a", "b", "c"] {
        #expect(
          try RunFolder("q/\(group)", in: folder).digests()
            == RunFolder("whole/\(group)", in: folder).digests())
      }
      let before = try contents(of: folder.appending(path: "q"))
      let again = try Tool.document("train --resume q --json --quiet", ranks: 2, in: folder)
      #expect(try contents(of: folder.appending(path: "q")) == before)
      guard case .array(let done)? = again["groups"] else {
        Issue.record("no groups")
        return
      }
      #expect(done.allSatisfy { $0["state"] == "finished before" })
      // More sweeps of all.
      try Tool.succeed("train --resume q --set epochs=22 --quiet", ranks: 2, in: folder)
      let more = try Tool.document("info q --json", in: folder)
      guard case .array(let longer)? = more["groups"] else { return }
      #expect(longer.allSatisfy { $0["step"] == 22 })
    }
  }

  /// A run that cannot go on leaves the others, and is told in the end.
  @Test func aRunThatFails() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      let stopped = try Tool.run(
        "train \(FeatureTable.sweeps) --each-group --out q --stop-after-step 3", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let manifest = folder.appending(path: "q/a/checkpoints/latest/manifest.json")
      try Data("{}".utf8).write(to: manifest)
      for ranks in [1, 2] {
        let run = try Tool.run("train --resume q --quiet", ranks: ranks, in: folder)
        #expect(run.status == 65, "\(run)")
        #expect(run.errors.contains("q: 1 of 3 groups failed; the first, a: "), "\(run.errors)")
        #expect(run.output.contains("failed"), "\(run.output)")
      }
      let text = try Tool.succeed("info q", in: folder)
      #expect(text.contains("2 finished"), "\(text)")
    }
  }

  /// Each group's F1, with mean and deviation over the groups; `compare` puts folders side by side.
  @Test func figuresOverGroups() throws {
    try withTemporaryFolder { folder in
      try FeatureTable.prepare(in: folder)
      let pca = "mnist-pca --set batch=8 --set rank=2 --data f.h5 --quiet"
      try Tool.succeed("train \(FeatureTable.sweeps) --each-group --out q", ranks: 2, in: folder)
      try Tool.succeed("train \(pca) --each-group --out p", ranks: 2, in: folder)
      let options = "--metrics outliers --inliers 0"
      var expected: [Double] = []
      for group in ["a", "b", "c"] {
        let one = try Tool.document("evaluate q/\(group) \(options) --json", in: folder)
        expected.append(try #require(one["metrics"]?["outliers"]?["f1"]?.number))
      }
      let mean = expected.reduce(0, +) / 3
      let squares = expected.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      var ofRanks: [JSONValue] = []
      for ranks in [1, 2, 3] {
        let all = try Tool.document("evaluate q \(options) --json", ranks: ranks, in: folder)
        guard case .array(let groups)? = all["groups"], case .array(let figures)? = all["figures"]
        else {
          Issue.record("no groups: \(all)")
          return
        }
        #expect(groups.map { $0["name"]?.text } == ["a", "b", "c"])
        let found = groups.map { $0["result"]?["metrics"]?["outliers"]?["f1"]?.number }
        #expect(found == expected)
        let f1 = try #require(figures.first { $0["of"] == "f1" })
        #expect(abs(try #require(f1["mean"]?.number) - mean) < 1e-12)
        let deviation = try #require(f1["deviation"]?.number)
        #expect(abs(deviation - (squares / 2).squareRoot()) < 1e-12)
        ofRanks.append(.array(figures))
      }
      #expect(ofRanks[1] == ofRanks[0] && ofRanks[2] == ofRanks[0])
      let text = try Tool.succeed("evaluate q \(options)", in: folder)
      #expect(text.hasPrefix("q on ") && text.contains("3 groups of 97 rows"), "\(text)")
      let lines = text.split(separator: "\n").map { $0.split(separator: " ")[0] }
      #expect(lines.contains("b") && lines.contains("mean") && lines.contains("deviation"))
      // The same file by name gives each run the rows of its group.
      let named = try Tool.document("evaluate q --data f.h5 \(options) --json", in: folder)
      #expect(named["figures"] == ofRanks[0])

      let side = try Tool.document("compare q p \(options) --json", ranks: 2, in: folder)
      guard case .array(let models)? = side["groups"] else { return }
      #expect(models.map { $0["settings"]?["model"]?.text } == ["ic-affine-em", "pca"])
      guard case .array(let figures)? = models[0]["figures"] else { return }
      let first = try #require(figures.first { $0["of"] == "f1" })
      #expect(abs(try #require(first["mean"]?.number) - mean) < 1e-12)
      // Labels that leave a group without outliers, and a folder that is not done.
      for ranks in [1, 3] {
        let run = try Tool.run("evaluate q \(options),1 --quiet", ranks: ranks, in: folder)
        let lines = run.errors.split(separator: "\n").filter { $0.contains("group a: ") }
        #expect(run.status == 65 && lines.count == 1, "\(run)")
        #expect(lines.first?.contains("labels: found no outlier, expected both") == true)
      }
      try FeatureTable.fails(
        "evaluate q --metrics posterior --plot p.png", 64,
        "--plot: found q, which holds runs of groups",
        in: folder)
      try FileManager.default.removeItem(at: folder.appending(path: "q/b"))
      try FeatureTable.fails(
        "compare p q \(options)", 65,
        "q: found no run of the group b yet, expected one of each group; cleave train --resume q",
        in: folder)
    }
  }
}

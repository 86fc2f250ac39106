import Foundation
import Models
import Support
import TestSupport
import Testing

/// Models ranked without clean images: `advise`, the metric `hidden`, `patience`, `best_by=hidden`.
@Suite(.serialized) struct AdviseTests {
  private func prepare(_ folder: URL) throws {
    try Tool.succeed("synthesize digits --count 400 --test 64 --out clean.h5", in: folder)
    try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25", in: folder)
  }

  private let small = "--set hidden=32 --set latent=4 --set batch=50 --set lanes=2 --quiet"

  @Test func adviceNamesTheNoiseAndGivesSettingsThatTrain() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let text = try Tool.succeed("advise d.h5 --minutes 0.02 --out c.json", ranks: 2, in: folder)
      for part in [
        "noise: about 2", "flipped", "median of the neighbours", "Advice: ", "Cannot tell: ",
        "cleave train c.json --out RUN",
      ] {
        #expect(text.contains(part), "\(part): \(text)")
      }
      let json = try String(
        contentsOf: folder.appending(path: "c.json"), encoding: .utf8)
      let settings = try Configuration.load(json: json)
      #expect(settings.common.recording.bestBy == .hidden)
      #expect(settings.common.data.data.hasSuffix("/d.h5"))
      try Tool.succeed("train c.json --out run --max-steps 3 \(small)", in: folder)
      // What exists is not replaced, and no input ever is.
      let again = try Tool.run("advise d.h5 --minutes 0.02 --out c.json", in: folder)
      #expect(again.status == 64 && again.errors.contains("c.json"), "\(again)")
      let input = try Tool.run("advise d.h5 --minutes 0.02 --out d.h5 --force", in: folder)
      #expect(input.status == 64, "\(input)")
      let none = try Tool.run("advise absent.h5", ranks: 2, in: folder)
      #expect(none.status != 0 && none.errors.contains("absent.h5"), "\(none)")
      #expect(try Tool.run("advise d.h5 --minutes 0", in: folder).status == 64)
    }
  }

  @Test func adviceIsAJSONDocumentToo() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let found = try Tool.document("advise d.h5 --minutes 0.02 --json", in: folder)
      #expect(found["noise"]?["kind"] == "flips")
      let level = try #require(found["noise"]?["level"]?.number)
      #expect(abs(level - 0.25) < 0.05)
      guard case .array(let trials)? = found["trials"] else {
        Issue.record("no trials: \(found)")
        return
      }
      #expect(trials.count >= 3)
      let errors = try trials.map { try #require($0["error"]?.number) }
      #expect(errors == errors.sorted())
      // A set that is too small is told.
      try Tool.succeed("synthesize digits --count 30 --test 0 --out few.h5", in: folder)
      let few = try Tool.run("advise few.h5", ranks: 2, in: folder)
      #expect(few.status == 65 && few.errors.contains("30 images"), "\(few)")
    }
  }

  /// Where damage is of larger parts, patches are tried, and judged by what they repair.
  @Test func photographsAreJudgedByRepair() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize faces --count 60 --out clean.h5", in: folder)
      try Tool.succeed("corrupt clean.h5 d.h5 --noise blotch:1", in: folder)
      let text = try Tool.succeed("advise d.h5 --minutes 0.05", ranks: 2, in: folder)
      for part in ["damage planted on a tenth of ", "5x5 median where it differs", "photos "] {
        #expect(text.contains(part), "\(part): \(text)")
      }
      // Pictures of mixed sizes: of each the middle, of the smallest sides.
      try FileManager.default.createDirectory(
        at: folder.appending(path: "p"), withIntermediateDirectories: true)
      for i in 0..<40 {
        try PictureFiles.png(
          PictureFiles.pattern(i, height: 33 + i % 5, width: 40 + i % 3, channels: 3)
        ).write(to: folder.appending(path: "p/\(i).png"))
      }
      try Tool.succeed("import images p --out mixed.h5", in: folder)
      let mixed = try Tool.document("advise mixed.h5 --minutes 0.05 --json", in: folder)
      #expect(mixed["preset"] == "photos" && mixed["middle"] == [33, 40, 3])
      try Tool.succeed("train photos --data d.h5 --out run --max-steps 3 --quiet", in: folder)
      let planted = try Tool.document("evaluate run --metrics planted --json", in: folder)
      for ranks in [2, 3] {
        let found = try Tool.document(
          "evaluate run --metrics planted --json", ranks: ranks, in: folder)
        #expect(found["metrics"] == planted["metrics"])
      }
    }
  }

  /// The metric does not depend on the ranks, nor on clean images in the file.
  @Test func hiddenPixelsAreMeasuredAlikeOnAnyRanks() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed("train demo --data d.h5 --out run \(tiny) --quiet", in: folder)
      let evaluate = "evaluate run --data d.h5 --split test --metrics hidden --json"
      let one = try Tool.document(evaluate, in: folder)["metrics"]?["hidden"]
      for ranks in [2, 3] {
        #expect(try Tool.document(evaluate, ranks: ranks, in: folder)["metrics"]?["hidden"] == one)
      }
      let error = try #require(one?["L"]?.number)
      #expect(error > 0 && error < 0.18 && one?["median"]?.number != nil)
      let sample = try Tool.run("evaluate run --data clean.h5 --metrics hidden --json", in: folder)
      #expect(sample.status == 0, "\(sample)")
    }
  }

  /// The curve of a run is equal on any number of ranks, and goes on after a stop.
  @Test func runsMeasureHiddenPixelsExactly() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let train =
        "train demo --data d.h5 \(small) --set outer_iterations=3 --set inner_epochs=1 --exact"
      try Tool.succeed("\(train) --out one", in: folder)
      try Tool.succeed("\(train) --out two", ranks: 2, in: folder)
      #expect(try Tool.run("\(train) --out cut --stop-after-step 11", in: folder).status == 75)
      try Tool.succeed("train --resume cut --quiet", ranks: 2, in: folder)
      let curves = try ["one", "two", "cut"].map {
        try RunFolder($0, in: folder).log("outer").map { $0["hidden"] }
      }
      #expect(curves[0].count == 3 && curves[0].allSatisfy { $0?.number ?? 0 > 0 })
      #expect(curves[1] == curves[0] && curves[2] == curves[0])
      // Other images judge, another curve follows; without images there is none.
      try Tool.succeed("\(train) --out held --set rows=300", ranks: 2, in: folder)
      #expect(try RunFolder("held", in: folder).log("outer").map { $0["hidden"] } != curves[0])
      try Tool.succeed("\(train) --out none --set hidden_images=0", in: folder)
      let digests = try RunFolder("none", in: folder).digests()
      #expect(try digests == RunFolder("one", in: folder).digests())
      #expect(try RunFolder("none", in: folder).log("outer").allSatisfy { $0["hidden"] == nil })
    }
  }

  /// With a learning rate of 0 nothing becomes better, so the run ends after `patience` more.
  @Test func patienceEndsARunAndAResumeKeepsTheEnd() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      for (name, settings, kind) in [
        ("rvae", "--set outer_iterations=9 --set inner_epochs=1 --set lambda=inf", "outer"),
        (
          "ae", "--set model=ae --set epochs=9 --set validate_every=1 --set validate_after=0",
          "validation"
        ),
      ] {
        let train =
          "train demo --data d.h5 \(small) \(settings) --set learning_rate=1e-30 --set patience=2"
        let run = try Tool.run(
          "\(train) --set best_by=hidden --out \(name)".replacingOccurrences(
            of: " --quiet", with: ""), in: folder)
        #expect(run.status == 0 && run.errors.contains("(patience)"), "\(run)")
        #expect(run.errors.contains("hidden: 400 of the training rows"), "\(run)")
        let folderOfRun = RunFolder(name, in: folder)
        #expect(try folderOfRun.log(kind).count == 3)
        let info = try Tool.document("info \(name) --json", in: folder)
        #expect(info["finished"] == true)
        let manifest = folderOfRun.path.appending(path: "checkpoints/best/manifest.json")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        #expect(text.contains("\"score_of\" : \"hidden\""))
        // A resume stays where it is; more patience goes on.
        try Tool.succeed("train --resume \(name) --quiet", ranks: 2, in: folder)
        #expect(try folderOfRun.log(kind).count == 3)
        try Tool.succeed("train --resume \(name) --set patience=4 --quiet", in: folder)
        #expect(try folderOfRun.log(kind).count == 5)
      }
      for (settings, expected) in [
        ("--set patience=2 --set hidden_images=0", "patience: found "),
        ("--set best_by=hidden --set model=ae --set epochs=2", "validate_every above 0"),
        ("--set best_by=hidden --set model=gan", "with an encoder"),
      ] {
        let run = try Tool.run(
          "train demo --data d.h5 \(small) \(settings) --out refused", ranks: 2, in: folder)
        #expect(run.status == 64 && run.errors.contains(expected), "\(run)")
      }
    }
  }
}

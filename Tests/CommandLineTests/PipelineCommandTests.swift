import Foundation
import HDF5
import Support
import TestSupport
import Testing
import Training

/// What commands say and write of a run with two stages, and what they refuse.
@Suite(.serialized) struct PipelineCommandTests {
  private static let first = "first=mnist-rpca rpca_tolerance=0.02"

  /// A data set with a test split, and `run`, perhaps stopped in its first stage.
  private func prepare(_ options: String = "", in folder: URL) throws {
    try Tool.succeed("synthesize digits --count 203 --test 40 --out clean.h5", in: folder)
    try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25", in: folder)
    let run = try PipelineTests.train(Self.first, "--out run \(options)", in: folder)
    #expect(run.status == (options.contains("stop") ? 75 : 0), "\(run)")
  }

  private func number(_ document: JSONValue, _ path: String...) throws -> Double {
    var value: JSONValue? = document
    for name in path { value = value?[name] }
    return try #require(value?.number, "\(path) of \(document.line)")
  }

  private func meanSquare(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) } / Double(a.count)
  }

  /// Images of a data set, as floats.
  private func pixels(_ name: String, in folder: URL) throws -> [Float] {
    try PipelineTests.images("d.h5", name, in: folder).map { $0 / 255 }
  }

  // MARK: - Answers

  /// X, L of the first stage and the reconstruction of the rows trained on, computed apart.
  @Test func answersOfTheRowsTrainedOn() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let (x, clean) = (
        try pixels("/train/images", in: folder), try pixels("/train/clean", in: folder)
      )
      let l1 = try PipelineTests.images("run/first.h5", in: folder)
      try Tool.succeed("denoise run --out l.h5 --with X,scores --quiet", ranks: 3, in: folder)
      let l2 = try PipelineTests.images("l.h5", "/L", in: folder).map { $0 / 255 }
      // The second stage's model of L of the first, asked as the model of a run on that file.
      try Tool.succeed(
        "train mnist-vae --out plain \(PipelineTests.settings) --data run/first.h5", in: folder)
      try Tool.succeed("reconstruct plain --out r.h5 --quiet", in: folder)
      let model = try PipelineTests.images("r.h5", "/reconstructions", in: folder)
      #expect(try #require(zip(l2, model).map { abs($0 - $1) }.max()) < 0.51 / 255)
      let s = try PipelineTests.images("l.h5", "/S", in: folder)
      #expect(try #require(zip(zip(x, model), s).map { abs($0.0 - $0.1 - $1) }.max()) < 1e-5)
      #expect(
        try PipelineTests.images("l.h5", "/X", in: folder).map { $0 / 255 } == x)

      let result = try Tool.document("evaluate run --json --metrics mse,elbo,kl", in: folder)
      let errors = [("X", x), ("L_first", l1), ("reconstruction", model)]
      for (name, values) in errors {
        let found = try number(result, "metrics", "mse", name)
        #expect(abs(found / meanSquare(values, clean) - 1) < 1e-5, "\(name)")
      }
      let plain = try Tool.document("evaluate plain --json --metrics elbo,kl", in: folder)
      for name in ["elbo", "kl"] {
        let (a, b) = (try number(result, "metrics", name), try number(plain, "metrics", name))
        #expect(abs(a / b - 1) < 1e-6, "\(name)")
      }
      for ranks in [2, 3] {
        let other = try Tool.document(
          "evaluate run --json --metrics mse,elbo,kl", ranks: ranks, in: folder)
        #expect(
          abs(try number(other, "metrics", "elbo") / number(result, "metrics", "elbo") - 1) < 1e-9)
      }
    }
  }

  /// Other images go through the frozen first stage, as it answers by itself.
  @Test(arguments: ["clip", "raw"]) func answersOfOtherImages(range: String) throws {
    try withTemporaryFolder { folder in
      try prepare("--set first_range=\(range)", in: folder)
      try Tool.succeed("denoise run/first --data d.h5 --split test --out l1.h5 --quiet", in: folder)
      try Tool.succeed("denoise run --data d.h5 --split test --out l2.h5 --quiet", in: folder)
      try Tool.succeed("encode run --data d.h5 --split test --out z.h5 --quiet", in: folder)
      let clean = try pixels("/test/clean", in: folder)
      let result = try Tool.document(
        "evaluate run --data d.h5 --split test --json --metrics mse", in: folder)
      let l1 = try PipelineTests.images("l1.h5", "/L", in: folder).map { $0 / 255 }
      let l2 = try PipelineTests.images("l2.h5", "/L", in: folder).map { $0 / 255 }
      // Bytes are rounded: their errors differ by less than a thousandth.
      for (name, values) in [("L_first", l1), ("reconstruction", l2)] {
        let found = try number(result, "metrics", "mse", name)
        #expect(abs(found / meanSquare(values, clean) - 1) < 2e-3, "\(name) \(found)")
      }
      let x = try number(result, "metrics", "mse", "X")
      #expect(abs(x / meanSquare(try pixels("/test/images", in: folder), clean) - 1) < 1e-5)
      for ranks in [2, 3] {
        let name = "l2-\(ranks).h5"
        try Tool.succeed(
          "denoise run --data d.h5 --split test --out \(name) --quiet", ranks: ranks, in: folder)
        let difference = try Run.command("h5diff", ["l2.h5", name, "/L", "/L"], in: folder)
        #expect(difference.status == 0, "\(difference)")
      }
    }
  }

  /// Pictures, scores, samples, replays and the two columns of a sheet.
  @Test func otherCommandsTakeTheSecondStage() throws {
    try withTemporaryFolder { folder in
      try prepare("--exact --set grid_every=1 --set checkpoint_epochs=1", in: folder)
      for line in [
        "denoise run --out look.png", "reconstruct run --out r.png", "sample run --out s.png",
        "score run --out s.csv", "denoise run --out pictures/", "denoise run/first --out f.png",
      ] {
        try Tool.succeed(line + " --quiet", in: folder)
      }
      #expect(FileManager.default.fileExists(atPath: folder.path + "/run/images/epoch-003.png"))
      let verified = try Tool.succeed("verify run --steps 4 --ranks 1,2", in: folder)
      #expect(verified.contains("are equal on 1, 2 ranks"), "\(verified)")
      // The fit has converged, and has no checkpoint before that.
      let fitted = try Tool.run("verify run/first --steps 2 --ranks 1,2", in: folder)
      #expect(
        fitted.status == 65
          && fitted.errors.contains("found no checkpoint whose checksums hold before"),
        "\(fitted)")
      let info = try Tool.succeed("info run --verify", in: folder)
      #expect(
        info.contains("run: run of vae on the L of rpca\n  stage 2 of 2, vae: epoch 3, step 12"))
      let inner = try Tool.succeed("info run/first --verify", in: folder)
      #expect(inner.contains("run/first: run of rpca"), "\(inner)")
      let hidden = try Tool.run("evaluate run --metrics hidden", in: folder)
      #expect(hidden.status == 64 && hidden.errors.contains("with two stages"), "\(hidden)")
      let json = try Tool.document("info run --json", in: folder)
      #expect(json["stage"]?["number"] == .integer(2) && json["sessions"] == .integer(1))
      #expect(json["finished"] == .boolean(true))
    }
  }

  /// Both stages are planned; times add up, the larger memory counts.
  @Test func aPlanHasBothStages() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      let words =
        ["plan", "mnist-vae", "--set", Self.first, "--quiet"]
        + "--data d.h5 --set hidden=16 --set batch=64 --set lanes=4 -n 2".split(separator: " ")
        .map(String.init)
      let plan = try JSONValue(parsing: Tool.run(words + ["--json"], in: folder).output)
      guard case .array(let stages)? = plan["stages"] else {
        Issue.record("no stages in \(plan.line)")
        return
      }
      let seconds = try stages.map { try number($0, "seconds_total") }
      #expect(seconds.count == 2)
      #expect(abs(try number(plan, "seconds_total") - seconds.reduce(0, +)) < 1e-9)
      let bytes = try stages.map { try number($0, "rank_bytes") }
      #expect(try number(plan, "rank_bytes") == bytes.max())
      #expect(try number(plan, "first_bytes") == Double(203 * 784 * 4))
      let images = try stages.map { try number($0, "per_rank_bytes", "images") }
      #expect(images[1] == Double(102 * 784 * 4) || images[1] == Double(101 * 784 * 4))
      let text = try Tool.run(words, in: folder)
      #expect(
        text.output.contains("stage 2 of 2") && text.output.contains("in first.h5"), "\(text)")
    }
  }

  // MARK: - Refusals

  /// Before the second stage has a checkpoint, commands that ask its model say what is there.
  @Test func aRunInItsFirstStageSaysSo() throws {
    try withTemporaryFolder { folder in
      try prepare("--stop-after-step 2", in: folder)
      for line in [
        "denoise run --out o.h5", "evaluate run", "encode run --out o.h5", "sample run --out o.h5",
        "score run --out o.csv", "reconstruct run --out o.h5", "verify run --steps 1",
      ] {
        let run = try Tool.run(line, ranks: line.hasPrefix("eval") ? 2 : nil, in: folder)
        #expect(run.status == 65, "\(line): \(run)")
        #expect(
          run.errors.contains(
            "run: found no checkpoint of its second stage, expected one; train --resume run goes on"
          ),
          "\(line): \(run)")
      }
      let info = try Tool.succeed("info run", in: folder)
      #expect(
        info.contains("run: run of vae on the L of rpca\n  stage 1 of 2, rpca: epoch 1, step 2")
          || info.contains(
            "run: run of vae on the L of rpca\n  stage 1 of 2, rpca: epoch 2, step 2"),
        "\(info)")
      try Tool.succeed("denoise run/first --out o.h5", in: folder)
      for line in [
        "train --resume run/first", "train mnist-vae --data d.h5 --out run/first --force",
      ] {
        let run = try Tool.run(line, in: folder)
        #expect(run.status == 64 && run.errors.contains("the run "), "\(run)")
      }
      let verified = try Tool.run("train --resume run --verify 2", in: folder)
      #expect(verified.status == 0, "\(verified)")
    }
  }

  /// Changed images, settings and files are refused in either stage; a removed L is made anew.
  @Test func whatHasChangedIsRefused() throws {
    try withTemporaryFolder { folder in
      try prepare("--stop-after-step 4", in: folder)
      try Tool.succeed("synthesize digits --count 203 --seed 5 --test 0 --out other.h5", in: folder)
      func refused(_ line: String, _ words: String) throws {
        let run = try Tool.run("train --resume run --quiet " + line, ranks: 2, in: folder)
        #expect([64, 65].contains(run.status) && run.errors.contains(words), "\(line): \(run)")
      }
      try refused("--data other.h5", "found images of digest")
      try refused("--accept-data", "--accept-data: found a run with two stages")
      try refused("--set first=lpf", "first: found")
      let config = folder.appending(path: "run/config.json")
      let text = try String(contentsOf: config, encoding: .utf8)
      try text.replacing("rpca_tolerance=0.02", with: "rpca_solver=admm")
        .write(to: config, atomically: true, encoding: .utf8)
      try refused("", "rpca_solver of the first stage: found \"admm\", expected \"alm\"")
      try text.write(to: config, atomically: true, encoding: .utf8)
      try Tool.succeed("train --resume run --quiet", in: folder)

      let run = RunFolder("run", in: folder)
      let digests = try run.digests()
      let file = run.path.appending(path: "first.h5")
      let bytes = try Data(contentsOf: file)
      try refused("--data other.h5", "found images of digest")
      var damaged = bytes
      damaged[damaged.count / 2] ^= 1
      try damaged.write(to: file)
      try refused("--set epochs=4", "run/first.h5: found ")
      let verified = try Tool.run("info run --verify", in: folder)
      #expect(verified.status == 65 && verified.errors.contains("first.h5"), "\(verified)")
      let asked = try Tool.run("evaluate run", in: folder)
      #expect(asked.status == 65 && asked.errors.contains("first.h5"), "\(asked)")
      try FileManager.default.removeItem(at: file)
      try Tool.succeed("train --resume run --quiet", in: folder)
      #expect(try PipelineTests.images("run/first.h5", in: folder).count == 203 * 784)
      #expect(try run.digests() == digests)
    }
  }

  /// `--force` replaces both stages, and nothing foreign; after an error all of it is back.
  @Test func forceReplacesBothStages() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let run = RunFolder("run", in: folder)
      let before = try contents(of: run.path)
      let wrong = try PipelineTests.train(
        "first=lpf", "--out run --force --set rows=20", in: folder)
      #expect(wrong.status == 64, "\(wrong)")
      #expect(try contents(of: run.path) == before)
      let notes = run.path.appending(path: "first/notes.txt")
      try Data("mine\n".utf8).write(to: notes)
      let foreign = try PipelineTests.train("first=lpf", "--out run --force", in: folder)
      #expect(foreign.status == 64 && foreign.errors.contains("first/notes.txt"), "\(foreign)")
      try FileManager.default.removeItem(at: notes)
      #expect(try contents(of: run.path) == before)
      // A run with one stage in its place leaves nothing of the two.
      try Tool.succeed("train mnist-vae --out run --force \(PipelineTests.model)", in: folder)
      let names = try FileManager.default.contentsOfDirectory(atPath: run.path.path)
      #expect(!names.contains { $0.contains("first") || $0.hasPrefix(".") }, "\(names)")
      #expect(try Tool.document("info run --json", in: folder)["stage"] == nil)
    }
  }

  @Test(arguments: [
    ("first=mnist-rcpa", 64, "first: unknown preset mnist-rcpa; did you mean mnist-rpca?"),
    ("first=mnist-gan batch=64", 64, "first: found model=gan, which makes no L of images"),
    ("first=mnist-lpf-vae", 64, "first: found mnist-lpf-vae, which has a first stage of its own"),
    ("first=mnist-rpca batch=100", 64, "first.batch: 100 cannot be divided by"),
  ])
  func wrongFirstStages(first: String, status: Int, words: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(203, in: folder)
      let lanes = first.hasSuffix("=100") ? "--set lanes=8" : ""
      let run = try PipelineTests.train(first, "--out run \(lanes)", ranks: 2, in: folder)
      #expect(Int(run.status) == status && run.errors.contains(words), "\(run)")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/run"))
    }
  }
}

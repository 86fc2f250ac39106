import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// `cleave compare`, and metrics of judgement by the tool on several ranks.
@Suite(.serialized) struct CompareTests {
  private static let settings = "--set grid_every=0 --quiet \(tiny)"

  private func train(_ name: String, _ more: String = "", in folder: URL) throws {
    try Tool.succeed(
      "train demo --data d.h5 --out \(name) \(Self.settings) \(more)", in: folder)
  }

  /// Runs that differ in the seed are one group; each number is the mean of those that `evaluate`
  /// gives, and a baseline gives the gain.
  @Test func seedsAreOneGroup() throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("a1", "--set seed=1", in: folder)
      // How often a run writes and how ranks share it changes no result.
      try train("a2", "--set seed=2 --set log_every=7 --set lanes=4", in: folder)
      try train("b1", "--set seed=1 --set lambda=20", in: folder)
      try train("v", "--set model=vae --set epochs=2", in: folder)
      let document = try Tool.document(
        "compare a1 a2 b1 --baseline v --metrics mse --json --plot c.svg", ranks: 2, in: folder)
      guard case .array(let groups) = document["groups"] else {
        Issue.record("no groups: \(document)")
        return
      }
      #expect(groups.count == 2)
      func error(_ run: String, _ of: String) throws -> Double {
        let found = try Tool.document("evaluate \(run) --metrics mse --json", in: folder)
        return try #require(found["metrics"]?["mse"]?[of]?.number)
      }
      func figure(_ group: JSONValue, _ of: String) throws -> JSONValue {
        guard case .array(let figures) = group["figures"] else { return .null }
        return try #require(figures.first { $0["of"] == .string(of) })
      }
      let found = try figure(groups[0], "L")
      let (one, two) = (try error("a1", "L"), try error("a2", "L"))
      let mean = try #require(found["mean"]?.number)
      #expect(abs(mean - (one + two) / 2) < 1e-9)
      let deviation = try #require(found["deviation"]?.number)
      #expect(abs(deviation - abs(one - two) / 2.0.squareRoot()) < 1e-9)
      // A baseline without L is compared by its reconstruction.
      let base = try error("v", "reconstruction")
      #expect(abs(try #require(found["gain"]?.number) - (base - mean) / base) < 1e-9)
      let settings = try #require(groups[1]["settings"])
      #expect(settings["lambda"] != nil && settings["seed"] == nil)
      let svg = try String(contentsOf: folder.appending(path: "c.svg"), encoding: .utf8)
      #expect(svg.contains("<svg") && svg.contains("lambda"))
      let text = try Tool.succeed("compare a1 a2 --metrics mse", in: folder)
      #expect(text.contains("deviation") && text.contains("runs") == true)
    }
  }

  /// Checkpoints are measured in turn; the last is what `evaluate` measures.
  @Test func checkpointsAreACourse() throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("r", "--set outer_iterations=3 --set keep_last=10", in: folder)
      let course = try Tool.document(
        "compare r --checkpoints --within 1.5 --metrics mse --json --plot c.png", ranks: 2,
        in: folder)
      guard case .array(let runs) = course["runs"], case .array(let points) = runs[0]["checkpoints"]
      else {
        Issue.record("no checkpoints: \(course)")
        return
      }
      #expect(points.count >= 3)
      let last = try Tool.document("evaluate r --metrics mse --json", in: folder)
      let value = try #require(points.last?["value"]?.number)
      #expect(value == last["metrics"]?["mse"]?["L"]?.number)
      #expect(abs(try #require(course["limit"]?.number) - 1.5 * value) < 1e-12)
      #expect(points.allSatisfy { $0["seconds"]?.number ?? -1 >= 0 })
      let text = try Tool.succeed("compare r --checkpoints --within 1.5 --metrics mse", in: folder)
      #expect(text.contains("within 1.5 of the end of r"))
    }
  }

  /// A gain needs a baseline of the same images; numbers that stand for no model have none.
  @Test func baselinesAreOfTheSameImages() throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("r", in: folder)
      try Tool.succeed("synthesize digits --count 120 --test 20 --seed 9 --out e.h5", in: folder)
      try Tool.succeed(
        "train demo --data e.h5 --out other \(Self.settings) --set lambda=20", in: folder)
      let refused = try Tool.run("compare r --baseline other --metrics mse", ranks: 2, in: folder)
      #expect(
        refused.status == 65 && refused.errors.contains("--baseline: found none for r"),
        "\(refused)")
      let line = "compare r --baseline other --metrics mse --data d.h5 --accept-data --json"
      let document = try Tool.document(line, in: folder)
      guard case .array(let groups) = document["groups"],
        case .array(let figures) = groups[0]["figures"]
      else {
        Issue.record("no figures: \(document)")
        return
      }
      let gained = figures.filter { $0["gain"] != nil }.compactMap { $0["of"]?.text }
      #expect(gained == ["L"])
      let note = try Tool.run("compare r other --metrics mse", in: folder)
      #expect(note.errors.contains("runs are measured on unlike images"), "\(note)")
    }
  }

  /// Below 0, "within" is on the worse side of the end, too.
  @Test func withinOfANegativeNumber() throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("r", "--set outer_iterations=2 --set keep_last=10", in: folder)
      let course = try Tool.document(
        "compare r --checkpoints --within 1.5 --metrics elbo --json", in: folder)
      guard case .array(let runs) = course["runs"], case .array(let points) = runs[0]["checkpoints"]
      else {
        Issue.record("no checkpoints: \(course)")
        return
      }
      let (limit, last) = (
        try #require(course["limit"]?.number), try #require(points.last?["value"]?.number)
      )
      #expect(last < 0 && abs(limit / (1.5 * last) - 1) < 1e-12)
      #expect(runs[0]["reached"] != nil)
    }
  }

  /// Filters have no codes; models of patches have no whole new images.
  @Test func metricsOfModelsThatLackSomething() throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try Tool.succeed("train lpf --data d.h5 --out lpf --quiet --set batch=64", in: folder)
      for metric in ["svm", "posterior", "shift"] {
        let run = try Tool.run("evaluate lpf --metrics \(metric)", in: folder)
        #expect(run.status == 64 && run.errors.contains("it needs codes"), "\(run)")
      }
      let codes = try Tool.run("encode lpf --out z.h5", in: folder)
      #expect(codes.status == 64 && codes.errors.contains("has no codes"), "\(codes)")
      try Tool.succeed(
        "train photos --data d.h5 --out patches --quiet --set patch=14 --set batch=16 "
          + "--set hidden=16 --set latent=4 --set outer_iterations=1 --set inner_epochs=1 "
          + "--set hidden_images=0", in: folder)
      for metric in ["diversity", "svm", "parzen"] {
        let run = try Tool.run("evaluate patches --metrics \(metric)", ranks: 2, in: folder)
        #expect(
          run.status == 64 && run.errors.contains("which is of whole images of one size"), "\(run)")
      }
    }
  }

  /// The numbers do not depend on the number of ranks.
  @Test(arguments: [
    "ssim,damage,diversity,posterior,shift --rows 90 --generated 90 --damage rectangle:0.3",
    "svm,linear_svm,probe,knn --fit 100", "outliers --inliers 1,2,3 --by residual",
    "parzen --generated 50",
  ])
  func ranksMakeNoDifference(metrics: String) throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("r", in: folder)
      let one = try Tool.document("evaluate r --metrics \(metrics) --json", in: folder)
      for ranks in [2, 3] {
        let more = try Tool.document(
          "evaluate r --metrics \(metrics) --json", ranks: ranks, in: folder)
        #expect(one["metrics"] == more["metrics"], "\(ranks) ranks: \(metrics)")
      }
    }
  }

  @Test(
    .serialized,
    arguments: [
      BadInput(
        "evaluate run --metrics mse --damage gaussian:0.1",
        "--damage is about damage; found --metrics mse", 64),
      BadInput(
        "evaluate run --metrics damage --damage snow:2",
        "--damage: noise \"snow:2\": expected one of none", 64),
      BadInput(
        "evaluate run --metrics mse --plot a.png",
        "--plot: found 0 metrics with a picture, expected one", 64),
      BadInput(
        "evaluate run --metrics shift --plot a.pdf", "a drawing is written as .svg or .png", 64),
      BadInput(
        "evaluate run --metrics shift --shifts 2,99", "--shifts: found 99, expected integers", 64),
      BadInput("evaluate run --metrics fid", "--net: found none, expected a run", 64),
      BadInput(
        "evaluate run --metrics fid --net nothing.h5 --generated 10", "nothing.h5", 65),
      BadInput(
        "evaluate run --metrics outliers", "labels: found 10 classes, expected 0 and 1", 65),
      BadInput(
        "evaluate run --metrics outliers --inliers 77",
        "--inliers: found 77, expected a class of the images", 65),
      BadInput(
        "evaluate run --metrics attributes", "found no attributes, expected them beside", 65),
      BadInput(
        "evaluate run --metrics twenty_way", "found no split evaluation, expected one", 65),
      BadInput(
        "evaluate run --data plain.h5 --metrics svm", "found no labels, expected a class", 65),
      BadInput(
        "compare run --within 2 --metrics mse", "--within: found without --checkpoints", 64),
      BadInput("compare run gone --metrics mse", "gone: found no run there", 65),
      BadInput("compare run run/ --metrics mse", "RUN: found run/ twice", 64),
      BadInput(
        "compare run --checkpoints --metrics damage --quiet", "found no checkpoint with one number",
        65),
      BadInput("evaluate run --metrics mse,", "--metrics: found mse,", 64),
      BadInput(
        "evaluate run --metrics posterior --rows 1", "found posterior of 1 image, expected 2", 64),
      BadInput(
        "evaluate run --metrics fid --net run --generated 10", "run: ", 65),
    ])
  func oneLineAndItsStatus(input: BadInput) throws {
    try withTemporaryFolder { folder in
      try prepare(120, in: folder)
      try train("run", in: folder)
      if input.command.contains("plain.h5") {
        try withoutLabels(of: "d.h5", as: "plain.h5", in: folder)
      }
      for ranks in [nil, 2] as [Int?] { try input.expectFailure(ranks: ranks, in: folder) }
    }
  }

  /// Digits with a quarter of the pixels flipped, and a test split.
  private func prepare(_ count: Int, in folder: URL) throws {
    try Tool.succeed("synthesize digits --count \(count) --test 60 --out clean.h5", in: folder)
    try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25", in: folder)
  }

  /// The images alone of a data set.
  private func withoutLabels(of name: String, as copy: String, in folder: URL) throws {
    let source = try File.open(folder.appending(path: name).path)
    let file = try File.create(folder.appending(path: copy).path)
    for split in ["train", "test"] {
      let images = try source.dataset("/\(split)/images")
      try file.createDataset("/\(split)/images", .uint8, shape: images.shape)
        .write(images.readAll(as: UInt8.self))
    }
    try file.write(attribute: "format", on: "/", "cleave-dataset")
    try file.write(attribute: "version", on: "/", 1)
    try file.close()
  }
}

import Foundation
import HDF5
import MPI
import Runs
import Support
import TestSupport
import Testing
import Training

/// Own frozen nets by the tool: classes from the labels, accuracy told, features by their digest.
@Suite(.serialized) struct FeatureNetTests {
  private static let net =
    "--set channels=8,16 --set latent=16 --set epochs=8 --set batch=32 --set learning_rate=0.003"

  /// A run tells its accuracy; `evaluate` finds the same on one and three ranks.
  @Test func accuracyIsToldAndMeasuredAgain() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 600 --test 200 --out d.h5", in: folder)
      let run = try Tool.run(
        "train feature-net --data d.h5 --out net \(Self.net) --json", ranks: 2, in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(run.errors.contains("accuracy: "), "\(run)")
      #expect(run.errors.contains("cleave evaluate net --metrics accuracy --split test"), "\(run)")
      let accuracy = try #require(try JSONValue(parsing: run.output)["accuracy"])
      let test = try #require(accuracy["test_images"])
      let share = try #require(test["share"]?.number)
      let majority = try #require(test["majority"]?.number)
      #expect(test["images"] == .integer(200))
      #expect(accuracy["training_images"]?["images"] == .integer(600))
      #expect(majority < 0.25 && share > majority + 0.4, "\(share) beside \(majority)")
      for ranks in [1, 3] {
        let found = try Tool.document(
          "evaluate net --data d.h5 --split test --json", ranks: ranks, in: folder)
        let metrics = try #require(found["metrics"])
        #expect(metrics["accuracy"]?["model"]?.number == share)
        #expect(metrics["accuracy"]?["majority"]?.number == majority)
        #expect(metrics["accuracy_standard_error"]?["model"] == test["standard_error"])
        #expect(metrics["mse"] == nil)
      }
      let configuration = try String(
        contentsOf: folder.appending(path: "net/config.json"), encoding: .utf8)
      #expect(try JSONValue(parsing: configuration)["classes"] == .integer(10))
    }
  }

  /// A class is that of the nearest features: they tell images apart, and have the run's digest.
  @Test func featuresTellClassesApart() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 600 --test 100 --out d.h5", in: folder)
      // So few steps want the whole rate.
      try Tool.succeed(
        "train feature-net --data d.h5 --out net \(Self.net) --set learning_rate_decay=1 --quiet",
        in: folder)
      let net = try FrozenNet(
        run: RunDirectory(folder.appending(path: "net").path), on: .alone())
      let info = try Tool.document("info net --digest --json", in: folder)
      #expect(info["digests"]?["model"] == .string(net.digest))
      #expect(net.name == "feature-net" && net.width == 16)
      let file = try File.open(folder.appending(path: "d.h5").path)
      let pixels = try file.dataset("/test/images").readAll(as: Float.self).map { $0 / 255 }
      let labels = try file.dataset("/test/labels").readAll(as: Int32.self)
      let features = try net.features(of: pixels, count: 100, height: 28, width: 28, channels: 1)
      #expect(features.count == 1600 && features.allSatisfy { $0 >= 0 })
      func distance(_ values: [Float], _ width: Int, _ i: Int, _ j: Int) -> Float {
        (0..<width).reduce(0) {
          let difference = values[i * width + $1] - values[j * width + $1]
          return $0 + difference * difference
        }
      }
      func nearest(_ values: [Float], _ width: Int) -> Int {
        (0..<100).count { i in
          let others = (0..<100).filter { $0 != i }
          let best = others.min {
            distance(values, width, i, $0) < distance(values, width, i, $1)
          }
          return best.map { labels[$0] } == labels[i]
        }
      }
      #expect(nearest(features, 16) > nearest(pixels, 784))
      #expect(throws: RunError.self) {
        try net.features(of: pixels, count: 25, height: 56, width: 56, channels: 1)
      }
    }
  }

  /// Images without labels, with labels that are no classes, and a run of another model.
  @Test func wrongImagesAndRunsGetOneLine() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize faces --count 64 --test 0 --out f.h5", in: folder)
      try Tool.succeed("synthesize digits --count 64 --test 0 --out d.h5", in: folder)
      let wrong = try File.create(folder.appending(path: "w.h5").path)
      try wrong.createDataset("train/images", .uint8, shape: [64, 4, 4, 1])
        .write((0..<1024).map { UInt8($0 * 7 & 255) })
      try wrong.createDataset("train/labels", .int32, shape: [64])
        .write((0..<64).map { Int32($0 == 40 ? -3 : 1) })
      try wrong.close()
      let train = "train feature-net --out net --set batch=32"
      for (command, message) in [
        ("\(train) --data f.h5", "f.h5: /train/labels: found none, expected a class from 0 on"),
        ("\(train) --data w.h5", "w.h5: /train/labels: found -3 in row 40, expected 0 to 65535"),
        (
          "\(train) --data d.h5 --set classes=3",
          "expected 0 to 2, for model=feature-net of 3 classes"
        ),
        ("\(train) --data d.h5 --set patch=14", "found patches, which have none"),
      ] {
        for ranks in [1, 2] {
          let run = try Tool.run(command, ranks: ranks, in: folder)
          #expect(run.status == 65, "\(command)\n\(run)")
          let lines = run.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
          #expect(lines.count == 1 && lines[0].contains(message), "\(command)\n\(run)")
        }
      }
      try Tool.succeed("train demo --data d.h5 --out run --max-steps 2 \(tiny) --quiet", in: folder)
      #expect(throws: RunError.self) {
        try FrozenNet(run: RunDirectory(folder.appending(path: "run").path), on: .alone())
      }
      let evaluated = try Tool.run("evaluate run --metrics accuracy", in: folder)
      #expect(evaluated.status == 64)
      #expect(evaluated.errors.contains("it needs a classifier"), "\(evaluated)")
    }
  }
}

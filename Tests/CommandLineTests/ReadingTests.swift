import Foundation
import HDF5
import TestSupport
import Testing

/// Images of other programs, as a user meets them.
@Suite(.serialized) struct ReadingTests {
  private static let settings =
    "--set hidden=8 --set latent=2 --set epochs=2 --set batch=16 --set lanes=4 --exact"

  /// f.h5: 64 grey and 64 binary images of 8 x 8, chunked, contiguous and as a test set.
  private func prepare(_ folder: URL) throws {
    let file = try File.create(folder.appending(path: "f.h5").path)
    let shape = [64, 8, 8, 1]
    let bytes = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435 >> 7) }
    try file.createDataset(
      "/chunked", .uint8, shape: shape, layout: .chunked([7, 8, 5, 1], level: 3)
    )
    .write(bytes)
    try file.createDataset("/plain", .uint8, shape: shape).write(bytes)
    try file.createDataset("/bits", .uint8, shape: shape).write(bytes.map { $0 >> 7 })
    try file.close()
  }

  @Test func ranksShareWhatCannotBeMapped() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      var digests: [String] = []
      for (name, ranks) in [("plain", nil), ("chunked", nil), ("chunked", 3)] {
        let run = try Tool.run(
          "train mnist-ae --data f.h5 --images /\(name) --out r\(digests.count) --set rows=48 "
            + Self.settings, ranks: ranks, in: folder)
        #expect(run.status == 0 && !run.errors.contains("hold a copy"), "\(run)")
        let first = name == "plain" ? "" : "the first 48 of "
        #expect(
          run.errors.contains("f.h5: /\(name), \(first)64 images of 8x8x1"), "\(run.errors)")
        let info = try Tool.document("info r\(digests.count) --digest --json", in: folder)
        digests.append("\(try #require(info["digests"]))")
      }
      #expect(Set(digests).count == 1, "\(digests)")
      // A resume on other ranks, and answers, read the same rows.
      try Tool.succeed("evaluate r1 --json", ranks: 2, in: folder)
      try Tool.succeed("denoise r1 --out l.h5", ranks: 2, in: folder)
    }
  }

  @Test func oneArrayHasNoTestSplit() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed(
        "train mnist-ae --data f.h5 --images /plain --out r --quiet \(Self.settings)", in: folder)
      for line in ["evaluate r --split test", "evaluate r --data f.h5 --images /bits --split test"]
      {
        let run = try Tool.run(line, ranks: 2, in: folder)
        #expect(run.status == 64 && run.errors.contains("is one array without splits"), "\(run)")
      }
      let text = try Tool.succeed("evaluate r --data f.h5 --images /bits", in: folder)
      #expect(text.contains("f.h5, /bits: 64 images against themselves"), "\(text)")
    }
  }

  @Test func imagesHaveNoErrorToThemselves() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed(
        "train mnist-ae --data f.h5 --images /plain --out r --quiet \(Self.settings)", in: folder)
      let run = try Tool.run("evaluate r", ranks: 2, in: folder)
      #expect(
        run.errors.contains("no clean images are known") && !run.output.contains("X")
          && !run.output.contains("inf") && run.output.contains("reconstruction"), "\(run)")
      let metrics = try Tool.document("evaluate r --json", in: folder)["metrics"]
      for name in ["mse", "psnr"] {
        #expect(metrics?[name]?["X"] == .null, "\(String(describing: metrics))")
        #expect(metrics?[name]?["reconstruction"]?.number != nil)
      }
    }
  }

  @Test func likelihoodsNeedBinaryImages() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 16 --out d.h5", in: folder)
      try Tool.succeed("corrupt d.h5 b.h5 --noise binarize", in: folder)
      try Tool.succeed(
        "train mnist-vae --data d.h5 --out r --quiet --set rows=64 \(Self.settings)", in: folder)
      for metric in ["bound", "nll", "bits"] {
        // A bound has the samples of training.
        let line = "evaluate r --metrics \(metric)" + (metric == "bound" ? "" : " --samples 5")
        let grey = try Tool.run("\(line) --data d.h5", ranks: 2, in: folder)
        #expect(
          grey.status == 65 && grey.errors.contains("found grey values in 64 of 64 images")
            && grey.errors.contains("--noise binarize"), "\(grey)")
        try Tool.succeed("\(line) --data b.h5", ranks: 2, in: folder)
      }
      let elbo = try Tool.run("evaluate r --metrics elbo", in: folder)
      #expect(
        elbo.status == 0 && elbo.errors.contains("elbo: the images have grey values"), "\(elbo)")
      let binary = try Tool.run("evaluate r --metrics elbo --data b.h5", in: folder)
      #expect(!binary.errors.contains("grey values"), "\(binary)")
    }
  }

  @Test func noAnswerReplacesWhatTheRunNeeds() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 16 --out d.h5", in: folder)
      try Tool.succeed("corrupt d.h5 n.h5 --noise salt-pepper:0.2", in: folder)
      try Tool.succeed(
        "train mnist-ae --data d.h5 --out r --quiet --set rows=64 \(Self.settings)", in: folder)
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/link.h5", withDestinationPath: "d.h5")
      let before = try contents(of: folder)
      for line in [
        "corrupt d.h5 d.h5 --noise salt-pepper:0.2", "corrupt d.h5 link.h5 --noise salt-pepper:0.2",
        "denoise r --out d.h5", "denoise r --out link.h5", "denoise r --data n.h5 --out n.h5",
        "denoise r --data n.h5 --out d.h5", "reconstruct r --data n.h5 --out d.h5",
        "encode r --out d.h5", "denoise r --out r/checkpoints/latest/checkpoint.h5",
      ] {
        let run = try Tool.run(
          "\(line) --force", ranks: line.hasPrefix("corrupt") ? nil : 2, in: folder)
        let words = line.contains("checkpoints") ? "a place of the run" : "own input"
        #expect(run.status == 64 && run.errors.contains(words), "\(line)\n\(run)")
      }
      #expect(try contents(of: folder) == before)
      try Tool.succeed("denoise r --out l.h5", in: folder)
      try Tool.succeed("denoise r --out l.h5 --force", in: folder)
    }
  }
}

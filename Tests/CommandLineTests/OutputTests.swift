import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// What commands write: where they do not, and what it is measured against.
@Suite(.serialized) struct OutputTests {
  /// What is no regular file is no place for an output; it stays as it is.
  @Test func pipesAreNotReplaced() throws {
    try withTemporaryFolder { folder in
      try Given.run.make(in: folder)
      try Given.idx.make(in: folder)
      for name in ["pipe.h5", "pipe.png"] {
        #expect(mkfifo(folder.appending(path: name).path, 0o600) == 0)
      }
      for command in [
        "synthesize digits --count 8 --out pipe.h5", "import mnist idx --out pipe.h5",
        "corrupt d.h5 pipe.h5 --noise none", "denoise run --out pipe.h5",
        "reconstruct run --out pipe.png", "encode run --out pipe.h5", "sample run --out pipe.png",
      ] {
        for force in ["", " --force"] {
          try BadInput(
            command + force, "found a pipe, expected a file name for the output", 64
          ).expectFailure(ranks: force.isEmpty ? nil : 2, in: folder)
        }
      }
      var status = stat()
      #expect(stat(folder.appending(path: "pipe.h5").path, &status) == 0)
      #expect(status.st_mode & S_IFMT == S_IFIFO)
    }
  }

  /// No answer of a run replaces a part of its training set.
  @Test func partsOfTheTrainingSetAreNotReplaced() throws {
    try withTemporaryFolder { folder in
      let bytes = (0..<64 * 64).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435 >> 7) }
      for part in 0..<2 {
        let file = try File.create(folder.appending(path: "part\(part).h5").path)
        try file.createDataset("/x", .uint8, shape: [32, 8, 8, 1])
          .write(Array(bytes[part * 2048..<(part + 1) * 2048]))
        try file.close()
      }
      let file = try File.create(folder.appending(path: "v.h5").path)
      try file.createVirtualDataset(
        "/train/images", .uint8, shape: [64, 8, 8, 1],
        parts: [
          VirtualPart(file: "part0.h5", dataset: "/x", rows: 0..<32),
          VirtualPart(file: "part1.h5", dataset: "/x", rows: 32..<64),
        ])
      try file.close()
      try Tool.succeed(
        "train mnist-vae --data v.h5 --out run --set hidden=8 --set latent=2 --set batch=16 "
          + "--set grid_every=0 --max-steps 2 --quiet", in: folder)
      for command in ["sample", "encode", "denoise", "reconstruct"] {
        for name in ["part1.h5", "v.h5"] {
          try BadInput("\(command) run --out \(name) --force", "the command's own input", 64)
            .expectFailure(ranks: nil, in: folder)
        }
      }
      try Tool.succeed("sample run --count 4 --out free.h5", in: folder)
    }
  }

  private func squaredError(_ a: [UInt8], _ b: [UInt8]) -> Double {
    zip(a, b).reduce(0) { $0 + pow((Double($1.0) - Double($1.1)) / 255, 2) } / Double(a.count)
  }

  /// A run with noise of its own on images that have clean ones: errors are to the clean ones.
  @Test func staticNoiseIsMeasuredAgainstTheCleanImages() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(256, in: folder)
      let file = try File.open(folder.appending(path: "d.h5").path)
      let stored = squaredError(
        try file.dataset("/train/images").readAll(), try file.dataset("/train/clean").readAll())
      try Tool.succeed(
        "train demo --data d.h5 --out run --quiet \(tiny) --set static_noise=salt-pepper:0.1",
        in: folder)
      let found = try Tool.document("evaluate run --metrics mse --json", in: folder)
      #expect(found["reference"] == "clean", "\(found)")
      // A tenth of the pixels becomes 0 or 1, most of which is 0 already; the rest keeps its error.
      let x = try #require(found["metrics"]?["mse"]?["X"]?.number, "\(found)")
      #expect(x > stored + 0.01, "\(x), stored \(stored)")
      #expect(x < stored + 0.1, "\(x), stored \(stored)")
    }
  }

  /// L as it is written, between 0 and 1, is the L that is measured.
  @Test func theMeasuredLIsTheWrittenOne() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(200, in: folder)
      try Tool.succeed(
        "train demo --data d.h5 --out run --set model=ic-affine-em --set latent=6 --set batch=40 "
          + "--set epochs=12 --set grid_every=0 --quiet", in: folder)
      try Tool.succeed("denoise run --out o.h5", in: folder)
      try Tool.succeed("reconstruct run --out r.h5", in: folder)
      let free: [Float] = try File.open(folder.appending(path: "r.h5").path)
        .dataset("/reconstructions").readAll()
      let beyond = free.reduce(0.0) { $0 + Double(max(0, -$1) + max(0, $1 - 1)) }
      #expect(beyond / Double(free.count) > 0.001, "a decoder that leaves [0, 1]")
      let l: [UInt8] = try File.open(folder.appending(path: "o.h5").path).dataset("/L").readAll()
      let clean: [UInt8] = try File.open(folder.appending(path: "d.h5").path)
        .dataset("/train/clean").readAll()
      let found = try Tool.document("evaluate run --metrics mse --json", in: folder)
      let measured = try #require(found["metrics"]?["mse"]?["L"]?.number, "\(found)")
      // Bytes round to half of 1/255.
      #expect(abs(measured - squaredError(l, clean)) < 2e-5, "\(found)")
    }
  }

  /// The best checkpoint is one of the images that the run is trained on now, however low the loss
  /// on the images before was.
  @Test(arguments: [nil, 2]) func theBestCheckpointIsOneOfTheseImages(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      for (name, pixel) in [("black", { _ in 0 }), ("noise", { $0 &* 2_654_435 >> 7 })]
        as [(String, (Int) -> Int)]
      {
        let file = try File.create(folder.appending(path: "\(name).h5").path)
        try file.createDataset("/train/images", .uint8, shape: [64, 8, 8, 1])
          .write((0..<4096).map { UInt8(truncatingIfNeeded: pixel($0)) })
        try file.close()
      }
      let stopped = try Tool.run(
        "train mnist-ae --data black.h5 --out run --set hidden=8 --set latent=2 --set batch=16 "
          + "--set lanes=2 --set epochs=40 --set grid_every=0 --set checkpoint_epochs=1 "
          + "--set keep_last=2 --stop-after-step 80 --quiet", ranks: ranks, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let run = RunFolder("run", in: folder)
      func best() throws -> JSONValue? {
        try Tool.document("info run --json", in: folder)["best"]
      }
      #expect(try best() == "step-00000076")
      let first = try #require(try run.log("epoch").last?["loss"]?.number)
      let accepted = try Tool.run(
        "train --resume run --data noise.h5 --accept-data --stop-after-step 88 --quiet",
        ranks: ranks, in: folder)
      #expect(accepted.status == 75, "\(accepted)")
      let second = try #require(try run.log("epoch").last?["loss"]?.number)
      #expect(second > first, "the new images have to have the higher loss")
      #expect(try best() == "step-00000084")
      try Tool.succeed("train --resume run --quiet", ranks: ranks, in: folder)
      let manifest = try String(
        contentsOf: run.path.appending(path: "checkpoints/best/manifest.json"), encoding: .utf8)
      let info = try Tool.document("info run --json", in: folder)
      guard case .string(let digest)? = info["data"]?["digest"] else {
        Issue.record("no digest in \(info)")
        return
      }
      #expect(manifest.contains("\"data\" : \"\(digest)\""), "\(manifest)")
    }
  }

  /// A name from outside does not split the line in which it stands.
  @Test func aNameWithALineEndStaysInItsLine() throws {
    try withTemporaryFolder { folder in
      let name = "a\nread b"
      let file = try File.create(folder.appending(path: "f.h5").path)
      try file.createDataset(name, .uint8, shape: [64, 4, 4, 1])
        .write((0..<1024).map { UInt8($0 & 255) })
      try file.createDataset("/other", .uint8, shape: [1]).write([UInt8(1)])
      try file.close()
      let words =
        "--set hidden=8 --set latent=2 --set batch=16 --set grid_every=0 --max-steps 1 --out run"
      let run = try Tool.run(
        ["train", "mnist-ae", "--data", "f.h5", "--images", name]
          + words.split(separator: " ").map(String.init), in: folder)
      #expect(run.status == 0, "\(run)")
      let reading = run.errors.split(separator: "\n").filter { $0.hasPrefix("read ") }
      #expect(
        reading.count == 1
          && reading[0].hasSuffix(
            ": a\u{FFFD}read b, 64 images of 4x4x1, bytes p as p/255, no labels; not read: /other"),
        "\(run)")
      let evaluation = try Tool.run("evaluate run --metrics mse", in: folder)
      #expect(evaluation.status == 0, "\(evaluation)")
      #expect(evaluation.output.contains(", a\u{FFFD}read b: 64 images"), "\(evaluation)")
    }
  }
}

import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// A run knows its images by their content, wherever they lie (docs/files.md, What identifies
/// data).
@Suite(.serialized) struct DataIdentityTests {
  /// 5 steps an epoch, and a split after two epochs.
  private static let model =
    "train demo \(small) --set outer_iterations=3 --set inner_epochs=2 --exact "
  private static let questions = [
    "denoise run --out o.h5", "reconstruct run --out o.h5", "encode run --out o.h5", "evaluate run",
  ]

  private func move(_ name: String, to other: String, in folder: URL) throws {
    try FileManager.default.moveItem(
      at: folder.appending(path: name), to: folder.appending(path: other))
  }

  /// The images of a split, as bytes in the order of the file.
  private func images(_ file: URL, _ dataset: String = "/train/images") throws -> [UInt8] {
    try File.open(file.path).dataset(dataset).readAll(as: UInt8.self)
  }

  /// Writes images to one dataset of a new file.
  private func write(
    _ bytes: [UInt8], _ shape: [Int], to dataset: String, of file: URL
  ) throws {
    let file = try File.create(file.path)
    try file.createDataset(dataset, .uint8, shape: shape).write(bytes)
    try file.close()
  }

  /// The digest of the images that a run is trained on.
  private func digest(of run: String, in folder: URL) throws -> String {
    let info = try Tool.document("info \(run) --json", in: folder)
    guard case .string(let digest)? = info["data"]?["digest"] else {
      Issue.record("no digest in \(info)")
      return ""
    }
    return digest
  }

  private func isEqual(_ a: String, _ b: String, in folder: URL) throws -> Bool {
    try ["/L", "/S"].allSatisfy {
      let difference = try Run.command("h5diff", [a, b, $0, $0], in: folder)
      return difference.status == 0
    }
  }

  // MARK: - The same images elsewhere

  /// A moved file, a chunked copy, another split of another data set: L and S are equal bit for
  /// bit, with noise that the run draws by split and row, too.
  @Test(arguments: ["", "--set static_noise=salt-pepper:0.1 "])
  func theSameImagesAreKnownAnywhere(noise: String) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed(Self.model + noise + "--out run", ranks: 2, in: folder)
      try Tool.succeed("denoise run --out a.h5", in: folder)
      let bytes = try images(folder.appending(path: "d.h5"))
      let more = bytes + bytes.prefix(28 * 28 * 20).map { 255 - $0 }
      try write(more, [320, 28, 28, 1], to: "/test/images", of: folder.appending(path: "split.h5"))
      try move("d.h5", to: "moved.h5", in: folder)
      let chunked = try Run.command(
        "h5repack", ["-l", "/train/images:CHUNK=7x28x28x1", "moved.h5", "chunked.h5"], in: folder)
      #expect(chunked.status == 0, "\(chunked)")
      for (name, options) in [
        ("moved", ""), ("chunked", ""), ("split", " --split test"),
      ] {
        for ranks in [nil, 3] {
          let run = try Tool.run(
            "denoise run --data \(name).h5\(options) --out \(name).o.h5 --force", ranks: ranks,
            in: folder)
          #expect(run.status == 0, "\(run)")
          let rest = name == "split" ? "; left out: the last 20, " : "\n"
          #expect(run.errors.contains(": the 300 rows trained on, by content" + rest), "\(run)")
          #expect(try isEqual("a.h5", "\(name).o.h5", in: folder), "\(name) on \(ranks ?? 1) ranks")
        }
      }
      let missing = try Tool.run("denoise run --out b.h5", in: folder)
      #expect(missing.status == 65, "\(missing)")
      #expect(missing.errors.contains("d.h5: no such file; if the images of run lie"), "\(missing)")
      let evaluation = try Tool.document(
        "evaluate run --data split.h5 --split test --json", in: folder)
      #expect(evaluation["split"] == "test" && evaluation["rows"] == 300, "\(evaluation)")
      #expect(evaluation["metrics"]?["mse"]?["L"] != nil, "\(evaluation)")
    }
  }

  /// A resume on a moved file ends as if nothing had happened, and remembers the new place.
  @Test func aRunGoesOnWithMovedImages() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      try Tool.succeed(Self.model + "--out whole", in: folder)
      let stopped = try Tool.run(Self.model + "--out run --stop-after-step 17", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try move("d.h5", to: "moved.h5", in: folder)
      for ranks in [nil, 2] {
        try BadInput(
          "train --resume run --quiet", "d.h5: no such file; if the images of run lie", 65
        ).expectFailure(ranks: ranks, in: folder)
      }
      let moved = try Tool.run(
        "train --resume run --data moved.h5 --stop-after-step 22", ranks: 2, in: folder)
      #expect(moved.status == 75, "\(moved)")
      // The place is no setting that a replay minds.
      let verified = try Tool.run(
        "train --resume run --verify 5 --stop-after-step 23", in: folder)
      #expect(verified.errors.contains("verified: steps 18 to 22 are as recorded"), "\(verified)")
      try Tool.succeed("train --resume run --quiet", in: folder)
      let (run, whole) = (RunFolder("run", in: folder), RunFolder("whole", in: folder))
      #expect(try run.digests() == whole.digests())
      #expect(try digest(of: "run", in: folder) == digest(of: "whole", in: folder))
    }
  }

  /// The digest depends on images and their order alone: not on ranks, lanes, layout or rows
  /// unused.
  @Test func theDigestIsThatOfTheImages() throws {
    try withTemporaryFolder { folder in
      let (n, side) = (3000, 12)
      let pixels = (0..<n * side * side * 3).map {
        UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 9)
      }
      var planes = pixels
      let area = side * side
      for row in 0..<n {
        for place in 0..<area {
          for channel in 0..<3 {
            planes[(row * 3 + channel) * area + place] = pixels[(row * area + place) * 3 + channel]
          }
        }
      }
      func path(_ name: String) -> URL { folder.appending(path: name) }
      try write(pixels, [n, side, side, 3], to: "/train/images", of: path("a.h5"))
      try write(planes, [n, 3, side, side], to: "/x", of: path("planes.h5"))
      try write(pixels, [n, side * side * 3], to: "/x", of: path("flat.h5"))
      try write(pixels.reversed(), [n, side, side, 3], to: "/x", of: path("reversed.h5"))
      let train = "train demo \(tiny) --max-steps 1 --quiet --force"
      func digest(_ options: String, ranks: Int? = nil) throws -> String {
        try Tool.succeed("\(train) \(options) --out run", ranks: ranks, in: folder)
        return try self.digest(of: "run", in: folder)
      }
      let whole = try digest("--data a.h5")
      for ranks in [2, 3] {
        #expect(try digest("--data a.h5 --set lanes=4", ranks: ranks) == whole)
      }
      #expect(try digest("--data planes.h5 --images /x --layout nchw", ranks: 2) == whole)
      #expect(try digest("--data flat.h5 --images /x --shape \(side),\(side),3") == whole)
      #expect(try digest("--data flat.h5 --images /x --shape \(side * 2),\(side / 2),3") != whole)
      #expect(try digest("--data reversed.h5 --images /x") != whole)
      let part = try digest("--data a.h5 --set rows=2999")
      #expect(part != whole)
      try write(
        Array(pixels[..<(2999 * area * 3)]), [2999, side, side, 3], to: "/train/images",
        of: path("part.h5"))
      #expect(try digest("--data part.h5", ranks: 2) == part)
      let text = try Tool.succeed("info run", in: folder)
      #expect(text.contains("trained on 2,999 images of 12x12x3, uint8, of digest \(part), at "))
    }
  }

  // MARK: - Other images

  /// One changed pixel at the place of the training set is refused by everything that would use its
  /// S; elsewhere these are new images.
  @Test func otherImagesAreRefused() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let stopped = try Tool.run(Self.model + "--out run --stop-after-step 17", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let expected = try digest(of: "run", in: folder)
      try move("d.h5", to: "true.h5", in: folder)
      var bytes = try images(folder.appending(path: "true.h5"))
      bytes[150 * 784 + 400] ^= 1
      try write(bytes, [300, 28, 28, 1], to: "/train/images", of: folder.appending(path: "d.h5"))
      let message = "expected \(expected), on which run is trained; "
      for command in Self.questions + ["train --resume run --quiet", "verify run --steps 2"] {
        for ranks in [nil, 2] {
          try BadInput(command, message, 65).expectFailure(ranks: ranks, in: folder)
        }
      }
      for (data, line) in [
        ("--accept-data", "new images, of which the run has no S"),
        ("--data true.h5", "the 300 rows trained on, by content"),
      ] {
        let run = try Tool.run("denoise run \(data) --out o.h5 --force", in: folder)
        #expect(run.status == 0 && run.errors.contains(line), "\(run)")
      }
      try Tool.succeed("train --resume run --data true.h5 --quiet", in: folder)
    }
  }

  /// Too few images and images of another shape are named as such, before anything is made of them.
  @Test func otherExtentsAreRefused() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let stopped = try Tool.run(Self.model + "--out run --stop-after-step 17", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let d = folder.appending(path: "d.h5")
      try move("d.h5", to: "true.h5", in: folder)
      let bytes = try images(folder.appending(path: "true.h5"))
      try write(Array(bytes[..<(40 * 784)]), [40, 28, 28, 1], to: "/train/images", of: d)
      for ranks in [nil, 2] {
        try BadInput(
          "train --resume run --quiet", "found 40 images of 28x28x1, expected 300 images", 65
        ).expectFailure(ranks: ranks, in: folder)
        for command in Self.questions {
          try BadInput(command, "d.h5: found images of digest none: 40 images", 65)
            .expectFailure(ranks: ranks, in: folder)
        }
      }
      try write(bytes, [1200, 14, 14, 1], to: "/train/images", of: d)
      for options in ["", " --accept-data"] {
        try BadInput(
          "train --resume run --quiet\(options)", "found 1,200 images of 14x14x1, expected 300", 65
        ).expectFailure(ranks: nil, in: folder)
      }
    }
  }

  /// Accepted images get an S of their own; the old ones are new images then.
  @Test(arguments: [nil, 2]) func acceptedImagesGetAnSOfTheirOwn(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(300, in: folder)
      let stopped = try Tool.run(
        Self.model + "--out run --stop-after-step 17", ranks: ranks, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      let before = try digest(of: "run", in: folder)
      try move("d.h5", to: "true.h5", in: folder)
      try Tool.succeed("synthesize digits --count 200 --test 0 --seed 3 --out d.h5", in: folder)
      let accepted = try Tool.run(
        "train --resume run --accept-data --verify 3 --stop-after-step 19", ranks: ranks, in: folder
      )
      #expect(accepted.status == 75, "\(accepted)")
      #expect(
        accepted.errors.contains("in place of \(before): weights and optimizer are kept; S and"),
        "\(accepted)")
      #expect(accepted.errors.contains("has other images than the steps recorded"), "\(accepted)")
      #expect(try digest(of: "run", in: folder) != before)
      let sparse = folder.appending(path: "run/checkpoints/latest/checkpoint.h5")
      func isZero() throws -> Bool {
        try File.open(sparse.path).dataset("/split/S").readAll(as: Float.self).allSatisfy {
          $0 == 0
        }
      }
      #expect(try isZero())
      let fresh = try Tool.run("denoise run --out f.h5", ranks: ranks, in: folder)
      #expect(fresh.errors.contains("the run has not split these X into L + S yet"), "\(fresh)")
      // No word about these images any more: they are the run's.
      try Tool.succeed("train --resume run --quiet", ranks: ranks, in: folder)
      #expect(try !isZero())
      let own = try Tool.run("denoise run --out o.h5", ranks: ranks, in: folder)
      #expect(own.errors.contains("the 200 rows trained on, by content"), "\(own)")
      let old = try Tool.run("denoise run --data true.h5 --out p.h5", in: folder)
      #expect(old.errors.contains("new images, of which the run has no S"), "\(old)")
      // A finished run has no epoch left in which others could get one.
      try BadInput(
        "train --resume run --data true.h5 --accept-data --quiet",
        "--accept-data: found all 6 epochs done", 65
      ).expectFailure(ranks: ranks, in: folder)
    }
  }

  /// A model that is fitted to all its rows cannot go on with others.
  @Test func aFittedModelRefusesOtherImages() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(100, in: folder)
      let stopped = try Tool.run(
        "train demo --data d.h5 --set model=ic-affine-em --set latent=3 --set batch=20 --out run "
          + "--set epochs=9 --set grid_every=0 --stop-after-step 3 --quiet", in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try BadInput(
        "train --resume run --data clean.h5 --accept-data --quiet",
        "--accept-data: found a model that is fitted to all its rows at once", 65
      ).expectFailure(ranks: nil, in: folder)
    }
  }

  // MARK: - Images that change while a run trains on them

  /// Trains until the log has a line, changes the file, and returns the end of the run.
  private func train(
    on ranks: Int?, _ options: String, in folder: URL, _ change: (URL, Job) throws -> Void
  ) throws -> Run {
    let run = RunFolder("run", in: folder)
    let words =
      "train demo \(small) --set outer_iterations=1000 --set inner_epochs=2 --out run \(options)"
    let job = try Job.product(
      "cleave", words.split(separator: " ").map(String.init), ranks: ranks, in: folder)
    try #require(job.waits { run.checkpoints.contains("latest") })
    try change(folder.appending(path: "d.h5"), job)
    return try job.end(within: 60)
  }

  /// A file that is cut short ends the run with a line that says so, on any number of ranks; ranks
  /// that lose a rank may say that.
  @Test(arguments: [nil, 2, 3], [4096, 800_000]) func aFileThatIsCutShort(ranks: Int?, bytes: Int)
    throws
  {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let end = try train(on: ranks, "", in: folder) { file, _ in
        #expect(truncate(file.path, off_t(bytes)) == 0)
      }
      #expect(end.status == 65 && !end.timedOut, "\(end)")
      let lines = end.errors.split(separator: "\n").filter {
        $0.hasPrefix("cleave") && !$0.hasSuffix("on this node, is gone")
      }
      // Ranks that meet the end of the file at the same moment say so, each for itself.
      #expect((1...(ranks ?? 1)).contains(lines.count), "\(end)")
      #expect(
        lines.allSatisfy {
          $0.contains("d.h5: /train/images: found \(bytes) bytes, expected ")
            && $0.hasSuffix("cut short or rewritten while in use")
        }, "\(end)")
    }
  }

  /// Rewritten images are found before the next checkpoint, which is not made.
  @Test(arguments: [nil, 3]) func aFileThatIsRewritten(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let expected = try {
        try Tool.succeed("train demo \(small) --max-steps 1 --out probe", in: folder)
        return try digest(of: "probe", in: folder)
      }()
      let end = try train(on: ranks, "", in: folder) { file, _ in
        let handle = try FileHandle(forUpdating: file)
        try handle.seek(toOffset: 700_000)
        try handle.write(contentsOf: Data((0..<64).map { UInt8($0) }))
        try handle.close()
      }
      #expect(end.status == 65 && !end.timedOut, "\(end)")
      let lines = end.errors.split(separator: "\n").filter { $0.hasPrefix("cleave") }
      #expect(lines.count == 1, "\(end)")
      #expect(
        lines.first?.contains("expected \(expected): the file was rewritten while") == true,
        "\(end)")
      // Every checkpoint is one of the images before.
      #expect(try digest(of: "run", in: folder) == expected)
    }
  }

  /// A file that another with the same images replaces changes nothing.
  @Test func aFileThatIsReplacedByItsCopy() throws {
    try withTemporaryFolder { folder in
      try prepareDigits(1203, in: folder)
      let end = try train(on: 2, "", in: folder) { file, job in
        let copy = folder.appending(path: "copy.h5")
        try FileManager.default.copyItem(at: file, to: copy)
        #expect(rename(copy.path, file.path) == 0)
        for rank in job.children { kill(rank, SIGUSR1) }
      }
      #expect(end.status == 75, "\(end)")
      #expect(end.errors.contains("the images in use are the same"), "\(end)")
    }
  }
}

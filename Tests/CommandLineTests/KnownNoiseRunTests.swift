import Foundation
import HDF5
import Support
import TestSupport
import Testing

/// Runs of models that know the noise of their images: one result on any ranks, clean images,
/// refusals.
@Suite(.serialized) struct KnownNoiseRunTests {
  private static let small =
    "--set hidden=16 --set latent=3 --set batch=64 --set lanes=4 --set epochs=3 --set log_every=1 "
    + "--set grid_every=0 --quiet --data d.h5"

  /// Each kind of pixel, a level that is estimated and one that is learned, and the mean image.
  static let runs = [
    "vae known_noise=salt-pepper:auto", "vae known_noise=salt-pepper:0.2..0.3",
    "vae known_noise=salt-pepper:0.25 clean_scale=inf",
    "vae known_noise=gaussian-clip:0.1+salt-pepper:0.25",
    "dvae known_noise=mean-image samples=2", "diwae known_noise=uniform:0.2 corruptions=2",
    "iwae known_noise=salt-pepper:0.25 samples=2",
    "dvae known_noise=salt-pepper:0.25 inference=gru",
  ]

  private func train(_ run: String, _ line: String, ranks: Int, in folder: URL) throws -> Run {
    let parts = run.split(separator: " ").map(String.init)
    let preset = ["vae": "mnist-noise-vae", "rvae": "mnist-rvae-beta"][parts[0]]
    var words = ["train", preset ?? "mnist-\(parts[0])"]
    for setting in ["likelihood=noise"] + parts.dropFirst() { words += ["--set", setting] }
    words += "\(Self.small) \(line)".split(separator: " ").map(String.init)
    return try Tool.run(words, ranks: ranks, in: folder)
  }

  private func prepare(in folder: URL) throws {
    try Tool.succeed("synthesize digits --count 203 --test 40 --out clean.h5", in: folder)
    try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25 --seed 3", in: folder)
  }

  /// `exact` runs are equal on 1 and 4 ranks, and on 2 that stop and continue on 4.
  @Test(arguments: runs) func oneResultOnAnyRanks(run: String) throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      var expected: JSONValue?
      for ranks in [1, 4] {
        let done = try train(run, "--exact --out p\(ranks)", ranks: ranks, in: folder)
        #expect(done.status == 0, "\(done)")
        let found = try RunFolder("p\(ranks)", in: folder).digests()
        #expect(found == expected ?? found, "\(run) on \(ranks) ranks")
        expected = found
      }
      let stopped = try train(run, "--exact --out r --stop-after-step 5", ranks: 2, in: folder)
      #expect(stopped.status == 75, "\(stopped)")
      try Tool.succeed("train --resume r --quiet", ranks: 4, in: folder)
      #expect(try RunFolder("r", in: folder).digests() == expected, "\(run) after a stop")
    }
  }

  /// The level of `auto` is in the settings of the run, and told.
  @Test func theLevelIsEstimatedOnce() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let settings = Self.small.replacing("--quiet ", with: "")
      let run = try Tool.run(
        "train mnist-noise-vae --set known_noise=salt-pepper:auto \(settings) --out r", in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(run.errors.contains("estimated from flat parts of the images"), "\(run)")
      let text = try String(contentsOf: folder.appending(path: "r/config.json"), encoding: .utf8)
      let level = try #require(text.firstMatch(of: /"known_noise": "salt-pepper:([0-9.]+)"/)?.1)
      #expect(abs(try #require(Double(level)) - 0.25) < 0.03)
    }
  }

  /// A level that the images contradict is warned of, and one that they show is not.
  @Test func aWrongLevelIsWarnedOf() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      for (level, isRight) in [("0.05", false), ("0.25", true)] {
        let run = try train(
          "vae known_noise=salt-pepper:\(level)", "--out r\(level)", ranks: 2, in: folder)
        #expect(run.status == 0, "\(run)")
        #expect(
          run.errors.contains("flat parts of the images show salt-pepper") != isRight, "\(run)")
      }
    }
  }

  /// A level that is learned is warned of, and logged within its bounds.
  @Test func aLearnedLevelIsWarnedOf() throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let run = try train("vae known_noise=salt-pepper:0.2..0.3", "--out r", ranks: 1, in: folder)
      #expect(run.errors.contains("warning: known_noise=salt-pepper:0.2..0.3: a learned"), "\(run)")
      let levels = try RunFolder("r", in: folder).log().compactMap { $0["noise_level"]?.number }
      #expect(!levels.isEmpty && levels.allSatisfy { (0.2...0.3).contains($0) }, "\(levels)")
    }
  }

  /// L is nearer to the clean images than the images and than the same model without the noise.
  @Test func findsTheCleanImages() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 3000 --test 200 --out clean.h5", in: folder)
      try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25 --seed 3", in: folder)
      let settings =
        "--set hidden=128 --set latent=16 --set batch=50 --set epochs=12 --set grid_every=0 --quiet "
        + "--set learning_rate=0.002 --data d.h5"
      try Tool.succeed("train mnist-noise-vae \(settings) --out known", ranks: 2, in: folder)
      try Tool.succeed(
        "train mnist-noise-vae \(settings) --set likelihood=bernoulli --set known_noise=none "
          + "--out plain", ranks: 2, in: folder)
      try Tool.succeed(
        "train mnist-outlier-vae \(settings) --set inlier_deviation_epochs=5 --out gated", ranks: 2,
        in: folder)
      func errors(_ run: String, undo: String = "") throws -> JSONValue {
        try #require(
          try Tool.document(
            "evaluate \(run) --metrics mse --split test --json \(undo)", in: folder)[
              "metrics"]?["mse"])
      }
      let known = try errors("known")
      let plain = try errors("plain", undo: "--undo salt-pepper:0.25")
      func number(_ json: JSONValue, _ name: String) throws -> Double {
        try #require(json[name]?.number)
      }
      let l = try number(known, "L")
      #expect(l < 0.5 * (try number(plain, "reconstruction")))
      #expect(l < (try number(known, "reconstruction")))
      #expect(l < (try number(known, "mean_image")))
      #expect(plain["L"] == nil)
      // The mean effect of the noise can be undone; a gate, which knows its share, finds more than
      // the model without both.
      #expect(try number(plain, "corrected") < 0.7 * (try number(plain, "reconstruction")))
      #expect(try number(errors("gated"), "L") < 0.7 * (try number(plain, "reconstruction")))
      let shares = try RunFolder("gated", in: folder).log().compactMap { $0["outliers"]?.number }
      #expect(shares.allSatisfy { (0.1...0.8).contains($0) } && !shares.isEmpty, "\(shares)")
      // No pixel of the background is bright in all new images: none began on the wrong side.
      try Tool.succeed("sample known --count 50 --out new.h5 --quiet", in: folder)
      let new = try File.open(folder.appending(path: "new.h5").path).dataset("/samples")
        .readAll(as: Float.self)
      for pixel in 0..<784 {
        let mean = (0..<50).reduce(Float(0)) { $0 + new[$1 * 784 + pixel] } / 50
        #expect(mean < 0.95, "pixel \(pixel)")
      }
      // What is estimated, or not followed, is told; a wrong SPEC is refused by every model.
      for (run, spec, words) in [
        ("plain", "salt-pepper:auto", "corrected: of salt-pepper:0.2"),
        ("known", "salt-pepper:0.25", "no row corrected"),
      ] {
        let told = try Tool.run(
          "evaluate \(run) --metrics mse --split test --undo \(spec)", ranks: 2, in: folder)
        #expect(told.status == 0 && told.errors.contains(words), "\(told)")
        let wrong = try Tool.run("evaluate \(run) --metrics mse --undo salt-pepper:9", in: folder)
        #expect(
          wrong.status == 64 && wrong.errors.contains("--undo: found salt-pepper:9"), "\(wrong)")
      }
      // Bounds are of the noisy images, as the likelihood is.
      let likelihoods = try #require(
        try Tool.document("evaluate known --metrics elbo,bound --split test --json", in: folder)[
          "metrics"])
      let elbo = try #require(likelihoods["elbo"]?.number)
      #expect(abs(try #require(likelihoods["bound"]?.number) - elbo) < 0.02 * abs(elbo))
      // What denoise writes is what was measured.
      try Tool.succeed("denoise known --split test --out l.h5 --quiet", in: folder)
      let images = try File.open(folder.appending(path: "l.h5").path).dataset("/L")
        .readAll(as: Float.self).map { $0 / 255 }
      let clean = try File.open(folder.appending(path: "d.h5").path).dataset("/test/clean")
        .readAll(as: Float.self).map { $0 / 255 }
      let squares = zip(images, clean).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      #expect(abs(squares / Double(clean.count) - l) < 2e-4)
      try Tool.succeed("denoise known --out look.png --quiet", in: folder)
      try drawsAreClean(in: folder)
    }
  }

  /// The mean of many draws is near L, draws differ, and any number of ranks writes the same.
  private func drawsAreClean(in folder: URL) throws {
    for ranks in [1, 3] {
      try Tool.succeed(
        "denoise known --split test --samples 20 --out k\(ranks).h5 --quiet", ranks: ranks,
        in: folder)
    }
    func values(_ file: String, _ name: String) throws -> [Float] {
      try File.open(folder.appending(path: file).path).dataset(name).readAll(as: Float.self)
    }
    for name in ["/draws", "/mean", "/deviation"] {
      #expect(try values("k1.h5", name) == values("k3.h5", name))
    }
    let (draws, mean) = (try values("k1.h5", "/draws"), try values("k1.h5", "/mean"))
    let deviation = try values("k1.h5", "/deviation")
    #expect(draws.count == 20 * mean.count)
    let (pixels, rows) = (784, mean.count / 784)
    var largest = 0.0
    for row in 0..<rows {
      for pixel in 0..<pixels {
        let of = (0..<20).map { Double(draws[(row * 20 + $0) * pixels + pixel]) / 255 }
        let average = of.reduce(0, +) / 20
        largest = max(largest, abs(average - Double(mean[row * pixels + pixel])))
        let variance = of.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 20
        largest = max(
          largest, abs(variance.squareRoot() - Double(deviation[row * pixels + pixel])))
      }
    }
    #expect(largest < 0.003)
    #expect(deviation.contains { $0 > 0.05 })
    let l = try values("l.h5", "/L").map { $0 / 255 }
    let apart = zip(l, mean).reduce(0.0) { $0 + Double(abs($1.0 - $1.1)) } / Double(mean.count)
    #expect(apart < 0.03)
    let refused = try Tool.run("denoise known --samples 3 --out many/ --quiet", in: folder)
    #expect(refused.status == 64 && refused.errors.contains("--samples"), "\(refused)")
  }

  static let refusals = [
    ("vae known_noise=circle:0.5", "found circle:0.5, expected noise whose density is known"),
    ("vae known_noise=gaussian:auto", "images show salt-pepper"),
    ("vae likelihood=gaussian known_noise=none", "expected noise, or bernoulli"),
    ("rvae known_noise=salt-pepper:0.25", "likelihood: found noise with model=rvae"),
    ("vae likelihood=bernoulli known_noise=salt-pepper:0.25", "expected likelihood=noise"),
    ("vae known_noise=salt-pepper:0.1+gaussian:0.1", "Gaussian noise first"),
    ("vae known_noise=salt-pepper:3", "expected salt-pepper:LEVEL with a level from 0.0 to 1.0"),
    ("vae known_noise=zero-mask:1", "expected noise that leaves something of the images"),
    ("vae known_noise=dead-pixels:0.1 patch=8", "expected whole images"),
    ("vae known_noise=salt-pepper:0.25 first=lpf", "expected one of both"),
  ]

  @Test(arguments: refusals, [1, 3]) func refuses(_ pair: (String, String), ranks: Int) throws {
    try withTemporaryFolder { folder in
      try prepare(in: folder)
      let run = try train(pair.0, "--out r", ranks: ranks, in: folder)
      #expect(run.status == 64, "\(run)")
      #expect(run.errors.contains(pair.1), "\(run)")
      #expect(run.errors.split(separator: "\n").count { $0.contains("expected") } == 1, "\(run)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "r").path))
    }
  }
}

import Foundation
import HDF5
import Images
import Models
import TestSupport
import Testing
import Training

/// The train command, and the commands that use a run.
@Suite(.serialized) struct RunCommandTests {
  /// A corrupted data set of 256 + 64 digits.
  private func prepare(_ folder: URL) throws {
    try Tool.succeed("synthesize digits --count 256 --test 64 --out clean.h5", in: folder)
    try Tool.succeed("corrupt clean.h5 d.h5 --noise salt-pepper:0.25", in: folder)
  }

  private func configuration(of run: String, in folder: URL) throws -> Configuration {
    let path = folder.appending(path: "\(run)/config.json")
    return try Configuration.load(json: String(contentsOf: path, encoding: .utf8))
  }

  @Test func aRunRemembersItsConfigurationAndCanBeRepeatedFromIt() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let run = try Tool.run("train demo --data d.h5 --out a \(tiny)", in: folder)
      #expect(run.status == 0, "\(run)")
      #expect(run.output.isEmpty)
      let kept = try configuration(of: "a", in: folder)
      let layers = kept.read(LayerSettings.self)
      #expect(layers.hidden == [16] && layers.decoderHidden == [16])
      #expect(kept.common.lanes.lanes == 8)
      #expect(kept.common.data.rows == 256 && kept.common.data.data.hasSuffix("/d.h5"))
      for assignment in kept.assignments {
        #expect(run.errors.contains(assignment), "\(assignment)")
      }
      #expect(run.errors.contains("1 rank on "))
      #expect(run.errors.contains("outer 2/2  epoch 2/2  step 8/8  loss "))
      #expect(!run.errors.contains("\r") && !run.errors.contains("\u{1B}"))

      try Tool.succeed("train a/config.json --out b --quiet", in: folder)
      #expect(try configuration(of: "b", in: folder) == kept)
      let digests = try ["a", "b"].map {
        try Tool.document("info \($0) --json --digest --verify", in: folder)["digests"]
      }
      #expect(digests[0] != nil && digests[0] == digests[1])
    }
  }

  @Test func aStoppedRunGoesOnAsIfNothingHadHappened() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let train = "train demo --data d.h5 \(tiny) --exact --quiet"
      try Tool.succeed("\(train) --out whole", in: folder)
      #expect(try Tool.run("\(train) --out cut --stop-after-step 3", in: folder).status == 75)
      let stopped = try Tool.document("info cut --json", in: folder)
      #expect(stopped["progress"]?["step"] == 3 && stopped["finished"] == false)
      try Tool.succeed("train --resume cut --quiet", ranks: 2, in: folder)
      let runs = try ["whole", "cut"].map {
        try Tool.document("info \($0) --json --digest", in: folder)
      }
      #expect(runs[0]["progress"]?["step"] == 8 && runs[1]["progress"]?["step"] == 8)
      #expect(runs[1]["digests"] != nil && runs[1]["digests"] == runs[0]["digests"])
      #expect(runs[1]["finished"] == true)
    }
  }

  /// No warning is left to print, even about a kernel too narrow for the processor.
  @Test func quietMeansQuiet() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let unwarned = "--blas-core auto --set collapse_kl=0 --set collapse_spread=0"
      let run = try Tool.run(
        "train demo --data d.h5 --out a \(tiny) --max-steps 3 --quiet \(unwarned)", in: folder)
      #expect(run.status == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run)")
    }
  }

  /// Settings that the model does not read, or for which the run is too short, are named once, on
  /// any number of ranks.
  @Test(arguments: [nil, 2]) func settingsWithoutEffectAreNamed(ranks: Int?) throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let run = try Tool.run(
        "train mnist-ric --data d.h5 --out a --set hidden=8 --set epochs=2 --set lambda=3 --quiet",
        ranks: ranks, in: folder)
      #expect(run.status == 0)
      for warning in [
        "warning: lambda=3: ric-vae does not read lambda, which is for rvae, rda",
        "warning: passes_from_epoch=30: none of the run's 2 epochs has more than one pass",
        "warning: residual_epsilon_epochs=30: none of the run's 2 epochs has residual_epsilon",
      ] {
        #expect(run.errors.components(separatedBy: warning).count == 2, "\(run)")
      }
      let plan = try Tool.run(
        "plan mnist-vae --data d.h5 --set hidden=8 --set samples=5", in: folder)
      #expect(plan.errors.contains("warning: samples=5: vae does not read samples"), "\(plan)")
    }
  }

  /// docs/systems.md, 8.5: bounds and likelihoods are the same on any number of ranks, to the last
  /// digit.
  ///
  /// There are more than two blocks of rows, and two and a half blocks of samples.
  @Test func boundsDoNotDependOnTheRanks() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed(
        "train mnist-diwae --data clean.h5 --out a --set hidden=16 --set latent=3 --set epochs=2 "
          + "--set rows=192 --set validate_every=1 --quiet", ranks: 2, in: folder)
      let evaluate =
        "evaluate a --data clean.h5 --split train --metrics bound,nll,bits --samples 250"
      let results = try [nil, 3].map {
        try Tool.document("\(evaluate) --json", ranks: $0, in: folder)["metrics"]
      }
      #expect(results[0] != nil && results[0] == results[1])
    }
  }

  /// The best checkpoint has the lowest loss, whether or not clean images are known; their error
  /// chooses only where it is asked for.
  @Test func theBestCheckpointIsChosenByTheLossUnlessAskedOtherwise() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let train = "train demo \(tiny) --set outer_iterations=4 --set keep_last=9 --quiet"
      try Tool.succeed("\(train) --data d.h5 --out loss", in: folder)
      try Tool.succeed("\(train) --data d.h5 --set best_by=clean_mse --out clean", in: folder)
      for (name, kind, member) in [("loss", "epoch", "loss"), ("clean", "outer", "mse")] {
        let run = RunFolder(name, in: folder)
        let lowest = try #require(
          run.log(kind).min {
            $0[member]?.number ?? .infinity < $1[member]?.number ?? .infinity
          }?["step"]?.number)
        let best = try FileManager.default.destinationOfSymbolicLink(
          atPath: run.path.appending(path: "checkpoints/best").path)
        #expect(best.hasSuffix("\(Int(lowest))"), "\(name): \(best)")
        let manifest = run.path.appending(path: "checkpoints/best/manifest.json")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        #expect(text.contains("\"score_of\" : \"\(name == "loss" ? "loss" : "clean_mse")\""))
      }
      for (words, expected) in [
        ("\(train) --data clean.h5 --set best_by=clean_mse", "clean.h5 has no clean images"),
        ("\(train) --data d.h5 --set best_by=clean_mse --set model=vae", "only rvae and rda"),
        ("\(train) --data d.h5 --set best_by=validation", "expected a validate_every above 0"),
      ] {
        let run = try Tool.run("\(words) --out refused", ranks: 2, in: folder)
        #expect(run.status == 64 && run.errors.contains("best_by: found "), "\(run)")
        #expect(run.errors.contains(expected), "\(run)")
        #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "refused").path))
      }
    }
  }

  @Test func aRunMarksItsCollapse() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      let run = try Tool.run(
        "train demo --data d.h5 --out a \(tiny) --set collapse_kl=100 --quiet", in: folder)
      #expect(run.errors.contains("warning: posterior collapse"), "\(run)")
      let info = try Tool.document("info a --json", in: folder)
      #expect(info["warnings"] == ["posterior_collapse"])
      #expect(try Tool.succeed("info a", in: folder).contains("MARKED: posterior collapse"))
    }
  }

  @Test func everyQuestionIsAnsweredOnAnyNumberOfRanks() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed("train demo --data d.h5 --out a \(tiny) --quiet", ranks: 2, in: folder)
      for (command, ending) in [
        ("denoise a", "h5"), ("denoise a --split test", "h5"), ("reconstruct a --split test", "h5"),
        ("reconstruct a", "png"),
        ("encode a --data clean.h5 --split test", "h5"), ("sample a --count 70", "h5"),
        ("sample a --count 70", "png"),
      ] {
        let name = command.replacing(" ", with: "-")
        for ranks in [1, 3] {
          let run = try Tool.run(
            "\(command) --out \(name)-\(ranks).\(ending)", ranks: ranks, in: folder)
          #expect(run.status == 0, "\(command) \(run)")
        }
        let compare = ending == "h5" ? "h5diff" : "cmp"
        let difference = try Run.command(
          compare, ["\(name)-1.\(ending)", "\(name)-3.\(ending)"], in: folder)
        #expect(difference.status == 0, "\(command) \(difference)")
      }
    }
  }

  @Test func anEvaluationHasTheNamesThatScriptsRelyOn() throws {
    try withTemporaryFolder { folder in
      try prepare(folder)
      try Tool.succeed("train demo --data d.h5 --out a \(tiny) --quiet", in: folder)
      let result = try Tool.document(
        "evaluate a --data d.h5 --metrics mse,psnr,elbo --json", ranks: 2, in: folder)
      #expect(result["split"] == "train" && result["rows"] == 256)
      for name in ["X", "reconstruction", "L"] {
        let error = try #require(result["metrics"]?["mse"]?[name]?.number)
        let ratio = try #require(result["metrics"]?["psnr"]?[name]?.number)
        #expect(abs(ratio + 10 * log10(error)) < 1e-9)
      }
      #expect(try #require(result["metrics"]?["elbo"]?.number) < 0)
      #expect(
        result["notes"]?["psnr"] == "of the mean mse of all images, not the mean of their psnr")
      let text = try Tool.succeed("evaluate a --metrics psnr", in: folder)
      #expect(text.contains("\npsnr: of the mean mse of all images"), "\(text)")
      let other = try Tool.document("evaluate a --split test --metrics mse --json", in: folder)
      for name in ["L", "X-S", "repaired", "mean_image", "median_3x3", "median_5x5"] {
        #expect(try #require(other["metrics"]?["mse"]?[name]?.number) > 0)
      }
      let once = try Tool.document(
        "evaluate a --split test --metrics mse --rounds 1 --json", in: folder)
      #expect(
        once["metrics"]?["mse"]?["L"]?.number == once["metrics"]?["mse"]?["reconstruction"]?.number)
      let bad = try Tool.run("denoise a --split test --rounds 0 --out l.h5", in: folder)
      #expect(bad.status == 64 && bad.errors.contains("--rounds"), "\(bad)")
    }
  }

  /// Noise of training is added to clean images, but not again to the images of a corrupted file.
  @Test func noiseIsNotAddedTwice() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 256 --test 0 --out clean.h5", in: folder)
      try Tool.succeed("corrupt clean.h5 d.h5 --noise gaussian:0.5", in: folder)
      try Tool.succeed(
        "train mnist-dae --data clean.h5 --out a --set rows=null --set hidden=16 "
          + "--set decoder_hidden=16 --set noise=gaussian:0.5 --max-steps 3 --quiet", in: folder)
      for data in ["clean.h5", "d.h5"] {
        let result = try Tool.document("evaluate a --data \(data) --metrics mse --json", in: folder)
        let error = try #require(result["metrics"]?["mse"]?["X"]?.number)
        #expect(abs(error - 0.25) < 0.01, "\(data) \(error)")
      }
      try BadInput(
        "evaluate a --data clean.h5 --metrics mse,nll", "nll, which dae does not have", 64
      ).expectFailure(ranks: 2, in: folder)
      try Tool.succeed("evaluate a --data clean.h5", in: folder)
    }
  }

  /// The corrupted pictures of a denoising run are its model's inputs.
  @Test func picturesShowTheNoiseOfTraining() throws {
    try withTemporaryFolder { folder in
      try Tool.succeed("synthesize digits --count 64 --test 0 --out clean.h5", in: folder)
      for noise in ["none", "gaussian:0.5"] {
        try Tool.succeed(
          "train mnist-dae --data clean.h5 --out \(noise) --set rows=null --set hidden=16 "
            + "--set decoder_hidden=16 "
            + "--set noise=\(noise) --set epochs=1 --set grid_every=1 --quiet", in: folder)
      }
      let pixels: [UInt8] = try File.open(folder.appending(path: "clean.h5").path)
        .dataset("/train/images").readAll()
      // Row 6 is the second that all pictures show.
      let image = Array(pixels[6 * 784..<7 * 784])
      func places(_ run: String) throws -> Int {
        try PNG.read(folder.appending(path: "\(run)/images/epoch-001.png").path)
          .places(of: image, height: 28, width: 28, zoom: 5).count
      }
      // Without noise it is X; with noise it is the clean image beside X.
      #expect(try places("none") == 1)
      #expect(try places("gaussian:0.5") == 1)
      let titles = try ["none", "gaussian:0.5"].map {
        try PNG.read(folder.appending(path: "\($0)/images/epoch-001.png").path).width
      }
      #expect(titles[1] > titles[0], "a column of clean images")
    }
  }
}

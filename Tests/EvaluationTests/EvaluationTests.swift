import Checkpoints
import Datasets
import Foundation
import HDF5
import Images
import Layers
import MPI
import Models
import Runs
import TestSupport
import Testing
import Training

@testable import Evaluation

/// Evaluations of a small robust VAE trained on generated digits.
@Suite("Trained models")
struct EvaluationTests {
  private static let rows = 96

  /// A run in `folder` on 96 digits with a tenth of the pixels flipped, and its data.
  private func run(
    in folder: URL, _ settings: [String] = []
  ) throws -> (trained: TrainedModel, data: ImageSet) {
    let clean = folder.appending(path: "digits.h5").path
    let noisy = folder.appending(path: "noisy.h5").path
    try SyntheticDigits.write(count: Self.rows, test: 40, seed: 1, to: clean)
    try CorruptImages.run(
      input: clean, output: noisy, noise: .saltPepper(0.1), seed: 2, force: false)
    let data = try ImageSet.open(noisy)
    var c = Configuration()
    for setting in [
      "model=rvae", "hidden=16", "latent=3", "batch=32", "outer_iterations=2", "inner_epochs=2",
      "grid_every=0",
    ] + settings { try c.set(setting) }
    try c.set("data=\(data.path)")
    let directory = RunDirectory(folder.appending(path: "run").path)
    _ = try TrainingRun.start(c, on: data, in: directory, world: .alone())
    return (try TrainedModel(run: directory, on: .alone()), data)
  }

  private func metrics(_ names: String...) throws -> [any Metric.Type] {
    try names.map { try #require(MetricCatalogue.metric($0)) }
  }

  private func value(_ result: EvaluationResult, _ metric: String, _ name: String = "") -> Double? {
    result[metric].first { $0.of == name }?.value
  }

  private func meanSquaredError(_ a: [Float], _ b: [Float]) -> Double {
    zip(a, b).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) } / Double(a.count)
  }

  /// The bound is minus the evidence lower bound of the same draws; many samples bring it nearer to
  /// the likelihood.
  @Test func boundsAndLikelihoods() throws {
    try withTemporaryFolder { folder in
      let settings = ["model=dvae", "binarize=once", "noise=bernoulli:0.1", "epochs=3", "batch=8"]
      let (trained, data) = try run(in: folder, settings)
      var options = Evaluation.Options()
      try options.metrics.set(NegativeLogLikelihood.samples, "200")
      let evaluation = try Evaluation(trained, on: data, options: options, world: .alone())
      let result = try evaluation.run(metrics("bound", "nll", "bits", "kl"))
      let bound = try #require(value(result, "bound")), nll = try #require(value(result, "nll"))
      #expect(nll < bound && nll > 50 && bound < 500)
      let error = try #require(value(result, "nll_standard_error"))
      #expect(error > 0 && error < 50)
      let (least, median) = (
        try #require(value(result, "nll_ess_smallest")),
        try #require(value(result, "nll_ess_median"))
      )
      #expect(least >= 1 && least <= median && median <= 200)
      #expect(result.warnings.contains { $0.hasPrefix("nll: ") } == (least < 10))
      let bits = try #require(value(result, "bits"))
      #expect(abs(bits - nll / (784 * log(2))) < 1e-9)
      try options.metrics.set(LikelihoodBound.corrupted)
      options.rows = 40
      let noisy = try Evaluation(trained, on: data, options: options, world: .alone())
        .run(metrics("bound"))
      #expect(noisy.rows == 40 && value(noisy, "bound") != bound)
    }
  }

  /// D-26: a density is reported unchanged, or negated as in the paper.
  @Test func boundOfADensityMayBeNegated() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder, ["model=dvae", "likelihood=gaussian", "epochs=1"])
      var options = Evaluation.Options()
      let plain = try Evaluation(trained, on: data, options: options, world: .alone()).run(
        metrics("bound"))
      try options.metrics.set(LikelihoodBound.negated)
      let negated = try Evaluation(trained, on: data, options: options, world: .alone())
        .run(metrics("bound"))
      #expect(try #require(value(plain, "bound")) == -(try #require(value(negated, "bound"))))
    }
  }

  @Test func errorsAreThoseOfTheWrittenFilesAgainstTheCleanImages() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let result = try Evaluation(trained, on: data, world: .alone()).run(metrics("mse", "psnr"))
      let clean = try #require(data.clean).values(0..<Self.rows)
      let x = try #require(value(result, "mse", "X"))
      #expect(abs(x - meanSquaredError(data.values(0..<Self.rows), clean)) < 1e-7)
      #expect(result.rows == Self.rows && result.reference == "clean")

      let outputs = Outputs(trained, force: false, world: .alone())
      let reconstructed = folder.appending(path: "r.h5").path
      try outputs.reconstruct(data, to: reconstructed)
      let r = try File.open(reconstructed).dataset("/reconstructions")
      #expect(r.shape == [Self.rows, 28, 28, 1])
      let error = try #require(value(result, "mse", "reconstruction"))
      #expect(abs(error - meanSquaredError(try r.readAll(), clean)) < 1e-6)

      let denoised = folder.appending(path: "d.h5").path
      try outputs.denoise(data, to: denoised)
      let file = try File.open(denoised)
      let l: [UInt8] = try file.dataset("/L").readAll()
      let ofL = meanSquaredError(l.map { Float($0) / 255 }, clean)
      let expected = try #require(value(result, "mse", "L"))
      // L is written in 8 bits: it is off by half a grey level at most.
      #expect(abs(ofL - expected) < 2 * (0.5 / 255) * expected.squareRoot() + 1e-5)
      #expect(abs(expected - error) > 1e-6)
      let decibel = try #require(value(result, "psnr", "L"))
      #expect(abs(decibel + 10 * log10(expected)) < 1e-9)
      #expect(result.notes.map(\.name) == ["psnr"])
    }
  }

  /// L of the rows trained on is the L of Algorithm 1, whose error the log has, and S + L + R = X.
  @Test(arguments: [("rvae", "float32"), ("rda", "float32"), ("rvae", "compact")])
  func cleanPartIsTheOneThatTheSplitWasMadeFrom(model: String, storage: String) throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder, ["model=\(model)", "split_storage=\(storage)", "grid_every=1"])
      let logged = try #require(
        trained.checkpoint.contents().history["mse"]?.last?.value)
      let result = try Evaluation(trained, on: data, world: .alone()).run(metrics("mse"))
      let ofL = try #require(value(result, "mse", "L"))
      // 8-bit R is off by half of a step of t / 127 at most.
      let step = storage == "compact" ? Double(trained.threshold) / 254 : 0
      #expect(abs(ofL - logged) < 2 * step * logged.squareRoot() + 1e-7, "\(ofL), \(logged)")

      let explainer = try Explainer(trained, images: data, usesSparsePart: true)
      #expect(explainer.cleanPart == .stored)
      let l = try explainer.split(0..<Self.rows).l
      let (s, r) = try (
        trained.checkpoint.read("S", rows: 0..<Self.rows),
        trained.checkpoint.read("R", rows: 0..<Self.rows)
      )
      var farthest: Float = 0
      for (i, x) in data.values(0..<Self.rows).enumerated() {
        farthest = max(farthest, abs(x - l[i] - s[i] - r[i]))
      }
      #expect(farthest < 1e-6 + Float(step), "\(farthest)")
      // The picture of the last iteration shows it.
      let drawn = try PNG.read(folder.appending(path: "run/images/outer-002.png").path)
      for row in SplitSheet.pinned(of: Self.rows) {
        let image = l[row * 784..<(row + 1) * 784].map(ImageGrid.byte)
        #expect(!drawn.places(of: image, height: 28, width: 28, zoom: 5).isEmpty, "row \(row)")
      }
      // Another pass through the model gives another image.
      let again = try Explainer(trained, images: data, usesSparsePart: false)
      #expect(again.cleanPart == .iterated(rounds: FrozenSplit.usualRounds))
      #expect(try again.split(0..<Self.rows).l != l)
    }
  }

  /// Before the first split S and R are 0, and X - S - R would be the dirty image.
  @Test func beforeTheFirstSplitTheModelExplainsX() throws {
    try withTemporaryFolder { folder in
      let (_, data) = try run(in: folder)
      let path = folder.appending(path: "early").path
      var c = Configuration()
      for setting in ["model=rvae", "hidden=16", "latent=3", "batch=32", "grid_every=0"] {
        try c.set(setting)
      }
      try c.set("data=\(data.path)")
      _ = try TrainingRun.start(
        c, on: data, in: RunDirectory(path), limits: TrainingLimits(maxSteps: 4), world: .alone())
      let trained = try TrainedModel(run: RunDirectory(path), on: .alone())
      let explainer = try Explainer(trained, images: data, usesSparsePart: true)
      #expect(explainer.cleanPart == .unsplit)
      let l = try explainer.split(0..<8).l
      let expected = explainer.reconstruction(of: explainer.input(0..<8)).values
      for (a, b) in zip(l, expected) { #expect(abs(a - b) < 1e-6) }
    }
  }

  /// Earlier manifests call the variance of `ic-affine-em` R; it is no rest of X - L - S.
  @Test func theFormerVarianceIsNotTakenForTheRest() throws {
    try withTemporaryFolder { folder in
      let fixture = URL(filePath: TestData.golden("old-run"))
      for name in ["ic-affine-em", "digits.h5"] {
        try FileManager.default.copyItem(
          at: fixture.appending(path: name), to: folder.appending(path: name))
      }
      let data = try ImageSet.open(folder.appending(path: "digits.h5").path)
      let run = RunDirectory(folder.appending(path: "ic-affine-em").path)
      let trained = try TrainedModel(run: run, on: .alone())
      #expect(trained.checkpoint.manifest.rowLayout?.arrays.map(\.name) == ["S", "R"])
      let explainer = try Explainer(trained, images: data, usesSparsePart: true)
      #expect(explainer.cleanPart == .explained)
    }
  }

  @Test func denoisingWritesTheRunsOwnSForItsRowsAndFindsItForOthers() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let outputs = Outputs(trained, force: false, world: .alone())
      let own = folder.appending(path: "own.h5").path
      try outputs.denoise(data, to: own)
      let s: [Float] = try File.open(own).dataset("/S").readAll()
      #expect(try s == trained.checkpoint.read("S", rows: 0..<Self.rows))
      #expect(s.contains { $0 != 0 })

      let test = try ImageSet.open(data.path, split: "test")
      let other = folder.appending(path: "other.h5").path
      try outputs.denoise(test, to: other)
      let file = try File.open(other)
      let (l, t): ([UInt8], Float) = (try file.dataset("/L").readAll(), trained.threshold)
      let sparse: [Float] = try file.dataset("/S").readAll()
      #expect(t > 0 && sparse.count == 40 * 784)
      for (i, x) in test.values(0..<40).enumerated() {
        let difference = x - Float(l[i]) / 255
        let expected = max(abs(difference) - t, 0) * (difference < 0 ? -1 : 1)
        #expect(abs(sparse[i] - expected) < 0.5 / 255 + 1e-5)
      }
      #expect(try file.stringAttribute("split", on: "/") == "test")
    }
  }

  /// New images go through Algorithm 1 with frozen weights, each until it rests.
  @Test func newImagesAreSplitByRounds() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let test = try ImageSet.open(data.path, split: "test")
      let model = try trained.encoder()
      let (x, t) = (test.values(0..<40), trained.threshold)
      /// The rounds by hand, of all images together.
      func rounds(_ count: Int) -> (l: [Float], s: [Float]) {
        let step = Step(seed: 1)
        var (l, s) = (x, x.map { _ in Float(0) })
        for _ in 0..<count {
          (0..<40).map(Int32.init).withUnsafeBufferPointer {
            step.begin(rows: $0, dimensions: 784, purpose: .evaluation, time: 0) {
              for i in x.indices { $0[i] = x[i] - s[i] }
            }
          }
          l = model.reconstruct(step.target, step, sampling: false).values
          s = zip(x, l).map { x, l in max(abs(x - l) - t, 0) * (x < l ? -1 : 1) }
        }
        return (l, s)
      }
      func farthest(_ a: [Float], _ b: [Float]) -> Float {
        zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
      }
      func found(_ limit: Int) throws -> (l: [Float], s: [Float]) {
        try Explainer(trained, images: test, usesSparsePart: false, rounds: limit).split(0..<40)
      }
      for count in [1, 2, 3] {
        let (expected, result) = (rounds(count), try found(count))
        #expect(farthest(expected.l, result.l) < 1e-5, "\(count)")
        #expect(farthest(expected.s, result.s) < 1e-5, "\(count)")
      }
      // Images rest one by one: the result is near that of many rounds, and another than one
      // round's.
      let (last, rested) = (rounds(200), try found(200))
      #expect(farthest(last.l, rested.l) < 0.005)
      #expect(farthest(rounds(1).l, rested.l) > 0.01)

      let result = try Evaluation(trained, on: test, world: .alone()).run(metrics("mse"))
      let clean = try #require(test.clean).values(0..<40)
      let usual = try found(FrozenSplit.usualRounds)
      let ofL = try #require(value(result, "mse", "L"))
      #expect(abs(ofL - meanSquaredError(usual.l, clean)) < 1e-6)
      let repaired = zip(x, usual.l).map { x, l in
        x - min(max((abs(x - l) - t) / t, 0), 1) * (x - l)
      }
      let ofRepaired = try #require(value(result, "mse", "repaired"))
      #expect(abs(ofRepaired - meanSquaredError(repaired, clean)) < 1e-6)
      let mean = (0..<784).map { j in (0..<40).reduce(Float(0)) { $0 + clean[$1 * 784 + j] } / 40 }
      let ofMean = try #require(value(result, "mse", "mean_image"))
      #expect(abs(ofMean - meanSquaredError(clean.indices.map { mean[$0 % 784] }, clean)) < 1e-6)
    }
  }

  /// Hidden pixels do not count, and have no S.
  @Test func hiddenPixelsAreFilledByTheModel() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let split = FrozenSplit(
        by: try trained.encoder(), dimensions: 784,
        shrinkage: Shrinkage(.soft, threshold: trained.threshold, channels: 1), rounds: 200, seed: 1
      )
      var x = data.values(0..<8)
      let hidden = x.indices.map { UInt8($0 % 5 == 0 ? 1 : 0) }
      func result() -> (l: [Float], s: [Float]) {
        var (l, s) = (x, x)
        split.run(0..<8, x, hidden: hidden, l: &l, s: &s)
        return (l, s)
      }
      let first = result()
      for i in x.indices where hidden[i] == 1 { x[i] = 0.5 }
      let second = result()
      #expect(zip(first.l, second.l).allSatisfy { abs($0 - $1) < 0.005 })
      #expect(zip(hidden, second.s).allSatisfy { $0 == 0 || $1 == 0 })
      #expect(second.s.contains { $0 != 0 })
    }
  }

  @Test func samplesAreAFunctionOfTheirSeedAndNumber() throws {
    try withTemporaryFolder { folder in
      let (trained, _) = try run(in: folder)
      let whole = try Sampler(trained, seed: 3).samples(0..<20).values
      let part = try Sampler(trained, seed: 3).samples(10..<20).values
      for (a, b) in zip(whole[7840...], part) { #expect(abs(a - b) < 1e-6) }
      #expect(try Sampler(trained, seed: 4).samples(0..<20).values != whole)
      #expect(whole.allSatisfy { (0...1).contains($0) })
    }
  }

  @Test func boundAndSpreadAreThoseOfTheModel() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let result = try Evaluation(trained, on: data, world: .alone()).run(
        metrics("elbo", "kl", "spread"))
      let (elbo, kl) = (try #require(value(result, "elbo")), try #require(value(result, "kl")))
      #expect(kl >= 0 && elbo < -kl)
      #expect(elbo > -784 * log(2) * 1.5)
      #expect(try #require(value(result, "spread")) >= 0)
    }
  }

  @Test func encodingWritesMeansAndLogVariances() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder)
      let path = folder.appending(path: "codes.h5").path
      try Outputs(trained, force: false, world: .alone()).encode(data, to: path)
      let file = try File.open(path)
      #expect(try file.dataset("/mean").shape == [Self.rows, 3])
      #expect(try file.dataset("/log_variance").shape == [Self.rows, 3])
      let means: [Float] = try file.dataset("/mean").readAll()
      let explainer = try Explainer(trained, images: data, usesSparsePart: false)
      let codes = explainer.codes(5..<6).mean.values
      for (a, b) in zip(means[15..<18], codes) { #expect(abs(a - b) < 1e-5) }
    }
  }

  /// X44: a box of one pixel is the identity, whose error to X is 0, and that to the clean images
  /// the error of X.
  @Test func identityHasNoError() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder, ["model=lpf", "kernel_side=1"])
      let noisy = try Evaluation(trained, on: data, world: .alone()).run(metrics("mse"))
      let error = try #require(value(noisy, "mse", "X"))
      #expect(error > 0.05 && value(noisy, "mse", "reconstruction") == error)
      let clean = try Evaluation(trained, on: #require(data.clean), world: .alone())
        .run(metrics("mse"))
      #expect(value(clean, "mse", "reconstruction") == 0)
    }
  }

  /// X44: without clipping, Gaussian noise of standard deviation s has squared error s²; corrupted
  /// images get no noise.
  @Test func inputErrorOfADenoisingModelIsTheVarianceOfItsNoise() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder,
        ["model=daae", "epochs=1", "noise=gaussian:0.5", "hidden=8", "discriminator_hidden=8"])
      let clean = try #require(data.clean)
      func inputError(_ images: ImageSet) throws -> Double {
        try #require(
          value(Evaluation(trained, on: images, world: .alone()).run(metrics("mse")), "mse", "X"))
      }
      #expect(abs(try inputError(clean) - 0.25) < 0.01)
      let corruption = meanSquaredError(
        data.values(0..<Self.rows), clean.values(0..<Self.rows))
      #expect(abs(try inputError(data) - corruption) < 1e-6)
    }
  }

  /// Standard errors over images: that of the KL by its closed form, those of others where they are
  /// wanted.
  @Test func standardErrors() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(in: folder, ["model=vae", "epochs=2"])
      let names = ["mse", "psnr", "elbo", "kl", "spread", "hidden", "planted"]
      let result = try Evaluation(trained, on: data, world: .alone())
        .run(names.map { try #require(MetricCatalogue.metric($0)) })
      for name in names {
        let errors = result["\(name)_standard_error"].map(\.value)
        #expect(errors.contains { $0 > 0 && $0.isFinite }, "\(name): \(errors)")
      }
      let code = try Explainer(trained, images: data, usesSparsePart: false).codes(0..<Self.rows)
      let (means, logs) = (code.mean.values, try #require(code.logVariance).values)
      let kl = (0..<Self.rows).map { row in
        (3 * row..<3 * row + 3).reduce(0.0) { sum, i in
          let (mean, log) = (Double(means[i]), Double(logs[i]))
          return sum + (mean * mean + exp(log) - 1 - log) / 2
        }
      }
      let n = Double(kl.count)
      let mean = kl.reduce(0, +) / n
      let error = (kl.reduce(0) { $0 + pow($1 - mean, 2) } / n / (n - 1)).squareRoot()
      #expect(abs(try #require(value(result, "kl")) / mean - 1) < 1e-4)
      #expect(abs(try #require(value(result, "kl_standard_error")) / error - 1) < 1e-3)
    }
  }

  /// Binary images count as clean, so they get their noise of training.
  @Test func binaryImagesGetTheNoiseOfTraining() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder, ["model=dvae", "binarize=once", "noise=bernoulli-balanced:0.4", "epochs=1"])
      let clean = try #require(data.clean)
      let result = try Evaluation(trained, on: clean, world: .alone()).run(metrics("mse"))
      // Half of the replaced pixels keep their value.
      #expect(abs(try #require(value(result, "mse", "X")) - 0.2) < 0.01)
    }
  }

  /// C9: the rates come from the training rows, for any images.
  @Test func meanImageNoiseIsThatOfTheTrainingRows() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder,
        [
          "model=daae", "epochs=1", "noise=mean-image", "static_noise=mean-image", "rows=64",
          "hidden=8", "discriminator_hidden=8",
        ])
      let rates = data.meanImage(of: 0..<64)
      #expect(rates != data.meanImage(of: 0..<Self.rows))
      let seen = data.corrupted(
        by: Corruption.meanImage.knowing(meanImage: rates),
        seed: trained.configuration.common.lanes.seed, rows: 0..<data.count)
      #expect(try trained.seen(data).values(0..<64) == seen.values(0..<64))
      // A chain needs the noise, and no images except the run's own.
      let sampler = try Sampler(trained, seed: 1, chain: 2)
      #expect(sampler.samples(0..<5).values.allSatisfy { $0.isFinite })
      let result = try Evaluation(trained, on: data, world: .alone()).run(metrics("mse", "spread"))
      #expect(
        result.metrics.map(\.name)
          == ["mse", "mse_standard_error", "spread", "spread_standard_error"])
    }
  }

  /// A squared error is not a likelihood.
  @Test func squaredErrorsHaveNoEvidenceBound() throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder, ["model=vae", "epochs=1", "reconstruction_term=mse"])
      let result = try Evaluation(trained, on: data, world: .alone()).run(metrics("elbo", "kl"))
      #expect(result.metrics.map(\.name) == ["kl", "kl_standard_error"])
    }
  }

  /// A density of grey values is a likelihood, unlike Bernoullis of them, and a remark says which.
  @Test(arguments: ["bce", "laplace", "student_t"]) func theRemarkOnABoundIsThatOfItsLoss(
    term: String
  ) throws {
    try withTemporaryFolder { folder in
      let (trained, data) = try run(
        in: folder, ["model=vae", "epochs=1", "reconstruction_term=\(term)"])
      let result = try Evaluation(trained, on: data, world: .alone()).run(metrics("elbo"))
      #expect(result.metrics.map(\.name) == ["elbo", "elbo_standard_error"])
      let remarks = result.remarks.filter { $0.hasPrefix("elbo: ") }
      #expect(remarks.count == 1)
      #expect(remarks.first?.contains("by a density of pixel values") == (term != "bce"))
    }
  }

  @Test func imagesOfAnotherShapeAreRefused() throws {
    try withTemporaryFolder { folder in
      let (trained, _) = try run(in: folder)
      let other = ImageSet(
        bytes: [0, 0, 0, 0], shape: ImageShape(height: 2, width: 2, channels: 1))
      #expect(throws: RunError.self) {
        _ = try Evaluation(trained, on: other, world: .alone())
      }
    }
  }
}

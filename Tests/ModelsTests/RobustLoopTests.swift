import Datasets
import Testing

@testable import Models
@testable import Training

@Suite("The outer loop of robust models")
struct RobustLoopTests {
  private static let short = ["model=rvae", "outer_iterations=3", "inner_epochs=2"]

  private func fitted(_ settings: String...) throws -> (SmallTraining, RunOutcome) {
    let run = try SmallTraining(Self.short + settings)
    return (run, try run.fit())
  }

  /// X7, X16: with lambda = inf S stays 0 and every inner fit sees X.
  ///
  /// The weights then are those of a VAE (an AE) trained for as many epochs, with shuffled rows and
  /// fresh noise too.
  @Test(
    arguments: [("rvae", "vae"), ("rda", "ae")],
    [[], ["shuffle=true", "noise=gaussian:0.2"], ["exact=true"]])
  func withoutASparsePartItIsThePlainModel(models: (String, String), settings: [String]) throws {
    let settings = settings + ["model=\(models.0)"]
    let robust = try SmallTraining(Self.short + ["lambda=inf"] + settings)
    #expect(try robust.fit() == .finished)
    let plain = try SmallTraining(settings + ["model=\(models.1)", "epochs=6"])
    #expect(try plain.fit() == .finished)
    #expect(robust.trainer.progress.outer == 3)
    #expect(robust.trainer.progress.step == 18 && plain.trainer.progress.step == 18)
    #expect(robust.s.allSatisfy { $0 == 0 })
    #expect(bits(robust.weights) == bits(plain.weights))
    let sparse = try SmallTraining(Self.short + ["lambda=2"] + settings)
    _ = try sparse.fit()
    #expect(sparse.s.contains { $0 != 0 })
    #expect(bits(sparse.weights) != bits(plain.weights))
  }

  /// c1 and c2 are the norms of the projection, relative to the norm of X; c2 also has its weight.
  @Test(arguments: ["code", "paper"]) func measuresOfConvergence(weight: String) throws {
    let (run, _) = try fitted("outer_iterations=1", "lambda=2", "c2_weight=\(weight)")
    let loop = try #require(run.session.loop as? RobustLoop)
    let norms = try run.trainer.rows.norms()
    let factor = loop.shrinkage(norms, elements: run.x.count).weight
    #expect(abs(norms.frobenius - norm(run.x)) < 1e-6 * norms.frobenius)
    let (c1, c2) = (
      try #require(run.session.history.latest("c1")), try #require(run.session.history.latest("c2"))
    )
    let sum = norm(zip(run.x, run.r).map { $0 - $1 })
    #expect(abs(c1 - norm(run.r) / norm(run.x)) < 1e-6)
    #expect(abs(c2 - factor * sum / norm(run.x)) < 1e-5)
    #expect(weight == "paper" ? factor == 1 : factor > 1.2)
    let l1 = run.s.reduce(0.0) { $0 + Double(abs($1)) }
    #expect(abs(try #require(run.session.history.latest("lambda_l1")) - 2 * l1) < 1e-3)
  }

  /// D-02: with lambda = 0, L + S is always X, so c1 is 0 at once and c2 from the second iteration
  /// on.
  @Test func eitherMeasureStopsOrBothDo() throws {
    let (either, early) = try fitted("lambda=0", "stop_rule=either")
    #expect(early == .converged && either.trainer.progress.outer == 1)
    let (both, late) = try fitted("lambda=0", "stop_rule=both")
    #expect(late == .converged && both.trainer.progress.outer == 2)
    let (loose, stopped) = try fitted("lambda=0", "stop_rule=both", "tolerance=100")
    #expect(stopped == .converged && loose.trainer.progress.outer == 1)
  }

  /// D-02, only c2 small: if nothing is learnt and codes are not drawn, the second projection
  /// repeats the first.
  @Test func anUnchangedSparsePartStops() throws {
    let still = ["lambda=inf", "learning_rate=1e-30", "project_with=mean"]
    let either = try SmallTraining(Self.short + still + ["stop_rule=either"])
    #expect(try either.fit() == .converged)
    #expect(either.trainer.progress.outer == 2 && either.session.history.latest("c2") == 0)
    let both = try SmallTraining(Self.short + still + ["stop_rule=both"])
    #expect(try both.fit() == .finished)
    #expect(both.trainer.progress.outer == 3)
  }

  /// D-06: moments and step counts stay, unless every outer iteration resets them.
  @Test func optimizerStateLivesOnUnlessReset() throws {
    let (kept, _) = try fitted("lambda=inf")
    let (reset, _) = try fitted("lambda=inf", "reset_optimizer=true")
    #expect(kept.trainer.optimizers[0].step == 18 && reset.trainer.optimizers[0].step == 6)
    let plain = try SmallTraining(["model=vae", "epochs=6"])
    for epochs in [2, 4, 6] {
      plain.trainer.resetOptimizers()
      #expect(try plain.session.train(epochs: epochs))
    }
    #expect(bits(reset.weights) == bits(plain.weights))
    #expect(bits(reset.weights) != bits(kept.weights))
  }

  /// D-07: L decodes a draw of q(z|X - S), or its mean.
  @Test(arguments: ["sample", "mean"]) func projectionDecodesWhatItIsToldTo(code: String) throws {
    let (run, _) = try fitted("outer_iterations=1", "lambda=2", "project_with=\(code)")
    let (x, s, r) = (run.x, run.s, run.r)
    let l = x.indices.map { x[$0] - s[$0] - r[$0] }
    // S was 0 when the projection encoded.
    run.setSparse { _ in 0 }
    let sampled = run.reconstructions(time: 0, sampling: true)
    let mean = run.reconstructions(time: 0, sampling: false)
    let (right, wrong) = code == "sample" ? (sampled, mean) : (mean, sampled)
    #expect(norm(zip(l, right).map { $0 - $1 }) < 1e-5)
    #expect(norm(zip(l, wrong).map { $0 - $1 }) > 0.1)
  }

  /// A step trains on L = X - S: with S = X - L, its input is L.
  @Test func innerEpochsTrainOnXLessS() throws {
    let robust = try SmallTraining(["model=rvae"])
    robust.setSparse { $0 % 5 == 0 ? 0.03125 : 0 }
    let x = robust.x
    let l = zip(x, robust.s).map { $0 - $1 }
    let plain = try SmallTraining(
      ["model=vae"], images: ImageSet(floats: l, shape: robust.trainer.images.shape))
    for _ in 0..<5 {
      try robust.trainer.trainStep()
      try plain.trainer.trainStep()
    }
    #expect(bits(robust.weights) == bits(plain.weights))
  }

  /// X16: beta = 1 is the VAE; beta = 0 leaves only the reconstruction term, and the KL grows.
  @Test func betaOneIsTheVAE() throws {
    let runs = try ["beta=1", "latent=3", "beta=0"].map {
      let run = try SmallTraining(["model=vae", "epochs=6", $0])
      _ = try run.fit()
      return run
    }
    #expect(bits(runs[0].weights) == bits(runs[1].weights))
    #expect(bits(runs[0].weights) != bits(runs[2].weights))
    let (one, zero) = (runs[0].session.history, runs[2].session.history)
    #expect(zero.latest("epoch/loss") == zero.latest("epoch/reconstruction"))
    let parts = try ["loss", "reconstruction", "kl"].map {
      try #require(one.latest("epoch/\($0)"))
    }
    #expect(abs(parts[0] - parts[1] - parts[2]) < 1e-5)
    #expect(try #require(zero.latest("epoch/kl")) > parts[2])
  }
}

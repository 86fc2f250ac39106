import TestSupport
import Testing

@testable import Models
@testable import Training

@Suite("Warnings of collapse")
struct CollapseTests {
  private func warned(_ run: RecordedRun) throws -> [String] {
    try run.checkpoint().progress().values.keys.filter { $0.hasPrefix("warning_") }.sorted()
  }

  /// The run warns once when a collapse begins, not at every epoch, and again when it returns after
  /// an end.
  @Test func posteriorCollapseComesAndGoes() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(folder.appending(path: "run"), ["model=vae"])
      try run.go("epochs=2", "collapse_kl=1e9")
      #expect(run.warnings.count == 1)
      #expect(run.warnings[0].hasPrefix("posterior collapse: the KL is "))
      #expect(try warned(run) == ["warning_posterior_collapse"])
      let line = try #require(try run.log("warning").first)
      #expect(line.contains("\"warning\": \"posterior_collapse\"") && line.contains("\"step\": 3"))
      try run.go("epochs=3", "collapse_kl=1e9")
      #expect(run.warnings.count == 1)
      try run.go("epochs=4", "collapse_kl=0")
      #expect(try warned(run).isEmpty)
      try run.go("epochs=5", "collapse_kl=1e9")
      #expect(run.warnings.count == 2)
      #expect(try run.log("warning").count == 2)
      #expect(try warned(run) == ["warning_posterior_collapse"])
    }
  }

  @Test func aHealthyRunIsNotWarnedOf() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"), ["model=vae", "activation=relu", "epochs=60", "beta=0.1"])
      try run.go("collapse_kl=0.01")
      #expect(try warned(run).isEmpty)
    }
  }

  /// No warning names a setting that the model does not have, or already has.
  @Test(arguments: [
    ("rvae", [], CollapseWarning.posteriorCollapse, "before the first split"),
    ("rda", [], .constantOutput, "activation=relu"),
    ("vae", [], .posteriorCollapse, "beta below 1"), ("dvae", [], .posteriorCollapse, "beta"),
    ("diwae", [], .posteriorCollapse, "less noise"),
    ("iwae", [], .posteriorCollapse, "more epochs"),
    ("idaae", [], .constantOutput, "learning_rate"),
    ("gan", ["generator_loss=saturating"], .discriminatorWon, "non_saturating"),
    ("aae", ["generator_loss=saturating"], .discriminatorWon, "non_saturating"),
    ("aae", [], .discriminatorWon, "learning_rate"),
  ])
  func theCureFits(
    model: String, settings: [String], warning: CollapseWarning, words: String
  ) throws {
    var c = Configuration()
    for setting in ["model=\(model)"] + settings { try c.set(setting) }
    let cure = c.cure(of: warning)
    #expect(cure.contains(words))
    #expect(cure.contains("split") == ["rvae", "rda"].contains(model))
    #expect(cure.contains("non_saturating") == !settings.isEmpty)
  }

  /// Warnings of recycling models name the settings that help each of them.
  @Test(arguments: [
    ("model=ric-vae passes=2", "passes_from_epoch=100"),
    ("model=ric-vae passes=2 passes_from_epoch=1 recycle_grad=full", "recycle_grad=detach"),
    ("model=ic-vae", "residual_epsilon_start=1"), ("model=l2-vae", "residual_scale=10"),
  ])
  func theCureOfRecyclingModels(settings: String, cure: String) throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"), settings.split(separator: " ").map(String.init))
      try run.go("epochs=2", "collapse_kl=1e9")
      #expect(run.warnings.count == 1)
      #expect(run.warnings[0].hasPrefix("posterior collapse: the KL is "))
      #expect(run.warnings[0].contains(cure), "\(run.warnings)")
    }
  }

  @Test func constantOutput() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(folder.appending(path: "run"), ["model=aae"])
      try run.go("epochs=1", "collapse_spread=0.9")
      #expect(try warned(run) == ["warning_constant_output"])
      #expect(run.warnings.count == 1 && run.warnings[0].hasPrefix("constant output: "))
      try run.go("epochs=2", "collapse_spread=0")
      #expect(try warned(run).isEmpty)
    }
  }

  /// Codes start near 0, the prior lies on a circle around them, and the discriminator separates
  /// them at once.
  ///
  /// The saturating loss then gives the encoder no gradient. With a prior around 0 both losses are
  /// alike.
  @Test func theDiscriminatorWins() throws {
    try withTemporaryFolder { folder in
      let run = RecordedRun(
        folder.appending(path: "run"),
        [
          "model=aae", "latent=2", "prior=gmm10", "generator_loss=saturating",
          "learning_rate=0.02", "discriminator_hidden=64", "collapse_spread=0",
        ])
      try run.go("epochs=60", "gmm_radius=20")
      let history = try #require(try run.checkpoint().contents().history["epoch/discriminator"])
      #expect(try warned(run) == ["warning_discriminator_won"], "\(history.map(\.value))")
      let message = try #require(run.warnings.first)
      #expect(message.hasPrefix("the discriminator has won: its loss is 0.0"))
      try run.go("epochs=61", "gmm_radius=0.01")
      #expect(try warned(run).isEmpty)
    }
  }
}

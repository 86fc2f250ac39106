import Datasets
import Support
import Testing
import Training

@testable import Models

/// The settings of a run with two stages.
@Suite struct FirstStageTests {
  private let shape = ImageShape(height: 28, width: 28, channels: 1)

  private func configuration(_ settings: String...) throws -> Configuration {
    var configuration = Configuration()
    for setting in settings { try configuration.set(setting) }
    return configuration
  }

  /// The first stage has its own settings, and data, seed, lanes and exactness of the run.
  @Test func theStagesShareDataSeedAndLanes() throws {
    let run = try configuration(
      "first=mnist-rpca epochs=7", "first.rpca_lambda=0.1", "rows=500", "seed=9", "batch=48",
      "exact=true", "static_noise=salt-pepper:0.1", "noise=gaussian:0.5", "data=d.h5")
    #expect(run.hasFirstStage)
    let first = try #require(try run.validated(rows: 600, of: shape).firstStage())
    #expect(first.model == "rpca" && first.loop.epochs == 7)
    #expect(first.read(PursuitSettings.self).sparseWeight == 0.1)
    let (common, whole) = (first.common, run.common)
    #expect(common.lanes.batch == 128 && common.lanes.count == 8 && whole.lanes.count == 8)
    #expect(common.lanes.seed == 9 && common.lanes.exact && common.data.rows == 500)
    #expect(common.data.staticNoise == whole.data.staticNoise && common.data.data == "d.h5")
    // Noise that is drawn anew is a matter of each stage.
    #expect(common.data.noise.isNone)
    #expect(!Configuration().hasFirstStage)
    #expect(try Configuration().firstStage() == nil)
  }

  /// Lanes that follow from the batch of the run are those of the first stage, too.
  @Test func lanesFollowTheBatchOfTheRun() throws {
    let run = try configuration("first=mnist-rda", "batch=100", "first.batch=40")
    let resolved = try run.validated(rows: 400, of: shape)
    #expect(resolved.common.lanes.lanes == 4)
    #expect(try resolved.firstStage(rows: 400, of: shape)?.common.lanes.lanes == 4)
    #expect(throws: ConfigurationError.self) {
      try self.configuration("first=mnist-rda", "batch=80", "first.batch=20")
        .validated(rows: 400, of: self.shape)
    }
  }

  /// One text holds the stage: the last value of a key counts, and JSON gives it back.
  @Test func oneKeyHoldsTheStage() throws {
    var run = try configuration("first= lpf  kernel=box2_causal kernel=gaussian ")
    try run.set("first.kernel_sigma=2")
    #expect(run.firstStageSettings.stage == "lpf kernel=gaussian kernel_sigma=2.0")
    #expect(try Configuration.load(json: run.json.document) == run)
    // Members of JSON for single keys count in any order.
    let other = try Configuration.load(
      json: #"{"first.kernel_sigma": 2, "first.kernel": "gaussian", "first": "lpf"}"#)
    #expect(try other.firstStage()?.assignments == run.firstStage()?.assignments)
    let inline = try configuration("first=model=rda", "first.hidden=20,10")
    #expect(inline.firstStageSettings.stage == "model=rda hidden=20,10")
    #expect(try inline.firstStage()?.read(LayerSettings.self).hidden == [20, 10])
    try run.set("first=")
    #expect(!run.hasFirstStage && run == Configuration())
  }

  @Test(arguments: [
    ("first=mnist-rcpa", "first: unknown preset mnist-rcpa; did you mean mnist-rpca?"),
    ("first=mnist-rpca-vae", "first: found mnist-rpca-vae, which has a first stage of its own"),
    ("first=mnist-rpca epochs", "first: found epochs, expected key=value behind the preset"),
    ("first=mnist-rpca epochs=many", "first.epochs: found many, expected an integer"),
    ("first=mnist-rpca epoch=3", "unknown key epoch"),
    ("first.epochs=many", "first.epochs: found many, expected an integer"),
    ("first.seed=3", "first.seed: found a key that both stages have in common, expected seed"),
    ("first.first=lpf", "first.first: found a first stage of the first stage"),
    ("first.first.epochs=1", "first.first.epochs: found a first stage of the first stage"),
    ("first_range=wide", "first_range: found wide, expected one of clip, raw"),
  ])
  func wrongStagesAreRefusedAtOnce(setting: String, words: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try self.configuration(setting) }
    #expect(error?.description.contains(words) == true, "\(error as Any)")
  }

  @Test(arguments: [
    (["first.epochs=3"], "first: found epochs=3, expected a preset or model=NAME with it"),
    (["first=mnist-gan", "first.batch=8"], "first: found model=gan, which makes no L of images"),
    (["first=lpf", "model=rvae"], "first: found lpf, expected nothing with model=rvae"),
    (["first=lpf", "model=rpca"], "first: found lpf, expected nothing with model=rpca"),
    (["first=lpf", "patch=8"], "patch: found 8, expected null with a first stage"),
    (["first=lpf", "binarize=once"], "binarize: found once, expected none with a first stage"),
    (["first=lpf", "validate_every=1"], "validate_every: found 1, expected 0 with a first stage"),
    (["first=mnist-rpca", "batch=50"], "first.batch: found 128, expected no more than the 100"),
    (["first=lpf", "first.kernel_side=4", "first.batch=8"], "first.kernel_side: found 4"),
  ])
  func whatDoesNotFitIsRefusedBeforeARun(settings: [String], words: String) throws {
    var run = try configuration("batch=40")
    for setting in settings { try run.set(setting) }
    let error = #expect(throws: ConfigurationError.self) {
      _ = try run.validated(rows: 100, of: self.shape).firstStage(rows: 100, of: self.shape)
    }
    #expect(error?.description.contains(words) == true, "\(error as Any)")
  }

  /// Both keys are fixed for a run, and assignments that no stage reads are told.
  @Test func changesOfAStageAreTold() throws {
    let run = try configuration("first=lpf")
    for other in ["first=median", "first.kernel_side=5", "first_range=raw"] {
      var changed = run
      try changed.set(other)
      #expect(throws: ConfigurationError.self) { try changed.checkResume(of: run) }
    }
    #expect(
      run.unread(["first.lambda=3", "first.kernel=box", "lambda=3"]).map { $0.prefix(26) }
        == ["first.lambda=3: lpf does no", "lambda=3: vae does not rea"].map { $0.prefix(26) })
  }

  /// Every preset with a first stage can begin on its data set.
  @Test func presetsOfTwoStagesAreWhole() throws {
    let presets = try Preset.all.filter { try $0.configuration().hasFirstStage }
    #expect(presets.count == 9)
    for preset in presets {
      let shape =
        preset.name.hasPrefix("celeba")
        ? ImageShape(height: 64, width: 64, channels: 3) : shape
      let run = try preset.configuration().validated(rows: 60_000, of: shape)
      let first = try #require(try run.firstStage(rows: 60_000, of: shape), "\(preset.name)")
      #expect(preset.name.contains("-\(first.model)-"), "\(preset.name)")
      #expect(run.model == "vae" && first.common.data.rows == run.common.data.rows)
    }
    let faces = try Preset.named("celeba-rpca-vae").configuration()
    #expect(faces.common.lanes.batch == 100 && faces.loop.epochs == 100)
    #expect(try Preset.named("celeba-rda-vae").configuration().firstStage()?.loop.epochs == 200)
  }
}

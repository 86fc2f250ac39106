import Foundation
import Support
import Testing
import Training

@testable import Models

@Suite struct ConfigurationTests {
  @Test func everyKeyIsNamedOnceAndExplained() {
    let names = Configuration.keys.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "_" } })
    for key in Configuration.keys {
      #expect(key.summary.hasSuffix("."), "\(key.name)")
      #expect(!key.source.isEmpty && !key.expected.isEmpty, "\(key.name)")
    }
  }

  /// A property without a key could not be set.
  @Test func everyPropertyHasAKey() {
    check(CommonSettings.self)
    for system in SystemCatalogue.systems { check(system.settings) }
  }

  /// Systems may read a key of one name from groups of their own; they must mean the same.
  @Test func keysOfOneNameAreAlike() throws {
    for system in SystemCatalogue.systems {
      for key in system.keys {
        let first = try Configuration.key(key.name)
        #expect(key.expected == first.expected, "\(system.name), \(key.name)")
        #expect(key.defaultValue == first.defaultValue, "\(system.name), \(key.name)")
        #expect(key.summary == first.summary, "\(system.name), \(key.name)")
      }
    }
  }

  private func check<Group: SettingsGroup>(_ type: Group.Type) {
    #expect(properties(of: Group()) == Group.keys.count, "\(type)")
  }

  /// Properties of a group and of the groups within it.
  private func properties(of group: any SettingsGroup) -> Int {
    Mirror(reflecting: group).children.reduce(0) { count, child in
      count + ((child.value as? any SettingsGroup).map { properties(of: $0) } ?? 1)
    }
  }

  @Test func defaultsPassTheirOwnChecks() throws {
    let defaults = Configuration()
    #expect(try Configuration(defaults.json) == defaults)
    let resolved = try defaults.validated(rows: 60_000)
    #expect(resolved.common.lanes.lanes == 8)
    #expect(resolved.read(LayerSettings.self).decoderHidden == [256, 512])
    #expect(resolved.common.data.rows == 60_000)
  }

  @Test(arguments: Preset.all.map(\.name))
  func presetsSurviveTheirOwnJSON(name: String) throws {
    let configuration = try Preset.named(name).configuration()
    #expect(try Configuration.load(json: configuration.json.document) == configuration)
    #expect(try Configuration.load(json: configuration.json.line) == configuration)
    let coded = try JSONEncoder().encode(configuration)
    #expect(try JSONDecoder().decode(Configuration.self, from: coded) == configuration)
    _ = try configuration.validated(rows: 60_000)
  }

  @Test func presetsHoldThePapersSettings() throws {
    let rvae = try Preset.named("mnist-rvae").configuration()
    let (network, loop) = (rvae.read(NetworkSettings.self), rvae.read(RobustLoop.Settings.self))
    #expect(rvae.model == "rvae" && network.layers.hidden == [512, 256] && network.latent == 49)
    #expect(loop.outerIterations == 30 && loop.innerEpochs == 20 && loop.lambda == 70)
    #expect(rvae.common.lanes.batch == 200)
    #expect(loop.optimizer.learningRate == 1e-3 && !loop.optimizer.shuffle)
    let light = try Preset.named("mnist-rvae-beta").configuration()
    let vae = light.read(VAE.Settings.self)
    #expect(vae.network.layers.activation == .relu && vae.kl.beta == 0.3)
    #expect(light.read(OptimizerSettings.self).shuffle)
    // The authors' row order has one lane: the rows of a step are consecutive.
    let ordered = Preset.all.filter { $0.assignments.contains("shuffle=false") }
    #expect(
      ordered.map(\.name).sorted() == [
        "fashion-lpf-vae", "fashion-rda-vae", "fashion-rpca-vae", "fashion-rvae",
        "mnist-gan-legacy", "mnist-lpf-vae", "mnist-rda", "mnist-rda-vae", "mnist-rpca-vae",
        "mnist-rvae", "mnist-vae",
      ])
    for preset in ordered { #expect(try preset.configuration().common.lanes.count == 1) }
    // Noise and copies of the DAAE paper's experiments on CelebA.
    for (name, noise, copies) in [
      ("daae-reconstruction", 0.1, nil), ("idaae-reconstruction", 0.1, 10),
      ("daae-classification", 0.25, nil), ("idaae-classification", 0.25, 10),
      ("daae-sampling", 1, nil), ("idaae-sampling", 0.25, 5),
    ] as [(String, Double, Int?)] {
      let experiment = try Preset.named("celeba-\(name)").configuration()
      #expect(experiment.common.data.noise == .gaussian(noise), "\(name)")
      if let copies {
        #expect(experiment.read(IDAAE.Settings.self).averagedCopies == copies, "\(name)")
      }
    }
    #expect(try Preset.named("celeba-vae").configuration().loop.epochs == 200)
    #expect(try Preset.named("celeba-rvae").configuration().loop.epochs == 200)
    let daae = try Preset.named("mnist-daae").configuration()
    let game = daae.read(CodeGame.Settings.self)
    #expect(daae.common.lanes.batch == 64 && daae.common.data.noise == .gaussian(0.5))
    #expect(daae.read(OptimizerSettings.self).learningRate == 2e-4)
    #expect(game.network.latent == 10 && game.discriminatorHidden == [1000, 1000])
  }

  @Test(arguments: [
    ("batch=64", #""batch": 64"#), ("lanes=null", #""lanes": null"#),
    ("lambda=inf", #""lambda": "inf""#),
    ("learning_rate=1e-07", #""learning_rate": 1e-07"#),
    ("hidden=[400, 20]", #""hidden": [400, 20]"#),
    ("hidden=7", #""hidden": [7]"#), ("decoder_hidden=3,4", #""decoder_hidden": [3, 4]"#),
    ("exact=true", #""exact": true"#), ("optimizer=rmsprop", #""optimizer": "rmsprop""#),
    ("seed=9223372036854775807", #""seed": 9223372036854775807"#),
    ("beta=0.1", #""beta": 0.1"#), ("noise=gaussian:0.5", #""noise": "gaussian:0.5""#),
  ])
  func assignmentsAreWrittenAsRead(assignment: String, json: String) throws {
    var configuration = Configuration()
    try configuration.set(assignment)
    #expect(configuration.json.document.contains(json))
    #expect(try Configuration.load(json: configuration.json.document) == configuration)
  }

  @Test(arguments: [
    ("lamda=3", "unknown key lamda; did you mean lambda?"),
    ("outer_iteration=3", "unknown key outer_iteration; did you mean outer_iterations?"),
    ("learningrate=3", "unknown key learningrate; did you mean learning_rate?"),
    ("batch=many", "batch: found many, expected an integer from 1 to 1048576"),
    ("batch=0", "batch: found 0, expected an integer from 1 to 1048576"),
    ("batch=", "batch: found nothing, expected an integer from 1 to 1048576"),
    ("batch=1.5", "batch: found 1.5, expected an integer from 1 to 1048576"),
    ("batch", "found batch, expected key=value"),
    ("learning_rate=-1", "learning_rate: found -1, expected a number above 0"),
    ("learning_rate=nan", "learning_rate: found nan, expected a number above 0"),
    ("lambda=-inf", "lambda: found -inf, expected a number of at least 0, or inf"),
    ("exact=yes", "exact: found yes, expected true or false"),
    (
      "model=rave",
      "model: found rave, expected one of \(SystemCatalogue.names.joined(separator: ", "))"
    ),
    (
      "activation=identity",
      "activation: found identity, expected one of sigmoid, relu, tanh, softplus"
    ),
    (
      "hidden=512,,256",
      "hidden: found 512,,256, expected a list of layer sizes from 1 to 65536, such as 512,256"
    ),
    (
      "discriminator_momentum=1",
      "discriminator_momentum: found 1, expected a number of at least 0 and below 1, or null for "
        + "rmsprop_momentum"
    ),
    (
      "inlier_deviation=1e-46",
      "inlier_deviation: found 1e-46, expected a number from 0.001 to 1000"
    ),
    ("outlier_share=1", "outlier_share: found 1, expected a number from 0.0001 to 0.9999"),
    (
      "clean_scale=1e39",
      "clean_scale: found 1e39, expected a number from 0.01 to 100, or inf, or null for 0.5, or inf "
        + "where flips leave less than a third of a difference"
    ),
    (
      "known_noise=saltpepper:0.1",
      "known_noise: found saltpepper:0.1, expected salt-pepper, the nearest known kind"
    ),
    (
      "known_noise=salt-pepper:auto+zero-mask:0.1",
      "known_noise: found salt-pepper:auto+zero-mask:0.1, expected given levels in a mixture"
    ),
    (
      "known_noise=salt-pepper:0.3..0.2",
      "known_noise: found salt-pepper:0.3..0.2, expected salt-pepper:LEVEL with a level from 0.0 to "
        + "1.0, auto, or LOW..HIGH"
    ),
    ("seed=-1", "seed: found -1, expected an integer from 0 to 9223372036854775807"),
  ])
  func wrongAssignmentsSayWhatIsExpected(assignment: String, message: String) {
    var configuration = Configuration()
    #expect(throws: ConfigurationError(message)) { try configuration.set(assignment) }
    #expect(configuration == Configuration())
  }

  /// Absent or a fraction; another number is refused, and does not become absent.
  @Test func anOptionalFractionIsKept() throws {
    var c = Configuration()
    try c.set("discriminator_momentum=0.5")
    #expect(c.read(PlayerSettings.self).discriminatorMomentum == 0.5)
    #expect(throws: ConfigurationError.self) { try c.set("discriminator_momentum=5") }
    #expect(c.read(PlayerSettings.self).discriminatorMomentum == 0.5)
    try c.set("discriminator_momentum=null")
    #expect(c.read(PlayerSettings.self).discriminatorMomentum == nil)
  }

  /// D-05's name, and its earlier name.
  @Test(arguments: [
    ("std_mode", "var_bug"), ("standard_deviation", "sigma"), ("standard_deviation", "variance"),
  ])
  func keysOfEarlierVersionsAreRead(name: String, value: String) throws {
    let c = try Configuration.load(json: "{\"\(name)\": \"\(value)\"}")
    #expect(
      c.read(VAE.Settings.self).standardDeviation == (value == "sigma" ? .sigma : .variance))
    #expect(throws: ConfigurationError.self) {
      try Configuration.load(json: "{\"\(name)\": \"cubed\"}")
    }
  }

  @Test(arguments: [
    (#"{"batch": "200"}"#, #"batch: found "200", expected an integer from 1 to 1048576"#),
    (
      #"{"lanes": 0}"#,
      "lanes: found 0, expected an integer from 1 to 4096, or null for the largest"
    ),
    (#"{"exact": 1}"#, "exact: found 1, expected true or false"),
    (#"{"hiden": [3]}"#, "unknown key hiden; did you mean hidden?"),
    ("[1, 2]", "found JSON that is no object"),
    ("{\"batch\": 200,\n \"seed\" 3}", "not a JSON document"),
    ("", "not a JSON document"),
  ])
  func wrongDocumentsSayWhatIsExpected(json: String, message: String) {
    let error = #expect(throws: ConfigurationError.self) { try Configuration.load(json: json) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("\n") == false)
  }

  @Test(arguments: [
    ("vae", "samples=5 beta=2", "samples=5: vae does not read samples, which is for iwae, "),
    ("vae", "output_bias=mean_image", "output_bias=mean_image: vae does not read output_bias, "),
    ("rvae", "epochs=5 lambda=3", "epochs=5: rvae does not read epochs, which is for vae, "),
    ("rda", "beta=1", "beta=1: rda does not read beta, which is for vae, "),
    ("dvae", "reconstruction_term=mse", "reconstruction_term=mse: dvae does not read "),
    ("ic-affine-em", "network=conv latent=3 floor=0.1", "network=conv: ic-affine-em does not "),
  ])
  func settingsOfOtherModelsAreNamed(model: String, assignments: String, line: String) throws {
    let found = try unread(assignments, model)
    #expect(found.count == 1 && found[0].hasPrefix(line), "\(found)")
  }

  @Test(arguments: [
    ("ric-vae", "passes=2 residual_epsilon=0.1 hidden=3 batch=20"), ("iwae", "outer=outside"),
    ("l2-vae", "recycle_std=0.1 passes=2"), ("idaae", "averaged_copies=2 prior=gmm10 network=conv"),
  ])
  func settingsOfTheModelAreNot(model: String, assignments: String) throws {
    #expect(try unread(assignments, model).isEmpty)
  }

  private func unread(_ assignments: String, _ model: String) throws -> [String] {
    var c = Configuration()
    try c.set("model=\(model)")
    return c.unread(assignments.split(separator: " ").map(String.init))
  }

  /// Every key of some models is for existing models, and presets set no key that their model does
  /// not read.
  ///
  /// The exceptions are settings for the VAE, which users compare with the preset's model.
  @Test func keysAreForModelsThatThereAre() throws {
    for key in Configuration.keys {
      for model in Configuration.readers(of: key) ?? [] {
        #expect(SystemCatalogue.names.contains(model), "\(key.name)")
      }
    }
    for preset in Preset.all {
      let unread = try preset.configuration().unread(preset.assignments)
      #expect(unread.allSatisfy { $0.hasPrefix("epochs=") }, "\(preset.name): \(unread)")
    }
  }

  /// In a run of nine epochs.
  @Test(arguments: [
    ("model=ric-vae passes=2 passes_from_epoch=9", "passes_from_epoch=9: none of the run's 9 "),
    ("model=ric-vae passes=2 passes_from_epoch=8", nil),
    ("model=ic-vae l2_epochs=9", "l2_epochs=9: none of the run's 9 epochs has the loss"),
    ("model=lc-vae l2_epochs=9", nil),
    (
      "model=ic-vae residual_epsilon_start=1 residual_epsilon_epochs=9", "residual_epsilon_epochs=9"
    ),
    ("model=ic-vae residual_epsilon_start=1 residual_epsilon_epochs=8", nil),
  ])
  func turnsThatTheRunIsTooShortFor(settings: String, line: String?) throws {
    var c = Configuration()
    for setting in "epochs=9 \(settings)".split(separator: " ") { try c.set(String(setting)) }
    #expect(c.unreached.count == (line == nil ? 0 : 1))
    if let line { #expect(c.unreached.first?.hasPrefix(line) == true, "\(c.unreached)") }
  }

  @Test(arguments: [
    (200, 8), (64, 8), (100, 4), (25, 1), (6, 2), (1, 1), (4096, 8),
  ])
  func lanesAreTheLargestPowerOfTwoThatDividesTheBatch(batch: Int, lanes: Int) throws {
    var configuration = Configuration()
    try configuration.set("batch=\(batch)")
    #expect(try configuration.validated(rows: 5000).common.lanes.lanes == lanes)
  }

  @Test(arguments: [
    (["lanes=3"], 1000, "lanes: found 3, expected a power of two"),
    (
      ["batch=100", "lanes=8"], 1000,
      "batch: 100 cannot be divided by 8 lanes; set lanes to 4 or less, or batch to 104"
    ),
    ([], 100, "batch: found 200, expected no more than the 100 rows of the training set"),
    (["rows=50"], 1000, "batch: found 200, expected no more than the 50 rows of the training set"),
    (
      ["model=aae", "prior=gmm10"], 1000,
      "latent: found 49, expected 2, which prior=gmm10 is made for; set latent=2 or prior=gaussian"
    ),
    (
      ["model=ic-vae", "residual_epsilon_start=1"], 1000,
      "residual_epsilon_epochs: found 0, expected some epochs, in which residual_epsilon comes "
        + "down from residual_epsilon_start"
    ),
  ])
  func settingsThatDoNotGoTogether(assignments: [String], rows: Int, message: String) throws {
    var configuration = Configuration()
    for assignment in assignments { try configuration.set(assignment) }
    #expect(throws: ConfigurationError(message)) { try configuration.validated(rows: rows) }
  }

  @Test func aRunKeepsWhatItStandsOn() throws {
    let kept = try Preset.named("mnist-rvae").configuration().validated(rows: 60_000)
    var changed = kept
    for assignment in ["epochs=3", "learning_rate=0.1", "log_every=1", "exact=true", "lambda=20"] {
      try changed.set(assignment)
      try changed.checkResume(of: kept)
    }
    for assignment in ["lanes=4", "model=vae", "hidden=3", "seed=1", "batch=100"] {
      var changed = kept
      try changed.set(assignment)
      #expect(throws: ConfigurationError.self) { try changed.checkResume(of: kept) }
    }
    try changed.set("lanes=4")
    #expect(
      throws: ConfigurationError(
        "lanes: found 4, expected 1, which is fixed for the run; a new run can have another")
    ) { try changed.checkResume(of: kept) }
  }

  @Test func moreRanksThanLanesSaysWhatToSet() throws {
    var configuration = Configuration()
    try configuration.common.lanes.check(ranks: 8)
    #expect(
      throws: ConfigurationError(
        "9 ranks for 8 lanes: start at most 8 ranks, or set lanes=16 and a batch that 16 divides "
          + "(208) in a new run"
      )
    ) { try configuration.common.lanes.check(ranks: 9) }
    try configuration.set("batch=256")
    #expect(
      throws: ConfigurationError(
        "12 ranks for 8 lanes: start at most 8 ranks, or set lanes=16 in a new run")
    ) { try configuration.common.lanes.check(ranks: 12) }
  }
}

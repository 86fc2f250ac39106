import Layers
import Models
import TestSupport
import Testing

@Suite("Models against PyTorch in double precision")
struct GoldenModelTests {
  /// PyTorch's own single precision is within 10.3 units for gradients and 4 for weights after ten
  /// steps.
  ///
  /// The largest error is in gradients of logarithms near 0; the next largest is 8 units.
  let tolerance = 64.0

  /// The cases of each fixture (dcgan is in the file of convolutional models).
  static let files = [
    "models": [
      "aae", "daae", "daae_saturating", "vae", "vae_beta", "vae_l2norm", "vae_mse", "vae_relu",
      "vae_softplus", "vae_tanh", "vae_variance",
    ],
    "adversarial": [
      "ae", "ae_mse", "daae_discriminator_first", "daae_joint", "daae_rmsprop", "daae_sprites",
      "dae", "gan", "gan_ambient", "gan_legacy", "gan_saturating", "gan_small", "idaae",
      "idaae_discriminator_first", "idaae_images", "idaae_images_joint", "idaae_joint",
      "idaae_saturating",
    ],
    "recycling": [
      "ic_affine", "ic_vae", "l2_vae", "l2_vae_scaled", "lc_vae", "r_l2_vae_detach",
      "r_l2_vae_full", "r_l2_vae_input_only", "r_l2_vae_noisy", "ric_vae_clipped",
      "ric_vae_detach", "ric_vae_full", "ric_vae_input_only", "ric_vae_mean", "rlc_vae_detach",
      "rlc_vae_full", "rlc_vae_input_only", "rlc_vae_mean",
    ],
    "denoising": [
      "diwae_gaussian", "diwae_gru_chunks", "diwae_inside", "diwae_outside", "dvae",
      "dvae_gaussian", "dvae_gru", "dvae_gru_per_step", "dvae_k3_m2", "dvae_mc", "iwae",
    ],
    "tied": ["rda_tied", "rda_tied_deep"],
  ]

  static let all = files.flatMap { file, cases in cases.map { "\(file)/\($0)" } }.sorted()

  @Test(arguments: files) func everyCaseOfAFixtureIsListed(_ file: String, _ cases: [String]) throws
  {
    #expect(try Golden("\(file).h5").names(in: "/").filter { $0 != "dcgan" } == cases)
  }

  @Test(arguments: all) func namesAreThoseOfTheFixture(_ path: String) throws {
    let run = try GoldenRun(path)
    let expected = try run.golden.names(in: "\(run.name)/parameters")
    #expect(run.parameters.entries.map(\.name).sorted() == expected)
  }

  @Test(arguments: all) func everyGradientOfTheFirstStep(_ path: String) throws {
    let run = try GoldenRun(path)
    run.begin(0)
    for (phase, description) in run.model.phases.enumerated() {
      let group = "\(run.name)/gradients/\(description.name)"
      let found = try run.run(phase: phase)
      #expect(found.keys.sorted() == (try run.golden.names(in: group)))
      for (parameter, gradient) in found {
        let distance = deviation(gradient, from: try run.golden.values("\(group)/\(parameter)"))
        #expect(distance < tolerance, "\(description.name): \(parameter)")
      }
    }
  }

  /// If the fixture has the loss itself, beside its terms, the loss counts too.
  @Test(arguments: all) func lossesAndWeightsOfTenSteps(_ path: String) throws {
    let run = try GoldenRun(path)
    let group = "\(run.name)/losses"
    let hasLoss = run.golden.has("\(group)/loss")
    var losses: [String: [Float]] = [:]
    for index in 0..<10 {
      run.begin(index)
      for phase in run.model.phases.indices { try run.run(phase: phase) }
      if hasLoss { losses["loss", default: []].append(Float(run.loss / Double(run.examples))) }
      for term in run.step.terms {
        losses["\(term.part)", default: []].append(Float(term.sum / Double(run.examples)))
      }
    }
    #expect(losses.keys.sorted() == (try run.golden.names(in: group)))
    for (term, values) in losses {
      let distance = deviation(values, from: try run.golden.values("\(group)/\(term)"))
      #expect(distance < tolerance, "\(term)")
    }
    for (parameter, values) in run.weights {
      let expected = try run.golden.values("\(run.name)/final/\(parameter)")
      #expect(deviation(values, from: expected) < tolerance, "\(parameter)")
    }
  }

  /// X34: a phase changes only the parameters that it names.
  @Test(arguments: all) func phasesChangeNothingElse(_ path: String) throws {
    let run = try GoldenRun(path)
    run.begin(0)
    for (phase, description) in run.model.phases.enumerated() {
      let before = run.weights
      try run.run(phase: phase)
      for (parameter, values) in run.weights {
        let part = String(parameter.prefix { $0 != "." })
        let isSame = before[parameter] == values
        #expect(isSame != description.updates.contains(part), "\(description.name): \(parameter)")
      }
    }
  }

  @Test(arguments: all) func codesAndReconstructions(_ path: String) throws {
    let run = try GoldenRun(path)
    run.begin(0)
    func check(_ found: [Float], _ part: String) throws {
      let expected = try run.golden.values("\(run.name)/inference/\(part)")
      #expect(deviation(found, from: expected) < 16, "\(part)")
    }
    guard let model = run.model as? any Autoencoder else {
      let model = try #require(run.model as? any Generative)
      return try check(model.decode(model.prior(run.step)).values, "samples")
    }
    let code = model.encode(run.step.target)
    try check(code.mean.values, "mean")
    #expect((code.logVariance != nil) == run.golden.has("\(run.name)/inference/log_variance"))
    if let logVariance = code.logVariance { try check(logVariance.values, "log_variance") }
    let pictures = model.reconstruct(run.step.target, run.step, sampling: false)
    try check(pictures.values, "reconstruction")
  }
}

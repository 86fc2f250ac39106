import Layers
import Models
import TestSupport
import Testing

@Suite("Models against PyTorch in double precision")
struct GoldenModelTests {
  /// PyTorch's own single precision is within 3.2 units for gradients, 1.8 for weights after ten steps.
  let tolerance = 64.0

  static let all = [
    "vae", "vae_beta", "vae_mse", "vae_l2norm", "vae_variance", "vae_relu", "vae_tanh",
    "vae_softplus", "aae", "daae", "daae_saturating",
    "adversarial/daae_discriminator_first", "adversarial/daae_joint", "adversarial/daae_sprites",
    "adversarial/daae_rmsprop", "adversarial/idaae", "adversarial/idaae_saturating",
    "adversarial/idaae_discriminator_first", "adversarial/idaae_images", "adversarial/idaae_joint",
    "adversarial/idaae_images_joint", "adversarial/ae", "adversarial/ae_mse", "adversarial/dae",
    "adversarial/gan", "adversarial/gan_saturating", "adversarial/gan_legacy",
    "adversarial/gan_small",
  ]

  /// The fixtures have no case that is not tested (dcgan is, among the convolutional models).
  @Test func everyCaseIsListed() throws {
    for file in ["models", "adversarial"] {
      let prefix = file == "models" ? "" : "\(file)/"
      let cases = try Golden("\(file).h5").names(in: "/").filter { $0 != "dcgan" }
      let listed = Self.all.filter { $0.contains("/") != prefix.isEmpty && $0.hasPrefix(prefix) }
      #expect(cases.map { prefix + $0 } == listed.sorted())
    }
  }

  @Test(arguments: all) func namesAreThoseOfTheFixture(_ path: String) throws {
    let run = try GoldenRun(path)
    let name = run.name
    #expect(
      run.parameters.entries.map(\.name).sorted()
        == (try run.golden.names(in: "\(name)/parameters")))
  }

  @Test(arguments: all) func everyGradientOfTheFirstStep(_ path: String) throws {
    let run = try GoldenRun(path)
    let name = run.name
    run.begin(0)
    for (phase, description) in run.model.phases.enumerated() {
      let group = "\(name)/gradients/\(description.name)"
      let found = try run.run(phase: phase)
      #expect(found.keys.sorted() == (try run.golden.names(in: group)))
      for (parameter, gradient) in found {
        let distance = deviation(gradient, from: try run.golden.values("\(group)/\(parameter)"))
        #expect(distance < tolerance, "\(description.name): \(parameter)")
      }
    }
  }

  @Test(arguments: all) func lossesAndWeightsOfTenSteps(_ path: String) throws {
    let run = try GoldenRun(path)
    let name = run.name
    var losses: [String: [Float]] = [:]
    for index in 0..<10 {
      run.begin(index)
      for phase in run.model.phases.indices { try run.run(phase: phase) }
      for term in run.step.terms {
        losses["\(term.name)", default: []].append(Float(term.sum / Double(run.examples)))
      }
    }
    #expect(losses.keys.sorted() == (try run.golden.names(in: "\(name)/losses")))
    for (term, values) in losses {
      let distance = deviation(values, from: try run.golden.values("\(name)/losses/\(term)"))
      #expect(distance < tolerance, "\(term)")
    }
    for (parameter, values) in run.weights {
      let distance = deviation(values, from: try run.golden.values("\(name)/final/\(parameter)"))
      #expect(distance < tolerance, "\(parameter)")
    }
  }

  /// X34: a phase changes the parameters it names and no others.
  @Test(arguments: all) func phasesChangeNothingElse(_ name: String) throws {
    let run = try GoldenRun(name)
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
    let name = run.name
    run.begin(0)
    func check(_ found: [Float], _ part: String) throws {
      let expected = try run.golden.values("\(name)/inference/\(part)")
      #expect(deviation(found, from: expected) < 16, "\(part)")
    }
    guard let model = run.model as? any Autoencoder else {
      return try check(run.model.decode(run.model.prior(run.step)).values, "samples")
    }
    let code = model.encode(run.step.target)
    try check(code.mean.values, "mean")
    if let logVariance = code.logVariance { try check(logVariance.values, "log_variance") }
    let pictures = model.reconstruct(run.step.target, run.step, sampling: false)
    try check(pictures.values, "reconstruction")
  }
}

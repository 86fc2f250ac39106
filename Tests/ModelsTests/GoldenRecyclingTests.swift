import Layers
import Models
import TestSupport
import Testing

@Suite("Recycling models against PyTorch in double precision")
struct GoldenRecyclingTests {
  /// PyTorch's own single precision is within 10.3 units for gradients (of logarithms near 0), 2.1 for weights.
  let tolerance = 64.0
  private static let file = "recycling.h5"

  static let all = [
    "ic_affine", "ic_vae", "l2_vae", "l2_vae_scaled", "lc_vae",
    "r_l2_vae_detach", "r_l2_vae_full", "r_l2_vae_input_only", "r_l2_vae_noisy",
    "ric_vae_clipped", "ric_vae_detach", "ric_vae_full", "ric_vae_input_only", "ric_vae_mean",
    "rlc_vae_detach", "rlc_vae_full", "rlc_vae_input_only", "rlc_vae_mean",
  ]

  /// The fixture has no case that is not tested.
  @Test func everyCaseIsListed() throws {
    #expect(try Golden(Self.file).names(in: "/") == Self.all)
  }

  @Test(arguments: all) func everyGradientOfTheFirstStep(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    run.begin(0)
    let found = try run.run(phase: 0)
    #expect(found.keys.sorted() == (try run.golden.names(in: "\(name)/parameters")))
    for (parameter, gradient) in found {
      let expected = try run.golden.values("\(name)/gradients/all/\(parameter)")
      #expect(deviation(gradient, from: expected) < tolerance, "\(parameter)")
    }
  }

  @Test(arguments: all) func lossesAndWeightsOfTenSteps(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    var losses: [String: [Float]] = [:]
    for index in 0..<10 {
      run.begin(index)
      try run.run(phase: 0)
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

  @Test(arguments: all) func codesAndReconstructions(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    run.begin(0)
    let model = try #require(run.model as? any Autoencoder)
    let code = model.encode(run.step.target)
    func check(_ found: [Float], _ part: String) throws {
      let expected = try run.golden.values("\(name)/inference/\(part)")
      #expect(deviation(found, from: expected) < 16, "\(part)")
    }
    try check(code.mean.values, "mean")
    try check(try #require(code.logVariance).values, "log_variance")
    let pictures = model.reconstruct(run.step.target, run.step, sampling: false)
    try check(pictures.values, "reconstruction")
  }
}

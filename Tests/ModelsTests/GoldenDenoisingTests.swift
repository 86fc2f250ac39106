import Layers
import Models
import TestSupport
import Testing

@Suite("Denoising models against PyTorch in double precision")
struct GoldenDenoisingTests {
  /// PyTorch's own single precision is within 8 units for gradients, 4 for weights after ten steps.
  let tolerance = 64.0
  static let file = "denoising.h5"

  static let all = [
    "dvae", "dvae_k3_m2", "dvae_mc", "iwae", "diwae_inside", "diwae_outside", "dvae_gaussian",
    "diwae_gaussian", "dvae_gru", "diwae_gru_chunks", "dvae_gru_per_step",
  ]

  /// The fixture has no case that is not tested.
  @Test func everyCaseIsListed() throws {
    #expect(try Golden(Self.file).names(in: "/") == Self.all.sorted())
  }

  @Test(arguments: all) func everyGradientOfTheFirstStep(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    let golden = run.golden
    #expect(
      run.parameters.entries.map(\.name).sorted() == (try golden.names(in: "\(name)/parameters")))
    run.begin(0)
    let found = try run.run(phase: 0)
    #expect(found.keys.sorted() == (try golden.names(in: "\(name)/gradients/all")))
    for (parameter, gradient) in found {
      let expected = try golden.values("\(name)/gradients/all/\(parameter)")
      #expect(deviation(gradient, from: expected) < tolerance, "\(parameter)")
    }
  }

  @Test(arguments: all) func lossesAndWeightsOfTenSteps(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    var losses: [String: [Float]] = [:]
    for index in 0..<10 {
      run.begin(index)
      try run.run(phase: 0)
      losses["loss", default: []].append(Float(run.loss / Double(run.examples)))
      for term in run.step.terms {
        losses["\(term.name)", default: []].append(Float(term.sum / Double(run.examples)))
      }
    }
    #expect(losses.keys.sorted() == (try run.golden.names(in: "\(name)/losses")))
    for (term, values) in losses {
      let expected = try run.golden.values("\(name)/losses/\(term)")
      #expect(deviation(values, from: expected) < tolerance, "\(term)")
    }
    for (parameter, values) in run.weights {
      let expected = try run.golden.values("\(name)/final/\(parameter)")
      #expect(deviation(values, from: expected) < tolerance, "\(parameter)")
    }
  }

  @Test(arguments: all) func codesAndReconstructions(_ name: String) throws {
    let run = try GoldenRun(name, in: Self.file)
    run.begin(0)
    let model = try #require(run.model as? any LatentVariableModel)
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

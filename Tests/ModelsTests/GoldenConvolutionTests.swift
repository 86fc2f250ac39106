import Models
import TestSupport
import Testing

@Suite("The convolutional VAE against PyTorch in double precision")
struct GoldenConvolutionTests {
  /// PyTorch's own single precision is within 15 units.
  let tolerance = 128.0

  @Test func gradientsLossesAndWeightsOfThreeSteps() throws {
    let run = try GoldenRun("conv_vae", in: "convolutional.h5")
    let golden = run.golden
    #expect(
      run.parameters.entries.map(\.name).sorted() == (try golden.names(in: "conv_vae/parameters")))
    var losses: [String: [Float]] = [:]
    for index in 0..<3 {
      run.begin(index)
      let gradients = try run.run(phase: 0)
      for term in run.step.terms {
        losses["\(term.name)", default: []].append(Float(term.sum / Double(run.examples)))
      }
      guard index == 0 else { continue }
      for name in try golden.names(in: "conv_vae/gradients/all") {
        let expected = try golden.values("conv_vae/gradients/all/\(name)")
        let distance = deviation(gradients[name] ?? [], from: expected)
        #expect(distance < tolerance, "gradient of \(name)")
      }
    }
    for (term, values) in losses {
      let expected = try golden.values("conv_vae/losses/\(term)")
      #expect(deviation(values, from: expected) < tolerance, "\(term)")
    }
    for (name, values) in run.weights {
      let expected = try golden.values("conv_vae/final/\(name)")
      #expect(deviation(values, from: expected) < tolerance, "\(name)")
    }
  }
}

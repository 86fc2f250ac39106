import Models
import TestSupport
import Testing

@Suite("Convolutional models against PyTorch in double precision")
struct GoldenConvolutionTests {
  /// PyTorch's own single precision is within 15 units.
  let tolerance = 128.0

  @Test(arguments: ["convolutional/conv_vae", "convolutional/plain_conv_vae", "adversarial/dcgan"])
  func gradientsLossesAndWeightsOfThreeSteps(_ path: String) throws {
    let run = try GoldenRun(path)
    let golden = run.golden
    let model = run.name
    #expect(
      run.parameters.entries.map(\.name).sorted() == (try golden.names(in: "\(model)/parameters")))
    var losses: [String: [Float]] = [:]
    for index in 0..<3 {
      run.begin(index)
      for (phase, description) in run.model.phases.enumerated() {
        let gradients = try run.run(phase: phase)
        guard index == 0 else { continue }
        let group = "\(model)/gradients/\(description.name)"
        for name in try golden.names(in: group) {
          let expected = try golden.values("\(group)/\(name)")
          let distance = deviation(gradients[name] ?? [], from: expected)
          #expect(distance < tolerance, "gradient of \(name)")
        }
      }
      for term in run.step.terms {
        losses["\(term.part)", default: []].append(Float(term.sum / Double(run.examples)))
      }
    }
    for (term, values) in losses {
      let expected = try golden.values("\(model)/losses/\(term)")
      #expect(deviation(values, from: expected) < tolerance, "\(term)")
    }
    for (name, values) in run.weights {
      let expected = try golden.values("\(model)/final/\(name)")
      #expect(deviation(values, from: expected) < tolerance, "\(name)")
    }
  }
}

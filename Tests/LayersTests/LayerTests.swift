import Autodiff
import Foundation
import Layers
import Tensors
import TestSupport
import Testing

@Suite("Layers")
struct LayerTests {
  @Test(arguments: Activation.allCases) func denseEqualsPyTorch(_ activation: Activation) throws {
    let golden = try Golden("operators.h5")
    let group = "linear_\(activation)"
    let dense = Dense(12, 7, activation)
    let leaves = Leaves(Single(dense).collectParameters())
    for name in ["weight", "bias"] {
      leaves.load("layer.\(name)", try golden.floats("\(group)/inputs/\(name)"))
    }
    let tape = Tape()
    let x = tape.constant(Tensor(Shape(5, 12), try golden.floats("\(group)/inputs/x")))
    let y = dense(x)
    #expect(y.shape == Shape(5, 7))
    #expect(deviation(y.values, from: try golden.values("\(group)/output")) < 16)
    let upstream = Tensor(Shape(5, 7), try golden.floats("\(group)/upstream"))
    leaves.differentiate(y * tape.constant(upstream))
    for name in ["weight", "bias"] {
      let expected = try golden.values("\(group)/gradients/\(name)")
      #expect(deviation(leaves.gradient("layer.\(name)"), from: expected) < 16, "\(name)")
    }
  }

  /// Checkpoint keys are the keys of torch.nn.Sequential(Linear, Act, Linear, Act, Linear).
  @Test func perceptronNamesFollowPyTorch() {
    let perceptron = Perceptron([12, 9, 7, 3], .relu, last: .identity)
    #expect(
      perceptron.namedParameters.map(\.name)
        == ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"])
    #expect(perceptron.layers.map(\.activation) == [.relu, .relu, .identity])
    #expect(perceptron.layers.map(\.weight.shape) == [Shape(12, 9), Shape(9, 7), Shape(7, 3)])
    #expect(perceptron.layers.allSatisfy { $0.weight.fileLayout == .transposed })
  }

  @Test(arguments: [Activation.sigmoid, .tanh, .softplus]) func perceptronGradients(
    _ activation: Activation
  ) {
    let perceptron = Perceptron([4, 3, 2], activation, last: .identity)
    let leaves = Leaves(Single(perceptron).collectParameters())
    let names = leaves.set.entries.map(\.name)
    for name in names { leaves.draw(name) }
    let tape = Tape()
    let x = Tensor(Shape(3, 4), (0..<12).map { 0.3 * Float($0 % 5) - 0.6 })
    func loss() -> Variable {
      tape.reset()
      return perceptron(tape.constant(x)).logMeanExp()
    }
    leaves.differentiate(loss())
    for name in names {
      #expect(leaves.gradientError(of: name) { loss().sum } < 1e-3, "gradient by \(name)")
    }
  }

  @Test func initialWeightsAreGlorotUniform() {
    let leaves = Leaves(Single(Dense(40, 60)).collectParameters())
    leaves.set.initialize(seed: 595)
    let weight = leaves.value("layer.weight")
    let bound = (6.0 / 100).squareRoot()
    #expect(weight.allSatisfy { abs(Double($0)) <= bound })
    let variance = weight.map { Double($0 * $0) }.reduce(0, +) / Double(weight.count)
    #expect(abs(variance / (bound * bound / 3) - 1) < 0.1)
    #expect(leaves.value("layer.bias").allSatisfy { $0 == 0 })
    let before = weight
    leaves.set.initialize(seed: 595)
    #expect(leaves.value("layer.weight") == before)
    leaves.set.initialize(seed: 596)
    #expect(leaves.value("layer.weight") != before)
  }

  @Test func gaussianSamplesAndDivergence() {
    let tape = Tape()
    let q = DiagonalGaussian(
      mean: tape.constant(Tensor(Shape(1, 2), [0.5, -1])),
      logVariance: tape.constant(Tensor(Shape(1, 2), [Float(log(0.25)), Float(log(2.0))])))
    // X1 (docs/checks.md): mu = (.5, -1), sigma^2 = (.25, 2).
    #expect(abs(q.klToStandardNormal().sum - 1.096_573_6) < 1e-6)
    let epsilon = tape.constant(Tensor(Shape(1, 2), [1, -2]))
    let expected = [0.5 + 0.5, -1 - 2 * 2.0.squareRoot()]
    #expect(deviation(q.sample(epsilon).values, from: expected) < 2)
    #expect(deviation(q.sample(epsilon, exponent: 1).values, from: [0.75, -5]) < 2)
  }
}

/// A module with one child, for collecting its parameters.
private struct Single: Module {
  let part: any Module
  init(_ part: any Module) { self.part = part }
  var children: [(String, any Module)] { [("layer", part)] }
}

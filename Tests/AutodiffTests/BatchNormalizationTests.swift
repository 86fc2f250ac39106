import Autodiff
import Layers
import Tensors
import TestSupport
import Testing

@Suite("Batch normalisation against PyTorch in double precision")
struct BatchNormalizationTests {
  /// PyTorch's own single precision is within 2 units of the stored values.
  let tolerance = 16.0

  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let activation: Activation
    let lanes: Int
    var testDescription: String { name }
  }

  static let cases = [1, 2].flatMap { lanes in
    [
      Case(name: "identity_\(lanes)", activation: .identity, lanes: lanes),
      Case(name: "relu_\(lanes)", activation: .relu, lanes: lanes),
      Case(name: "leaky_relu_\(lanes)", activation: .leakyReLU, lanes: lanes),
    ]
  }

  private struct Single: Module {
    let layer: BatchNormalization
    var children: [(String, any Module)] { [("n", layer)] }
  }

  /// The layer applied to a leaf x, with the fixture's values.
  private func layer(
    _ c: Case, _ golden: Golden
  ) throws -> (layer: BatchNormalization, leaves: Leaves, x: Parameter) {
    let shape = Shape(try golden.shape("\(c.name)/inputs/x"))
    let channels = shape.dimensions[3]
    let layer = BatchNormalization(channels, c.activation)
    let x = Parameter(shape, .zeros)
    var named = [(name: "x", group: 1, parameter: x)]
    for (name, parameter) in layer.parameters {
      let group = parameter.role == .trained ? 0 : ParameterSet.firstStatisticGroup
      named.append((name: name, group: group, parameter: parameter))
    }
    let leaves = Leaves(ParameterSet(named))
    for name in ["x", "weight", "bias"] {
      leaves.load(name, try golden.floats("\(c.name)/inputs/\(name)"))
    }
    leaves.load("running_mean", try golden.floats("\(c.name)/state/mean"))
    leaves.load("running_var", try golden.floats("\(c.name)/state/variance"))
    return (layer, leaves, x)
  }

  @Test(arguments: cases) func training(_ c: Case) throws {
    let golden = try Golden("normalization.h5")
    let (layer, leaves, x) = try layer(c, golden)
    let tape = Tape()
    tape.training = MicrobatchLanes(rows: x.shape.rows / c.lanes, lanes: c.lanes)
    let y = layer(tape.leaf(x))
    #expect(deviation(y.values, from: try golden.values("\(c.name)/output")) < tolerance)
    let upstream = tape.constant(
      Tensor(x.shape, try golden.floats("\(c.name)/upstream")))
    leaves.differentiate(y * upstream)
    for name in ["x", "weight", "bias"] {
      let expected = try golden.values("\(c.name)/gradients/\(name)")
      #expect(deviation(leaves.gradient(name), from: expected) < tolerance, "gradient of \(name)")
    }
    // In place of gradients: the contribution of the batch to the running averages.
    for (name, key) in [("running_mean", "mean"), ("running_var", "variance")] {
      let before = leaves.value(name)
      let after = zip(before, leaves.gradient(name)).map { $0 + 0.1 * ($1 - $0) }
      let expected = try golden.values("\(c.name)/running/\(key)")
      #expect(deviation(after, from: expected) < tolerance, "\(name)")
    }
  }

  @Test(arguments: cases) func byRunningAverages(_ c: Case) throws {
    let golden = try Golden("normalization.h5")
    let (layer, leaves, x) = try layer(c, golden)
    let y = withExtendedLifetime(leaves) { layer(Tape().leaf(x)).values }
    #expect(deviation(y, from: try golden.values("\(c.name)/frozen")) < tolerance)
  }

  /// For the gradient, running averages are constants.
  @Test func gradientsByRunningAverages() throws {
    let golden = try Golden("normalization.h5")
    let (layer, leaves, x) = try layer(Self.cases[0], golden)
    let tape = Tape()
    let y = layer(tape.leaf(x))
    leaves.differentiate(y * y, groups: 0b11)
    let (weight, variance) = (leaves.value("weight"), leaves.value("running_var"))
    let expected = y.values.enumerated().map { index, value in
      let c = index % weight.count
      return 2 * Double(value) * Double(weight[c]) / (Double(variance[c]) + 1e-5).squareRoot()
    }
    #expect(deviation(leaves.gradient("x"), from: expected) < tolerance)
  }

  /// A layer used twice in a phase reports the mean of both batches and adds both gradients.
  @Test func usedTwice() throws {
    let golden = try Golden("normalization.h5")
    let (layer, leaves, x) = try layer(Self.cases[0], golden)
    func differentiate(_ loss: (Tape) -> Variable) -> (weight: [Float], mean: [Float]) {
      let tape = Tape()
      tape.training = MicrobatchLanes(rows: x.shape.rows, lanes: 1)
      leaves.differentiate(loss(tape))
      return (leaves.gradient("weight"), leaves.gradient("running_mean"))
    }
    let upstream = try golden.floats("identity_1/upstream")
    func once(_ tape: Tape, _ factor: Float) -> Variable {
      layer(factor * tape.leaf(x)) * tape.constant(Tensor(x.shape, upstream))
    }
    let (one, two) = (differentiate { once($0, 1) }, differentiate { once($0, 3) })
    let both = differentiate { once($0, 1) + once($0, 3) }
    let weight = zip(one.weight, two.weight).map { Double($0) + Double($1) }
    let mean = zip(one.mean, two.mean).map { (Double($0) + Double($1)) / 2 }
    #expect(deviation(both.weight, from: weight) < tolerance)
    #expect(deviation(both.mean, from: mean) < tolerance)
  }
}

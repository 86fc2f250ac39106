import Autodiff
import Tensors
import TestSupport
import Testing

@Suite("Operators against PyTorch in double precision")
struct GoldenOperatorTests {
  /// PyTorch's own single precision is within 2 units (Tests/Golden/README.md); more than 16 units
  /// mean a wrong formula.
  let tolerance = 16.0

  @Test(arguments: Operator.golden) func valueAndGradients(_ op: Operator) throws {
    let golden = try Golden("operators.h5")
    let (leaves, tape) = (try leaves(of: op, golden), Tape())
    let output = try apply(op, leaves, tape, golden)
    let expected = try golden.values("\(op.name)/output")
    if op.isMean {
      let mean = Float(output.sum / Double(output.shape.rows))
      #expect(deviation([mean], from: expected) < tolerance)
    } else {
      #expect(output.shape.dimensions == (try golden.shape("\(op.name)/output")))
      #expect(deviation(output.values, from: expected) < tolerance)
    }
    leaves.differentiate(try weighted(output, op, golden), scale: scale(op, output))
    for leaf in op.leaves {
      let expected = try golden.values("\(op.name)/gradients/\(leaf)")
      #expect(deviation(leaves.gradient(leaf), from: expected) < tolerance, "gradient of \(leaf)")
    }
  }

  /// A value used twice gets both gradients: the second is added to the first.
  @Test(arguments: Operator.golden) func gradientsAdd(_ op: Operator) throws {
    let golden = try Golden("operators.h5")
    let (leaves, tape) = (try leaves(of: op, golden), Tape())
    let once = try weighted(try apply(op, leaves, tape, golden), op, golden)
    let twice = once + (try weighted(try apply(op, leaves, tape, golden), op, golden))
    leaves.differentiate(twice, scale: scale(op, once))
    for leaf in op.leaves {
      let expected = try golden.values("\(op.name)/gradients/\(leaf)").map { 2 * $0 }
      #expect(deviation(leaves.gradient(leaf), from: expected) < tolerance, "gradient of \(leaf)")
    }
  }

  /// Leaves with the fixture's inputs; files hold weights as [out, in], memory as [in, out].
  private func leaves(of op: Operator, _ golden: Golden) throws -> Leaves {
    let leaves = Leaves(
      try op.leaves.map { name in
        let shape = try golden.shape("\(op.name)/inputs/\(name)")
        return name == "weight"
          ? (name, Shape(shape.reversed()), .transposed) : (name, Shape(shape), .asInMemory)
      })
    for name in op.leaves {
      leaves.load(name, try golden.floats("\(op.name)/inputs/\(name)"))
    }
    return leaves
  }

  private func apply(
    _ op: Operator, _ leaves: Leaves, _ tape: Tape, _ golden: Golden
  ) throws -> Variable {
    var inputs: [String: Variable] = [:]
    for name in op.leaves { inputs[name] = tape.leaf(leaves.set.parameters[leaves.index(name)]) }
    for name in op.data {
      inputs[name] = try constant("\(op.name)/inputs/\(name)", tape, golden)
    }
    let k = try ["k", "factor"].compactMap { try golden.number($0, of: op.name) }.first ?? 0
    return op.apply({ inputs[$0, default: tape.constant(Shape(0))] }, Float(k))
  }

  /// The output times the fixture's cotangent; a batch mean is already its own loss.
  private func weighted(_ output: Variable, _ op: Operator, _ golden: Golden) throws -> Variable {
    op.isMean ? output : output * (try constant("\(op.name)/upstream", output.tape, golden))
  }

  private func scale(_ op: Operator, _ output: Variable) -> Float {
    op.isMean ? 1 / Float(output.shape.rows) : 1
  }

  private func constant(_ path: String, _ tape: Tape, _ golden: Golden) throws -> Variable {
    let shape = try golden.shape(path)
    return tape.constant(Tensor(Shape(shape), try golden.floats(path)))
  }
}

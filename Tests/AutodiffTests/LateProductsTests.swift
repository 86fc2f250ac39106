import Autodiff
import Support
import Tensors
import TestSupport
import Testing

@Suite("Gradients of convolutions that are made at the end of a pass")
struct LateProductsTests {
  private static let shapes: [(name: String, shape: Shape, layout: Parameter.FileLayout)] = [
    ("x", Shape(3, 8, 8, 4), .asInMemory), ("first", Shape(4, 4, 4, 6), .asInMemory),
    ("shared", Shape(3, 3, 6, 6), .asInMemory), ("bias", Shape(6), .asInMemory),
    ("last", Shape(4, 4, 4, 6), .asInMemory),
  ]

  /// The gradients by name, and the names in the order in which they were ready.
  private func pass(lateBelow limit: Int) -> (gradients: [String: [Float]], ready: [String]) {
    let leaves = Leaves(Self.shapes)
    var numbers = SplitMix64(seed: 595)
    for (name, shape, _) in Self.shapes {
      leaves.load(name, (0..<shape.count).map { _ in numbers.nextFloat() - 0.5 })
    }
    let tape = Tape()
    tape.lateBelow = limit
    func leaf(_ name: String) -> Variable { tape.leaf(leaves.set.parameters[leaves.index(name)]) }
    let halving = Window(kernel: 4, stride: 2, padding: 1)
    let same = Window(kernel: 3, stride: 1, padding: 1)
    let y = leaf("x").convolution(leaf("first"), leaf("bias"), halving, .tanh)
      .convolution(leaf("shared"), nil, same, .tanh)
      .convolution(leaf("shared"), leaf("bias"), same)
      .transposedConvolution(leaf("last"), nil, halving, .sigmoid)
    let ready = leaves.differentiate(y.halfSquares())
    let names = Self.shapes.map(\.name)
    return (
      Dictionary(uniqueKeysWithValues: names.map { ($0, leaves.gradient($0)) }),
      ready.map { names[$0] }
    )
  }

  @Test func equalBitForBit() {
    let (early, late) = (pass(lateBelow: 0), pass(lateBelow: .max))
    for (name, values) in early.gradients {
      #expect(late.gradients[name]?.map(\.bitPattern) == values.map(\.bitPattern), "\(name)")
    }
  }

  @Test func layersOfManyWeightsFirst() {
    #expect(pass(lateBelow: 0).ready == ["last", "shared", "bias", "first", "x"])
    // The layer `shared` has 324 weights, the others 384.
    #expect(pass(lateBelow: 350).ready == ["last", "bias", "first", "x", "shared"])
    #expect(pass(lateBelow: .max).ready == ["bias", "x", "first", "shared", "last"])
  }
}

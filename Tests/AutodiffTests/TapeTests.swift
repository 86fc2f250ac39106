import Autodiff
import Tensors
import TestSupport
import Testing

@Suite("What a backward pass reaches")
struct TapeTests {
  /// Two layers in two groups: x -> first (group 0) -> second (group 1).
  private func layers() -> Leaves {
    let shapes = [("first", Shape(4, 3)), ("second", Shape(3, 2))]
    let leaves = Leaves(
      ParameterSet(
        shapes.enumerated().flatMap { group, layer in
          [
            (name: "\(layer.0).weight", group: group, parameter: Parameter(layer.1, .zeros)),
            (
              name: "\(layer.0).bias", group: group,
              parameter: Parameter(Shape(layer.1[1]), .zeros)
            ),
          ]
        }))
    for name in leaves.set.entries.map(\.name) { leaves.draw(name) }
    return leaves
  }

  private func apply(_ layer: String, _ x: Variable, _ leaves: Leaves) -> Variable {
    func leaf(_ name: String) -> Variable {
      x.tape.leaf(leaves.set.parameters[leaves.index("\(layer).\(name)")])
    }
    return x.linear(leaf("weight"), leaf("bias"), .tanh)
  }

  private func input(_ tape: Tape) -> Variable {
    tape.constant(Tensor(Shape(2, 4), [0.5, -1, 0.25, 2, -0.5, 1, 0.75, -2]))
  }

  @Test func parametersAreReadyOnceAndLastLayerFirst() {
    let (leaves, tape) = (layers(), Tape())
    let loss = apply("second", apply("first", input(tape), leaves), leaves).logMeanExp()
    let ready = leaves.differentiate(loss)
    #expect(ready.sorted() == [0, 1, 2, 3])
    #expect(Set(ready.prefix(2)) == [2, 3])
  }

  @Test(arguments: [0, 1]) func gradientsOutsideTheGroupsStayUntouched(group: Int) {
    let (leaves, tape) = (layers(), Tape())
    let loss = apply("second", apply("first", input(tape), leaves), leaves).logMeanExp()
    leaves.differentiate(loss)
    let all = leaves.set.entries.map { leaves.gradient($0.name) }
    let ready = leaves.differentiate(loss, groups: 1 << UInt64(group))
    #expect(ready.sorted() == [2 * group, 2 * group + 1])
    for (index, entry) in leaves.set.entries.enumerated() {
      let gradient = leaves.gradient(entry.name)
      if index / 2 == group {
        #expect(gradient == all[index], "\(entry.name)")
      } else {
        #expect(gradient.allSatisfy { $0.isNaN }, "\(entry.name) was written")
      }
    }
  }

  @Test func detachedValuesStopGradients() {
    let (leaves, tape) = (layers(), Tape())
    let codes = apply("first", input(tape), leaves)
    let loss = apply("second", codes.detached(), leaves).logMeanExp()
    leaves.differentiate(loss)
    #expect(leaves.gradient("first.weight").allSatisfy { $0 == 0 })
    #expect(leaves.gradient("first.bias").allSatisfy { $0 == 0 })
    #expect(leaves.gradient("second.weight").contains { $0 != 0 })
  }

  @Test func parametersTheLossDoesNotUseGetZeros() {
    let (leaves, tape) = (layers(), Tape())
    let ready = leaves.differentiate(apply("first", input(tape), leaves).logMeanExp())
    #expect(ready.sorted() == [0, 1, 2, 3])
    #expect(leaves.gradient("second.weight").allSatisfy { $0 == 0 })
  }

  /// A tape used again gives the same numbers at the same addresses.
  @Test func resetTapesGiveTheSameNumbers() {
    let (leaves, tape) = (layers(), Tape())
    var seen: [[Float]] = []
    var addresses: [UnsafeMutablePointer<Float>] = []
    for _ in 0..<3 {
      tape.reset()
      let loss = apply("second", apply("first", input(tape), leaves), leaves).logMeanExp()
      leaves.differentiate(loss)
      seen.append(loss.values + leaves.gradient("first.weight"))
      addresses.append(loss.pointer)
    }
    #expect(seen[0] == seen[1] && seen[1] == seen[2])
    #expect(addresses[1] == addresses[2])
  }

  /// Several losses on one tape share earlier values, as the phases of an adversarial step do.
  @Test func severalLossesShareATape() {
    let (leaves, tape) = (layers(), Tape())
    let codes = apply("first", input(tape), leaves)
    let (one, two) = (codes.logMeanExp(), apply("second", codes, leaves).logMeanExp())
    leaves.differentiate(one)
    let alone = leaves.gradient("first.weight")
    leaves.differentiate(two)
    leaves.differentiate(one)
    #expect(leaves.gradient("first.weight") == alone)
  }

  /// A layer used on two parts of a batch has the same gradients as one use on the whole batch.
  @Test func usesOfALayerAddUp() {
    let leaves = layers()
    func gradients(_ uses: [Range<Int>]) -> [[Float]] {
      let tape = Tape()
      let x = apply("first", input(tape).stacked(over: 0.5 * input(tape)), leaves)
      let parts = uses.map { apply("second", x.rows($0), leaves) }
      leaves.differentiate(parts.dropFirst().reduce(parts[0]) { $0.stacked(over: $1) }.logMeanExp())
      return leaves.set.entries.map { leaves.gradient($0.name) }
    }
    for uses in [[0..<1, 1..<4], [0..<2, 2..<3, 3..<4]] {
      for (found, expected) in zip(gradients(uses), gradients([0..<4])) {
        #expect(deviation(found, from: expected.map(Double.init)) < 8)
      }
    }
  }
}

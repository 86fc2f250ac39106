import Autodiff
import Layers
import Tensors
import TestSupport
import Testing

@Suite("GRU")
struct GRUTests {
  private func make(_ input: GRU.Input, units: Int, steps: Int) -> (GRU, Leaves) {
    let gru = GRU(input, units: units, steps: steps)
    let named = gru.namedParameters
    let leaves = Leaves(
      ParameterSet(named.map { (name: $0.name, group: 0, parameter: $0.parameter) }))
    leaves.set.initialize(seed: 5)
    return (gru, leaves)
  }

  private func input(_ tape: Tape, rows: Int, columns: Int) -> Variable {
    let x = tape.constant(Shape(rows, columns))
    for i in 0..<x.shape.count { x.pointer[i] = Float(i * 5 % 7) / 7 - 0.4 }
    return x
  }

  @Test("X30: one step with the update gate open is a tanh layer")
  func oneStep() {
    let (gru, leaves) = make(.repeated(values: 6), units: 4, steps: 1)
    var bias = [Float](repeating: 0, count: 12)
    for i in 4..<8 { bias[i] = 80 }
    leaves.load("input_bias", bias)
    let tape = Tape()
    let x = input(tape, rows: 3, columns: 6)
    let h = gru(x).values
    let weight = leaves.value("input_weight")  // [12, 6] in files
    for row in 0..<3 {
      for unit in 0..<4 {
        var sum: Float = 0
        for i in 0..<6 { sum += weight[(8 + unit) * 6 + i] * x.pointer[row * 6 + i] }
        #expect(abs(h[row * 4 + unit] - Activation.tanh.of(sum)) < 1e-6)
      }
    }
  }

  @Test("X30: without recurrent weights, repeats of an input converge monotonically")
  func repeats() {
    var distances: [[Float]] = []
    for steps in [1, 2, 4, 8, 64] {
      let (gru, leaves) = make(.repeated(values: 6), units: 4, steps: steps)
      leaves.load("gate_weight", Array(repeating: 0, count: 32))
      leaves.load("candidate_weight", Array(repeating: 0, count: 16))
      let tape = Tape()
      let h = gru(input(tape, rows: 3, columns: 6)).values
      distances.append(h)
    }
    let limit = distances.removeLast()
    for (near, far) in zip(distances.dropFirst(), distances) {
      for i in limit.indices { #expect(abs(near[i] - limit[i]) < abs(far[i] - limit[i])) }
    }
  }

  @Test("Chunks are consecutive and filled up with zeros")
  func chunks() {
    let (gru, leaves) = make(.chunks(values: 7), units: 3, steps: 3)
    let (sequence, others) = make(.sequence(values: 3), units: 3, steps: 3)
    for entry in leaves.set.entries { others.load(entry.name, leaves.value(entry.name)) }
    let tape = Tape()
    let x = input(tape, rows: 2, columns: 7)
    #expect(gru(x).values == sequence(x.padded(toColumns: 9)).values)
  }

  @Test("Recurrent weights are orthogonal, matrix by matrix")
  func orthogonal() {
    let (_, leaves) = make(.repeated(values: 6), units: 20, steps: 2)
    let gates = leaves.value("gate_weight")
    #expect(gates[0..<400] != gates[400..<800])
    for matrix in [
      Array(gates[0..<400]), Array(gates[400..<800]), leaves.value("candidate_weight"),
    ] {
      for i in 0..<20 {
        for j in 0...i {
          let product = (0..<20).reduce(Float(0)) { $0 + matrix[i * 20 + $1] * matrix[j * 20 + $1] }
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-5)
        }
      }
    }
  }
}

extension Activation {
  /// The value of the function for one number.
  fileprivate func of(_ x: Float) -> Float {
    let tape = Tape()
    let v = tape.constant(Shape(1))
    v.pointer[0] = x
    return v.activated(self).values[0]
  }
}

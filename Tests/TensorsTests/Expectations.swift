import Foundation
import Tensors
import Testing

/// Standard normal numbers times `scale`; each row has different numbers.
func normals(_ count: Int, row: Int = 0, scale: Float = 1) -> [Float] {
  var values = [Float](repeating: 0, count: count)
  Draws(seed: 595, purpose: .evaluation, time: 0).normal(row: row, into: &values, count: count)
  return values.map { $0 * scale }
}

/// Uniform numbers in [0, 1); each row has different numbers.
func uniforms(_ count: Int, row: Int = 0) -> [Float] {
  var values = [Float](repeating: 0, count: count)
  Draws(seed: 595, purpose: .evaluation, time: 1).uniform(row: row, into: &values, count: count)
  return values
}

/// Zeros.
func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }

/// Expects each |actual - expected| <= epsilons * Float epsilon * max(|expected|, scale).
func expectClose(
  _ actual: [Float], _ expected: [Double], epsilons: Double, scale: Double = 0,
  _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(actual.count == expected.count, comment, sourceLocation: sourceLocation)
  var worst = (index: 0, error: -1.0)
  for (index, (a, e)) in zip(actual, expected).enumerated() {
    let unit = Double(Float.ulpOfOne) * max(abs(e), scale)
    let error = Double(a) == e ? 0 : abs(Double(a) - e) / unit
    if !(error <= worst.error) { worst = (index, error) }
  }
  guard !(worst.error <= epsilons), !actual.isEmpty else { return }
  Issue.record(
    """
    element \(worst.index) is \(actual[worst.index]), not \(expected[worst.index]): \
    off by \(worst.error) epsilons, \(epsilons) allowed. \(comment?.description ?? "")
    """, sourceLocation: sourceLocation)
}

/// The bits of the numbers, for comparisons bit for bit.
func bits(_ values: some Sequence<Float>) -> [UInt32] { values.map(\.bitPattern) }

/// The rows of a matrix.
func rows(_ values: [Float], columns: Int) -> [ArraySlice<Float>] {
  stride(from: 0, to: values.count, by: columns).map { values[$0..<$0 + columns] }
}

/// The activation functions in double precision.
func reference(_ activation: Activation, _ x: Double) -> Double {
  switch activation {
  case .identity: x
  case .sigmoid: 1 / (1 + exp(-x))
  case .relu: max(x, 0)
  case .tanh: tanh(x)
  case .softplus: softplus(x)
  case .leakyReLU: x < 0 ? 0.2 * x : x
  }
}

/// The derivatives of the activation functions, from their output y.
func derivative(_ activation: Activation, output y: Double) -> Double {
  switch activation {
  case .identity: 1
  case .sigmoid: y * (1 - y)
  case .relu: y > 0 ? 1 : 0
  case .tanh: (1 - y) * (1 + y)
  case .softplus: -expm1(-y)
  case .leakyReLU: y > 0 ? 1 : 0.2
  }
}

/// log(1 + exp(x)) in double precision.
func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

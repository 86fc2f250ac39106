import Support
import Tensors
import TestSupport
import Testing

/// A matrix of floats [rows, columns].
func matrix(_ rows: Int, _ columns: Int, _ values: [Float]) -> Tensor {
  Tensor(Shape(rows, columns), values)
}

/// Standard normal numbers, by sums of twelve uniform numbers.
func normals(_ rows: Int, _ columns: Int, seed: Int, scale: Float = 1, offset: Float = 0) -> Tensor
{
  var generator = SplitMix64(seed: seed * 1_000_003)
  return matrix(
    rows, columns,
    (0..<rows * columns).map { _ in
      let sum = (0..<12).reduce(Float(0)) { sum, _ in sum + generator.nextFloat() }
      return offset + scale * sum / 2
    })
}

/// Numbers in 0 ..< 1.
func uniforms(_ rows: Int, _ columns: Int, seed: Int) -> Tensor {
  var generator = SplitMix64(seed: seed * 1_000_003)
  return matrix(
    rows, columns, (0..<rows * columns).map { _ in (generator.nextFloat() + 1) / 2 })
}

/// The same rows in another order: row i becomes row i * step mod N; step and N share no factor.
func permuted(_ rows: Tensor, step: Int) -> Tensor {
  let (n, d) = (rows.shape.rows, rows.shape.columns)
  let result = Tensor(rows.shape)
  for i in 0..<n {
    for j in 0..<d { result.pointer[(i * step % n) * d + j] = rows.pointer[i * d + j] }
  }
  return result
}

/// The rows in blocks of `size`.
func blocks(_ rows: Tensor, of size: Int) -> [Tensor] {
  stride(from: 0, to: rows.shape.rows, by: size).map {
    rows.rows($0..<min($0 + size, rows.shape.rows))
  }
}

/// The sum of the squared differences of two rows, in double.
func squaredDistance(_ a: Tensor, _ i: Int, _ b: Tensor, _ j: Int) -> Double {
  let d = a.shape.columns
  return (0..<d).reduce(0.0) { sum, k in
    let difference = Double(a.pointer[i * d + k]) - Double(b.pointer[j * d + k])
    return sum + difference * difference
  }
}

/// Expects numbers that differ by at most `tolerance` times the largest of them.
func expectClose(
  _ found: [Double], _ expected: [Double], _ tolerance: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found.count == expected.count, sourceLocation: sourceLocation)
  let scale = expected.map(abs).max() ?? 0
  let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
  #expect(
    worst <= tolerance * scale, "\(worst) apart, largest \(scale)", sourceLocation: sourceLocation)
}

extension Golden {
  /// A matrix of inputs.
  func tensor(_ path: String) throws -> Tensor {
    Tensor(Shape(try shape(path)), try floats(path))
  }

  /// Whole numbers.
  func integers(_ path: String) throws -> [Int] { try values(path).map { Int($0) } }
}

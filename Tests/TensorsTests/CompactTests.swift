import CKernels
import Testing

/// Conversions to and from half precision and 8-bit steps, compared with Swift's exact conversions.
@Suite struct CompactTests {
  private func halves(_ values: [Float]) -> [UInt16] {
    var out = [UInt16](repeating: 1, count: values.count)
    ck_floats_to_halves(values, &out, values.count)
    return out
  }

  private func floats(_ halves: [UInt16]) -> [Float] {
    var out = [Float](repeating: 1, count: halves.count)
    ck_halves_to_floats(halves, &out, halves.count)
    return out
  }

  @Test func everyHalfIsReadExactly() {
    let all = (0...UInt16.max).map { $0 }
    for (half, value) in zip(all, floats(all)) {
      let expected = Float(Float16(bitPattern: half))
      #expect(
        expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern, "half \(half)")
    }
  }

  /// Every half, every midpoint between two halves, and the floats beside them: ties go to even.
  @Test func floatsAreRoundedToTheNearest() {
    var values: [Float] = []
    for bits in UInt16(0)..<0x7c00 {
      let (low, high) = (Float(Float16(bitPattern: bits)), Float(Float16(bitPattern: bits + 1)))
      // The next step after the largest half would be 65536.
      let middle = high.isFinite ? (low + high) / 2 : 65520
      values += [low, low.nextUp, middle.nextDown, middle, middle.nextUp]
    }
    values += [
      .infinity, .greatestFiniteMagnitude, 65536, 1e6, .leastNonzeroMagnitude, 0x1p-25, 0x1p-126,
    ]
    values += values.map { -$0 }
    for (value, half) in zip(values, halves(values)) {
      #expect(half == Float16(value).bitPattern, "\(value)")
    }
    #expect(Float16(bitPattern: halves([.nan])[0]).isNaN)
    for half in 0...UInt16.max {
      // At each place of a vector, beside the largest finite numbers.
      var all = [UInt16](repeating: 0x7bff, count: 67)
      all[Int(half) % 67] = half
      #expect(ck_all_halves_finite(all, 67) == (Float16(bitPattern: half).isFinite ? 1 : 0))
    }
  }

  @Test(arguments: [1, 7, 16, 33, 1000]) func placesDoNotMatter(n: Int) {
    let values = normals(n)
    let stored = halves(values)
    for i in 0..<n { #expect(halves([values[i]]) == [stored[i]]) }
    var difference = normals(n, row: 1)
    let expected = zip(difference, floats(stored)).map { $0 - $1 }
    ck_subtract_halves(&difference, stored, n)
    #expect(difference == expected)
  }

  @Test(arguments: [Float(0.03), 1, 1e-20], [1, 15, 16, 1000])
  func stepsAreTheNearest(bound: Float, n: Int) {
    let values = uniforms(n).map { (2 * $0 - 1) * bound }
    let step = bound / 127
    var steps = [Int8](repeating: 1, count: n)
    ck_floats_to_steps(values, &steps, n, step)
    var back = [Float](repeating: 1, count: n)
    ck_steps_to_floats(steps, &back, n, step)
    for i in 0..<n {
      #expect(abs(back[i] - values[i]) <= step / 2 * 1.0001, "\(values[i])")
      #expect(back[i] == step * Float(steps[i]))
    }
    var ends = [Int8](repeating: 0, count: 5)
    ck_floats_to_steps([bound, -bound, 2 * bound, -.infinity, 0], &ends, 5, step)
    #expect(ends == [127, -127, 127, -127, 0])
  }

  @Test func withoutAStepAllIsZero() {
    var steps = [Int8](repeating: 1, count: 20)
    ck_floats_to_steps(zeros(20), &steps, 20, 0)
    #expect(steps == [Int8](repeating: 0, count: 20))
  }
}

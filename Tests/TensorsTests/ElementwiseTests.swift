import CKernels
import Tensors
import Testing

@Suite struct ElementwiseTests {
  @Test(arguments: [0, 1, 7, 16, 33, 100]) func arithmetic(n: Int) {
    let (a, b, c) = (normals(n), normals(n, row: 1), normals(n, row: 2))
    var y = c
    ck_add(&y, a, b, n)
    #expect(y == zip(a, b).map { $0 + $1 })
    ck_subtract(&y, a, b, n)
    #expect(y == zip(a, b).map { $0 - $1 })
    ck_multiply(&y, a, b, n)
    #expect(y == zip(a, b).map { $0 * $1 })
    ck_scale(&y, 3, n)
    #expect(y == zip(a, b).map { 3 * ($0 * $1) })
    ck_copy(&y, c, n)
    #expect(y == c)
    ck_axpy(&y, a, 0.5, n)
    expectClose(y, (0..<n).map { Double(c[$0]) + 0.5 * Double(a[$0]) }, epsilons: 1, scale: 1)
    y = c
    ck_fma(&y, a, b, n)
    expectClose(
      y, (0..<n).map { Double(c[$0]) + Double(a[$0]) * Double(b[$0]) }, epsilons: 1, scale: 1)
    ck_fill(&y, 2.5, n)
    #expect(y == [Float](repeating: 2.5, count: n))
  }

  @Test(arguments: [(1, 1), (4, 16), (3, 49)]) func scaledRows(rows: Int, columns: Int) {
    let (x, scale) = (normals(rows * columns), normals(rows, row: 1))
    var y = zeros(x.count)
    ck_scale_rows(&y, x, scale, rows, columns, 0)
    #expect(y == x.indices.map { scale[$0 / columns] * x[$0] })
    ck_scale_rows(&y, x, scale, rows, columns, 1)
    expectClose(y, y.indices.map { 2 * Double(scale[$0 / columns]) * Double(x[$0]) }, epsilons: 2)
  }

  @Test func bytesAreDividedExactly() {
    let bytes = (0..<300).map { UInt8($0 % 256) }
    var y = zeros(bytes.count)
    ck_bytes_to_floats(bytes, &y, bytes.count)
    #expect(y == bytes.map { Float($0) / 255 })
  }

  @Test(arguments: [1, 2, 3, 8]) func arraysAreAddedFromLeftToRight(count: Int) {
    let n = 50
    let arrays = (0..<count).map { normals(n, row: $0) }
    let memory = Tensor(Shape(count, n), arrays.flatMap { $0 })
    let pointers: [UnsafePointer<Float>?] = (0..<count).map {
      UnsafePointer(memory.rows($0..<$0 + 1).pointer)
    }
    var out = zeros(n)
    ck_sum_arrays(&out, pointers, Int32(count), n)
    let expected = (0..<n).map { i in arrays.dropFirst().reduce(arrays[0][i]) { $0 + $1[i] } }
    #expect(bits(out) == bits(expected))
  }

  @Test(arguments: [0, 1, 16, 1003]) func sums(n: Int) {
    let x = normals(n)
    let wide = x.map(Double.init)
    #expect(abs(ck_sum(x, n) - wide.reduce(0, +)) < 1e-10)
    #expect(abs(ck_sum_squares(x, n) - wide.reduce(0) { $0 + $1 * $1 }) < 1e-10)
    #expect(abs(ck_sum_abs(x, n) - wide.reduce(0) { $0 + abs($1) }) < 1e-10)
  }

  @Test(arguments: [(1, 1), (5, 16), (7, 49)]) func matrixSums(rows: Int, columns: Int) {
    let x = normals(rows * columns)
    func column(_ j: Int, _ term: (Double) -> Double) -> Double {
      (0..<rows).reduce(0) { $0 + term(Double(x[$1 * columns + j])) }
    }
    var out = [Double](repeating: 1, count: columns)
    ck_column_sums(x, &out, rows, columns, 1)
    #expect((0..<columns).allSatisfy { abs(out[$0] - 1 - column($0) { $0 }) < 1e-12 })
    ck_column_abs_sums(x, &out, rows, columns, 0)
    #expect((0..<columns).allSatisfy { abs(out[$0] - column($0, abs)) < 1e-12 })
    var sums = zeros(rows)
    ck_row_sums(x, &sums, rows, columns)
    let expected = (0..<rows).map { row in
      (0..<columns).reduce(0.0) { $0 + Double(x[row * columns + $1]) }
    }
    expectClose(sums, expected, epsilons: 4, scale: Double(columns))
  }

  @Test func nonFiniteNumbersAreFoundAnywhere() {
    for n in [1, 16, 17, 100] {
      var x = normals(n, scale: 1e30)
      x[0] = .greatestFiniteMagnitude
      #expect(ck_all_finite(x, n) == 1)
      for i in 0..<n {
        for bad in [Float.nan, .infinity, -.infinity] {
          var y = x
          y[i] = bad
          #expect(ck_all_finite(y, n) == 0)
        }
      }
    }
    #expect(ck_all_finite([], 0) == 1)
  }
}

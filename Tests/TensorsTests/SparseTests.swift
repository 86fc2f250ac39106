import CKernels
import Testing

@Suite struct SparseTests {
  private func shrink(_ v: [Float], _ t: Float) -> [Float] {
    var out = zeros(v.count)
    ck_soft_threshold(v, &out, t, v.count)
    return out
  }

  /// X4: the soft threshold.
  @Test func softThreshold() {
    #expect(shrink([-2, -1, -0.5, 0, 0.5, 1, 2], 0.5) == [-1.5, -0.5, 0, 0, 0, 0.5, 1.5])
    let v = normals(100)
    #expect(shrink(v, 0) == v)
    #expect(shrink(v, .infinity) == zeros(100))
    #expect(shrink([.nan], 1)[0].isNaN)
  }

  /// X4: s minimises t|s| + (s - v)^2 / 2.
  @Test func softThresholdMinimisesTheProximalObjective() {
    let (v, t) = (normals(1000, scale: 2), 0.7)
    let s = shrink(v, Float(t))
    let shifts = normals(1000, row: 1, scale: 0.1)
    for i in v.indices {
      func objective(_ s: Double) -> Double {
        t * abs(s) + 0.5 * (s - Double(v[i])) * (s - Double(v[i]))
      }
      #expect(objective(Double(s[i])) <= objective(Double(s[i] + shifts[i])) + 1e-7)
    }
  }

  /// X4: |shrink(a) - shrink(b)| <= |a - b|.
  @Test func softThresholdIsNonExpansive() {
    let (a, b) = (normals(1000), normals(1000, row: 1))
    let (sa, sb) = (shrink(a, 0.5), shrink(b, 0.5))
    for i in a.indices {
      #expect(abs(sa[i] - sb[i]) <= abs(a[i] - b[i]) * (1 + 4 * Float.ulpOfOne))
    }
  }

  @Test(arguments: [Float(0), 0.2, .infinity], [1, 16, 1000])
  func projection(t: Float, n: Int) {
    let (x, l, before) = (uniforms(n), uniforms(n, row: 1), normals(n, scale: 0.1))
    var (s, r) = (zeros(n), before)
    var sums = [1.0, 2.0, 3.0]
    ck_project_sparse(x, l, &s, &r, n, t, &sums)
    #expect(s == shrink(zip(x, l).map { $0 - $1 }, t))
    #expect(r == (0..<n).map { x[$0] - l[$0] - s[$0] })
    let residual = r.reduce(0.0) { $0 + Double($1) * Double($1) }
    let change = zip(r, before).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    #expect(abs(sums[0] - 1 - residual) <= 1e-12 * (1 + residual))
    #expect(abs(sums[1] - 2 - change) <= 1e-12 * (1 + change))
    #expect(sums[2] == 3 + Double(s.filter { $0 != 0 }.count))
  }
}

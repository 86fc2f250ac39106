import CKernels
import Tensors
import Testing

/// An element-wise kernel on three inputs.
///
/// At the start `out` holds a copy of the first input; the kernel may read it.
struct ElementwiseKernel: Sendable, CustomTestStringConvertible {
  typealias Input = UnsafePointer<Float>
  let testDescription: String
  let run: @Sendable (Input, Input, Input, UnsafeMutablePointer<Float>, Int) -> Void

  init(
    _ name: String,
    _ run: @escaping @Sendable (Input, Input, Input, UnsafeMutablePointer<Float>, Int) -> Void
  ) {
    testDescription = name
    self.run = run
  }

  /// All element-wise kernels.
  static let all: [ElementwiseKernel] =
    Activation.allCases.map { act in
      ElementwiseKernel("activate \(act)") { a, _, _, out, n in ck_activate(out, a, n, act.code) }
    }
    + Activation.allCases.map { act in
      ElementwiseKernel("backward \(act)") { _, b, _, out, n in
        ck_act_backward(out, b, nil, 1, n, act.code, 0)
      }
    }
    + Activation.allCases.map { act in
      ElementwiseKernel("bias \(act)") { _, b, _, out, n in ck_bias_act(out, b, 1, n, act.code) }
    }
    + [
      .init("add") { a, b, _, out, n in ck_add(out, a, b, n) },
      .init("subtract") { a, b, _, out, n in ck_subtract(out, a, b, n) },
      .init("multiply") { a, b, _, out, n in ck_multiply(out, a, b, n) },
      .init("fma") { _, b, c, out, n in ck_fma(out, b, c, n) },
      .init("axpy") { _, b, _, out, n in ck_axpy(out, b, 0.3, n) },
      .init("scale") { _, _, _, out, n in ck_scale(out, 0.3, n) },
      .init("scale rows") { a, b, _, out, n in ck_scale_rows(out, b, [0.3], 1, n, 0) },
      .init("accumulate rows") { a, b, _, out, n in ck_scale_rows(out, b, [0.3], 1, n, 1) },
      .init("sum arrays") { a, b, c, out, n in ck_sum_arrays(out, [a, b, c], 3, n) },
      .init("reparameterize") { a, b, c, out, n in ck_reparameterize(out, a, b, c, n, 0.5) },
      .init("reparameterize backward") { a, b, c, out, n in
        ck_reparameterize_backward(a, b, c, nil, out, n, 0.5, 1)
      },
      .init("recycle") { a, b, c, out, n in ck_recycle(out, a, b, c, n) },
      .init("recycle backward") { a, b, c, out, n in ck_recycle_backward(a, b, c, out, n, 1) },
      .init("log square gradient") { a, _, _, out, n in
        var loss = zeros(1)
        ck_log_squares(a, &loss, out, 1, n, 1e-3)
      },
      .init("scaled square gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_scaled_squares(a, b, &loss, nil, out, 1, n)
      },
      .init("clamp") { a, _, _, out, n in ck_clamp(out, a, n, -0.5, 1) },
      .init("clamp backward") { a, b, _, out, n in ck_clamp_backward(out, b, a, n, -0.5, 1, 1) },
      .init("soft threshold") { a, _, _, out, n in ck_soft_threshold(a, out, 0.4, n) },
      .init("adam") { a, b, c, out, n in
        var m = Array(UnsafeBufferPointer(start: a, count: n))
        var v = UnsafeBufferPointer(start: c, count: n).map { $0 * $0 }
        ck_adam(out, b, &m, &v, n, 1e-2, 0.9, 0.999, 1e-8, 3)
      },
      .init("rmsprop") { a, b, c, out, n in
        var buffer = Array(UnsafeBufferPointer(start: a, count: n))
        var square = UnsafeBufferPointer(start: c, count: n).map { $0 * $0 }
        ck_rmsprop(out, b, &square, &buffer, n, 1e-2, 0.99, 1e-8, 0.9)
      },
      .init("bernoulli gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_bernoulli_nll(a, b, &loss, out, 1, n)
      },
      .init("gaussian gradient") { a, b, c, out, n in
        var loss = zeros(1)
        ck_gaussian_nll(a, b, c, &loss, nil, out, 1, n)
      },
      .init("kl gradient") { a, b, _, out, n in
        var kl = zeros(1)
        ck_kl_standard_normal(a, b, &kl, nil, out, 1, n)
      },
      .init("softplus gradient") { a, _, _, out, n in
        var loss = zeros(1)
        ck_softplus_rows(a, &loss, out, 1, n, -1)
      },
      .init("student gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_student_nll(a, b, &loss, out, 1, n, 0.3, 2, 0)
      },
      .init("laplace gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_laplace_nll(a, b, &loss, out, 1, n, 0.3, 0)
      },
      .init("gaussian density power gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_beta_gaussian(a, b, &loss, out, 1, n, 0.3, 2, 0)
      },
      .init("bernoulli density power gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_beta_bernoulli(a, b, &loss, out, 1, n, 0.3)
      },
      .init("noisy logistic gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_noisy_logistic_nll(a, b, chances(n), 0.9, 1, &loss, out, nil, 1, n)
      },
      .init("noisy bernoulli gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_noisy_bernoulli_nll(a, b, chances(n), 0.9, &loss, out, nil, 1, n)
      },
      .init("noisy gaussian gradient") { a, b, _, out, n in
        var loss = zeros(1)
        ck_noisy_gaussian_nll(a, b, chances(n), 0.9, 0.3, 1, &loss, out, nil, 1, n)
      },
      .init("restored") { a, b, _, out, n in
        ck_restore_logistic(a, b, chances(n), 0.9, 1, out, 1, n)
      },
      .init("gate gradient") { a, b, c, out, n in
        var (loss, outliers, slopes) = (zeros(1), zeros(1), zeros(n))
        ck_gated_nll(a, b, c, 1, 0.3, &loss, &outliers, &slopes, out, 1, n)
        for i in 0..<n { out[i] += slopes[i] }
      },
      .init("without outliers") { a, b, _, out, n in
        ck_without_outliers(a, b, 1, 0.3, out, n)
      },
      .init("sparse residual") { a, b, c, out, n in
        var s = zeros(n)
        var sums = [0.0, 0, 0]
        ck_project_sparse(b, c, &s, out, n, 0.3, &sums)
      },
    ]
}

/// The chances of noise, [4][n].
private func chances(_ n: Int) -> [Float] { [Float](repeating: 0.1, count: 4 * n) }

/// The promise on which ranks rely: a slice gives the same bits as the whole array.
@Suite struct PositionTests {
  @Test(arguments: ElementwiseKernel.all)
  func slicesEqualTheWhole(kernel: ElementwiseKernel) {
    let n = 117
    let (a, b, c) = (normals(n, scale: 2), normals(n, row: 1), normals(n, row: 2))
    var whole = a
    kernel.run(a, b, c, &whole, n)
    for start in 0..<20 {
      for count in [1, 2, 3, 5, 8, 15, 16, 17, 31, 48, 97] {
        var slice = a
        a.withUnsafeBufferPointer { a in
          b.withUnsafeBufferPointer { b in
            c.withUnsafeBufferPointer { c in
              slice.withUnsafeMutableBufferPointer { out in
                guard let a = a.baseAddress, let b = b.baseAddress, let c = c.baseAddress,
                  let out = out.baseAddress
                else { return }
                kernel.run(a + start, b + start, c + start, out + start, count)
              }
            }
          }
        }
        let expected = Array(a[..<start] + whole[start..<start + count] + a[(start + count)...])
        #expect(bits(slice) == bits(expected), "\(count) elements from \(start)")
      }
    }
  }

  /// Each row of a matrix gives the same bits alone, with full and partial vectors.
  @Test(arguments: [1, 5, 16, 49, 100, 784]) func rowLossesDependOnTheRowAlone(columns: Int) {
    let count = 9
    let n = count * columns
    let (a, b, c) = (normals(n), uniforms(n), normals(n, row: 1))
    typealias RowKernel = (
      UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>,
      UnsafeMutablePointer<Float>, Int
    ) -> Void
    let kernels: [(String, RowKernel)] = [
      ("bernoulli", { a, b, _, out, rows in ck_bernoulli_nll(a, b, out, nil, rows, columns) }),
      (
        "gaussian",
        { a, b, c, out, rows in ck_gaussian_nll(a, b, c, out, nil, nil, rows, columns) }
      ),
      ("squared error", { a, b, _, out, rows in ck_squared_error(a, b, out, nil, rows, columns) }),
      ("kl", { a, _, c, out, rows in ck_kl_standard_normal(a, c, out, nil, nil, rows, columns) }),
      ("softplus", { a, _, _, out, rows in ck_softplus_rows(a, out, nil, rows, columns, 1) }),
      ("log mean exp", { a, _, _, out, rows in ck_log_mean_exp(a, out, nil, rows, columns) }),
      ("row sums", { a, _, _, out, rows in ck_row_sums(a, out, rows, columns) }),
    ]
    for (name, run) in kernels {
      var whole = zeros(count)
      run(a, b, c, &whole, count)
      for row in 0..<count {
        func own(_ values: [Float]) -> [Float] {
          Array(values[row * columns..<(row + 1) * columns])
        }
        var alone = zeros(1)
        run(own(a), own(b), own(c), &alone, 1)
        #expect(bits(alone) == bits([whole[row]]), "\(name), row \(row)")
      }
    }
  }
}

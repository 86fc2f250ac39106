import Autodiff
import Tensors
import TestSupport
import Testing

/// A function of some leaves, for difference quotients.
struct Differentiable: Sendable, CustomStringConvertible {
  let description: String
  let shapes: [(name: String, shape: Shape)]
  let apply: @Sendable (_ input: (String) -> Variable) -> Variable

  init(
    _ description: String, _ shapes: [(name: String, shape: Shape)],
    _ apply: @escaping @Sendable (_ input: (String) -> Variable) -> Variable
  ) {
    self.description = description
    self.shapes = shapes
    self.apply = apply
  }

  private static let matrix = Shape(3, 4)

  /// Every operation; a new operation is a new row.
  static let all: [Differentiable] =
    Activation.allCases.flatMap { activation in
      [
        Differentiable("activation \(activation)", [("a", matrix)]) {
          $0("a").activated(activation)
        },
        Differentiable(
          "linear \(activation)",
          [("a", Shape(3, 2)), ("weight", Shape(2, 4)), ("bias", Shape(4))]
        ) { input in
          // Large biases keep the sums away from the kink of ReLU.
          input("a").linear(0.125 * input("weight"), 4 * input("bias"), activation)
        },
      ]
    } + [
      Differentiable("bernoulli", [("a", matrix)]) {
        $0("a").bernoulliNegativeLogLikelihood(of: data(like: $0("a")))
      },
      Differentiable("gaussian", [("a", matrix), ("b", matrix)]) {
        $0("a").gaussianNegativeLogLikelihood(of: data(like: $0("a")), logVariance: $0("b"))
      },
      Differentiable("squared error", [("a", matrix)]) {
        $0("a").squaredError(to: data(like: $0("a")))
      },
      Differentiable("Student's t", [("a", matrix)]) {
        $0("a").studentNegativeLogLikelihood(
          of: data(like: $0("a")), scale: 0.5, degreesOfFreedom: 3)
      },
      Differentiable("Laplace", [("a", matrix)]) {
        (4 * $0("a")).laplaceNegativeLogLikelihood(of: data(like: $0("a")), scale: 0.5)
      },
      Differentiable("Gaussian density power", [("a", matrix)]) {
        $0("a").gaussianDensityPowerDivergence(to: data(like: $0("a")), beta: 0.5, scale: 0.75)
      },
      Differentiable("Bernoulli density power", [("a", matrix)]) {
        $0("a").bernoulliDensityPowerDivergence(to: data(like: $0("a")), beta: 0.5)
      },
      Differentiable("Bernoulli density power of images", [("a", Shape(9, 4))]) {
        $0("a").bernoulliDensityPowerDivergence(
          to: data(like: $0("a").rows(0..<3)), beta: 0.25, ofWholeImages: true)
      },
      Differentiable("square root", [("a", matrix)]) {
        $0("a").squaredError(to: data(like: $0("a"))).squareRoot()
      },
      Differentiable("KL", [("a", matrix), ("b", matrix)]) {
        $0("a").klToStandardNormal(logVariance: $0("b"))
      },
      Differentiable("reparameterize", [("a", matrix), ("b", matrix)]) {
        $0("a").reparameterized(logVariance: $0("b"), epsilon: data(like: $0("a")))
      },
      Differentiable("reparameterize, D-05", [("a", matrix), ("b", matrix)]) {
        $0("a").reparameterized(logVariance: $0("b"), epsilon: data(like: $0("a")), exponent: 1)
      },
      Differentiable("half squares", [("a", matrix)]) { $0("a").halfSquares() },
      Differentiable("half scaled squares", [("a", matrix), ("b", matrix)]) {
        $0("a").halfScaledSquares(logVariance: $0("b"))
      },
      Differentiable("half log squares", [("a", matrix)]) { $0("a").halfLogSquares(epsilon: 0.5) },
      Differentiable("recycled", [("a", matrix), ("b", matrix)]) {
        square($0("a").recycled(residual: $0("b"), noise: data(like: $0("a"))))
      },
      Differentiable("clamped", [("a", matrix)]) { square($0("a").clamped(to: -8...8)) },
      Differentiable("corrupted", [("a", matrix)]) {
        square(
          $0("a").corrupted { values, slopes, row in
            for i in 0..<4 {
              slopes[i] = Float((i + row) % 3 - 1)  // flipped, replaced, left
              values[i] = 0.75 + slopes[i] * values[i]
            }
          })
      },
      Differentiable("several samples of a row", [("a", matrix), ("b", matrix)]) { input in
        square(input("a").samples(logDeviation: input("b"), epsilon: noise(input("a"), repeats: 3)))
      },
      Differentiable("log ratio of samples", [("a", matrix), ("b", matrix)]) { input in
        let epsilon = noise(input("a"), repeats: 3)
        let z = input("a").samples(logDeviation: input("b"), epsilon: epsilon)
        return z.priorLogRatio(logDeviation: input("b"), epsilon: epsilon)
      },
      Differentiable("Bernoulli, a target for three rows", [("a", Shape(9, 4))]) {
        $0("a").bernoulliNegativeLogLikelihood(of: data(like: $0("a").rows(0..<3)))
      },
      Differentiable("Gaussian decoder", [("a", Shape(6, 4)), ("b", Shape(6, 4))]) {
        $0("a").gaussianNegativeLogLikelihood(
          of: data(like: $0("a").rows(0..<3)), scale: $0("b"), least: 0.125)
      },
      Differentiable("column means", [("a", matrix)]) { square($0("a").columnMeans()) },
      Differentiable("cross-entropy", [("a", matrix)]) {
        (0.5 * $0("a")).crossEntropy(of: [3, 0, 2])
      },
      Differentiable("padded", [("a", matrix)]) { square($0("a").padded(toColumns: 7)) },
      Differentiable("linear, no bias", [("a", matrix), ("weight", Shape(4, 2))]) {
        $0("a").linear($0("weight"), nil, .tanh)
      },
      Differentiable("log-mean-exp", [("a", matrix)]) { $0("a").logMeanExp() },
      Differentiable("negative log sigmoid", [("a", matrix)]) {
        $0("a").negativeLogSigmoid(sign: -1, epsilon: 0.01)
      },
      Differentiable("penalty", [("a", Shape(5)), ("weight", Shape(2, 4))]) {
        $0("a").penalized(by: $0("weight"), l1: 0.5, l2: 0.25)
      },
      Differentiable("mean of parts", [("a", Shape(6, 4))]) { square($0("a").mean(ofParts: 3)) },
      Differentiable("softplus rows", [("a", Shape(5, 1))]) { $0("a").softplus(sign: -1) },
      Differentiable("add", [("a", matrix), ("b", matrix)]) { $0("a") + $0("b") },
      Differentiable("subtract", [("a", matrix), ("b", matrix)]) { $0("a") - $0("b") },
      Differentiable("multiply", [("a", matrix), ("b", matrix)]) { $0("a") * $0("b") },
      Differentiable("square", [("a", matrix)]) { $0("a") * $0("a") },
      Differentiable("scale", [("a", matrix)]) { -0.75 * $0("a") },
      Differentiable("columns", [("a", matrix)]) { square($0("a").columns(1..<3)) },
      Differentiable("rows", [("a", matrix)]) { square($0("a").rows(1..<3)) },
      Differentiable("stacked", [("a", matrix), ("b", Shape(2, 4))]) {
        square($0("a").stacked(over: $0("b")))
      },
      Differentiable(
        "convolution",
        [("a", Shape(2, 5, 4, 2)), ("weight", Shape(3, 3, 2, 3)), ("bias", Shape(3))]
      ) { input in
        input("a").convolution(
          0.125 * input("weight"), input("bias"), Window(kernel: 3, stride: 2, padding: 1), .tanh)
      },
      Differentiable(
        "transposed convolution, no bias",
        [("a", Shape(2, 3, 2, 3)), ("weight", Shape(3, 3, 2, 3))]
      ) { input in
        input("a").transposedConvolution(
          0.125 * input("weight"), nil, Window(kernel: 3, stride: 2, padding: 1),
          outputPadding: 1, .tanh)
      },
      Differentiable(
        "two uses of one layer", [("a", matrix), ("weight", Shape(4, 4)), ("bias", Shape(4))]
      ) { input in
        input("a").linear(input("weight"), input("bias"), .tanh)
          .linear(input("weight"), input("bias"), .tanh)
      },
      Differentiable(
        "transposed layer", [("a", matrix), ("weight", Shape(2, 4)), ("bias", Shape(2))]
      ) { input in
        input("a").linearTransposed(input("weight"), input("bias"), .tanh)
      },
      Differentiable(
        "a layer and its transpose",
        [("a", matrix), ("weight", Shape(4, 2)), ("bias", Shape(2)), ("back", Shape(4))]
      ) { input in
        input("a").linear(input("weight"), input("bias"), .sigmoid)
          .linearTransposed(input("weight"), input("back"), .tanh)
      },
      Differentiable("one value in several losses", [("a", matrix)]) {
        let y = $0("a").activated(.tanh)
        return y.squaredError(to: data(like: y)) + y.logMeanExp()
          + y.columns(0..<1).softplus(sign: 1)
      },
    ]

  /// Fixed data in (0, 1) of the shape of `x`.
  static func data(like x: Variable) -> Variable {
    let fixed = x.tape.constant(x.shape)
    for i in 0..<x.shape.count { fixed.pointer[i] = 0.1 + 0.12 * Float(i % 7) }
    return fixed
  }

  /// Data with `repeats` rows for each row of a variable.
  static func noise(_ x: Variable, repeats: Int) -> Variable {
    let fixed = x.tape.constant(Shape(repeats * x.shape.rows, x.shape.columns))
    for i in 0..<fixed.shape.count { fixed.pointer[i] = 0.9 - 0.17 * Float(i * 5 % 11) }
    return fixed
  }

  private static func square(_ x: Variable) -> Variable { x * x }
}

@Suite("Gradients against five-point differences")
struct GradientTests {
  @Test(arguments: Differentiable.all) func gradient(_ function: Differentiable) {
    let leaves = Leaves(
      function.shapes.map { (name: $0.name, shape: $0.shape, layout: .asInMemory) })
    for (name, _) in function.shapes { leaves.draw(name) }
    let tape = Tape()
    /// The weights of outputs are unequal, so no two outputs can be exchanged unnoticed.
    func loss() -> Variable {
      tape.reset()
      let output = function.apply { tape.leaf(leaves.set.parameters[leaves.index($0)]) }
      return output * Differentiable.data(like: output)
    }
    leaves.differentiate(loss())
    for (name, _) in function.shapes {
      let error = leaves.gradientError(of: name) { loss().sum }
      #expect(error < 1e-3, "gradient by \(name)")
    }
  }
}

import Autodiff
import Tensors

/// An operator under test, applied to variables by their input names in operators.h5.
struct Operator: Sendable, CustomStringConvertible {
  /// The group in operators.h5.
  let name: String
  /// Inputs that get a gradient; then inputs that are data.
  let leaves: [String], data: [String]
  /// Whether the fixture holds the mean of the values over the batch.
  let isMean: Bool
  /// The value; `k` is the scalar attribute of the fixture, 0 without one.
  let apply: @Sendable (_ input: (String) -> Variable, _ k: Float) -> Variable

  var description: String { name }

  init(
    _ name: String, _ leaves: [String], data: [String] = [], isMean: Bool = false,
    _ apply: @escaping @Sendable (_ input: (String) -> Variable, _ k: Float) -> Variable
  ) {
    self.name = name
    self.leaves = leaves
    self.data = data
    self.isMean = isMean
    self.apply = apply
  }

  /// Every operator with stored values; a new operator is a new row.
  static let golden: [Operator] =
    Activation.allCases.flatMap { activation in
      [
        Operator("linear_\(activation)", ["x", "weight", "bias"]) { input, _ in
          input("x").linear(input("weight"), input("bias"), activation)
        },
        Operator("activation_\(activation)", ["x"]) { input, _ in
          input("x").activated(activation)
        },
      ]
    } + [
      Operator("bernoulli_nll", ["logits"], data: ["x"]) { input, _ in
        input("logits").bernoulliNegativeLogLikelihood(of: input("x"))
      },
      Operator("bernoulli_nll_extreme", ["logits"], data: ["x"]) { input, _ in
        input("logits").bernoulliNegativeLogLikelihood(of: input("x"))
      },
      Operator("gaussian_nll", ["mean", "log_variance"], data: ["x"]) { input, _ in
        input("mean").gaussianNegativeLogLikelihood(
          of: input("x"), logVariance: input("log_variance"))
      },
      Operator("squared_error", ["y"], data: ["x"]) { input, _ in
        input("y").squaredError(to: input("x"))
      },
      Operator("l2_norm", ["y"], data: ["x"]) { input, _ in
        input("y").squaredError(to: input("x")).squareRoot()
      },
      Operator("kl_standard_normal", ["mean", "log_variance"]) { input, _ in
        input("mean").klToStandardNormal(logVariance: input("log_variance"))
      },
      Operator("reparameterize", ["mean", "log_variance"], data: ["noise"]) { input, k in
        input("mean").reparameterized(
          logVariance: input("log_variance"), epsilon: input("noise"), exponent: k)
      },
      Operator("reparameterize_variance", ["mean", "log_variance"], data: ["noise"]) { input, k in
        input("mean").reparameterized(
          logVariance: input("log_variance"), epsilon: input("noise"), exponent: k)
      },
      Operator("log_mean_exp", ["w"]) { input, _ in input("w").logMeanExp() },
      Operator("log_mean_exp_large", ["w"]) { input, _ in input("w").logMeanExp() },
      Operator("discriminator_loss", ["real", "fake"], isMean: true) { input, _ in
        input("real").softplus(sign: -1) + input("fake").softplus(sign: 1)
      },
      Operator("generator_loss", ["fake"], isMean: true) { input, _ in
        input("fake").softplus(sign: -1)
      },
      Operator("generator_loss_saturating", ["fake"], isMean: true) { input, _ in
        -1 * input("fake").softplus(sign: 1)
      },
      Operator("add", ["a", "b"]) { input, _ in input("a") + input("b") },
      Operator("subtract", ["a", "b"]) { input, _ in input("a") - input("b") },
      Operator("multiply", ["a", "b"]) { input, _ in input("a") * input("b") },
      Operator("scale", ["a"]) { input, k in k * input("a") },
    ]
}

import Autodiff
import Layers
import Tensors

/// p(x|z): a network that turns codes into a distribution of images.
public enum LikelihoodDecoder: Module {
  /// Independent Bernoullis; the network, [R, J] to [R, D], gives their logits.
  case bernoulli(Perceptron)
  /// Independent Gaussians: a common network with its activation, then two heads.
  ///
  /// The means pass through a sigmoid, the deviations through softplus, with ``leastDeviation`` as
  /// the least.
  case gaussian(Perceptron, mean: Dense, deviation: Dense)

  /// The smallest standard deviation of a Gaussian.
  public static let leastDeviation: Float = 1e-4

  /// A Bernoulli decoder with layers of the given sizes, from the code to the pixels.
  public static func bernoulli(
    _ sizes: [Int], _ activation: Activation, _ initialized: Initialization = .glorot
  ) -> LikelihoodDecoder {
    .bernoulli(Perceptron(sizes, activation, last: .identity, initialized: initialized))
  }

  /// A Gaussian decoder with layers of the given sizes, from the code to the pixels; at least one
  /// is hidden.
  public static func gaussian(
    _ sizes: [Int], _ activation: Activation, _ initialized: Initialization = .glorot
  ) -> LikelihoodDecoder {
    let (hidden, pixels) = (sizes[sizes.count - 2], sizes[sizes.count - 1])
    return .gaussian(
      Perceptron(sizes.dropLast(), activation, last: activation, initialized: initialized),
      mean: Dense(hidden, pixels, initialized: initialized),
      deviation: Dense(hidden, pixels, initialized: initialized))
  }

  /// Layers by number, then the heads of a Gaussian.
  public var children: [(String, any Module)] {
    switch self {
    case .bernoulli(let network): network.children
    case .gaussian(let network, let mean, let deviation):
      network.children + [("mean", mean), ("deviation", deviation)]
    }
  }

  /// The bias of the logits of the mean image, [D].
  public var outputBias: Parameter? {
    switch self {
    case .bernoulli(let network): network.layers.last?.bias
    case .gaussian(_, let mean, _): mean.bias
    }
  }

  /// Whether p(x|z) is a density, whose logarithm may be of either sign.
  public var isDensity: Bool { if case .gaussian = self { true } else { false } }

  /// -log p(x|z) in nats, [R], of R = K B codes z, [R, J]; x is [B, D], each row for K consecutive
  /// codes.
  public func negativeLogLikelihood(of x: Variable, given z: Variable) -> Variable {
    switch self {
    case .bernoulli(let network): return network(z).bernoulliNegativeLogLikelihood(of: x)
    case .gaussian(let network, let mean, let deviation):
      let h = network(z)
      return mean(h).gaussianNegativeLogLikelihood(
        of: x, scale: deviation(h), least: Self.leastDeviation)
    }
  }

  /// The logits of the pixels, [R, J] to [R, D]; of a Gaussian those of its means.
  func logits(_ z: Variable) -> Variable {
    switch self {
    case .bernoulli(let network): network(z)
    case .gaussian(let network, let mean, _): mean(network(z))
    }
  }

  /// The mean image of each code, in [0, 1]: [R, J] to [R, D].
  public func mean(_ z: Variable) -> Variable {
    switch self {
    case .bernoulli(let network): network(z).activated(.sigmoid)
    case .gaussian(let network, let mean, _): mean(network(z)).activated(.sigmoid)
    }
  }
}

extension LikelihoodDecoder: TorchText {
  /// The network of a Bernoulli decoder; a Gaussian's parts are no sequence.
  public var torchModules: [String]? {
    if case .bernoulli(let network) = self { network.torchModules } else { nil }
  }
}

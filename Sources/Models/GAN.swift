import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Generative adversarial network of fully connected layers (Goodfellow et al., NeurIPS 2014), as the RVAE paper compares
/// with: the generator has the layers of the VAE's decoder, the discriminator those of its encoder.
///
/// Shapes: B examples, D pixels, J latent dimensions. Each hidden unit of the discriminator is left out with probability
/// `dropout` in training. Weights are drawn from a normal distribution of deviation 0.02, truncated at twice that.
///
/// Departs from the released code (D-12, D-42) in a sigmoid output, losses on logits without a guard and a drop rate of 0.3;
/// options `generator_output`, `loss_epsilon` and `dropout` give tanh, 0.01 and 0.7 back. Data are in [0, 1] with
/// either output, as there; samples are clipped.
public struct GAN: ImageGame {
  let generator: any Network
  let discriminator: any Network
  let latent: Int
  let losses: AdversarialLosses
  private let layers: [Dense]  // of the discriminator
  private let output: Activation
  private let dropout: Float

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a convolutional `network`.
  public init(_ c: Configuration, image: ImageShape) throws {
    guard c.network == .mlp else {
      throw ConfigurationError(
        key: "network", found: c.network.rawValue, expected: "mlp for a gan, or model=dcgan")
    }
    latent = c.latent
    let weights = Initializer.truncatedNormal(deviation: 0.02)
    generator = Perceptron(
      [latent] + c.decoderLayers + [image.count], c.activation, last: .identity, weights: weights)
    let judge = Perceptron(
      [image.count] + c.hidden + [1], c.discriminatorActivation ?? c.activation, last: .identity,
      weights: weights)
    discriminator = judge
    layers = judge.layers
    output = c.generatorOutput == .tanh ? .tanh : .sigmoid
    dropout = Float(c.dropout)
    losses = AdversarialLosses(
      isSaturating: c.generatorLoss == .saturating, epsilon: Float(c.lossEpsilon))
  }

  /// G(z), [B, D]; in [-1, 1] with tanh.
  func images(_ z: Variable) -> Variable { generator(z).activated(output) }

  /// D(x), [B, 1], with units left out.
  func judge(_ x: Variable, _ step: Step, pass: Int) -> Variable {
    var h = x
    for (i, layer) in layers.enumerated() {
      h = layer(h)
      guard dropout > 0, i < layers.count - 1 else { continue }
      h = h * step.dropout(h.shape.columns, rate: dropout, pass: pass * layers.count + i)
    }
    return h
  }

  /// G(z) in [0, 1], [B, D].
  public func decode(_ z: Variable) -> Variable {
    output == .tanh ? images(z).activated(.relu) : images(z)
  }
}

import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// Deep convolutional GAN (Radford, Metz & Chintala, ICLR 2016), as the RVAE paper compares with on CelebA.
///
/// Shapes: B examples of H x H x C pixels, D in all, J latent dimensions. With `channels` 64, 128, 256, 512 and 64 x 64 pixels the
/// generator goes from 1 x 1 x J to 4 x 4 x 512 in one transposed convolution and doubles from there; the discriminator
/// mirrors it. Batch normalisation stands behind every convolution but the generator's last and the discriminator's first
/// and last; real and made images are normalised apart. There are no convolution biases; weights are N(0, 0.02), those of batch
/// normalisations N(1, 0.02).
///
/// Departs from Radford et al. as the RVAE authors' code does: the output is a sigmoid, since data are in [0, 1].
public struct DCGAN: ImageGame {
  let generator: any Network
  let discriminator: any Network
  let latent: Int
  let losses: AdversarialLosses

  private static let weights = Initializer.normal(mean: 0, deviation: 0.02)
  private static let gains = Initializer.normal(mean: 1, deviation: 0.02)

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for images that are not square or cannot be halved so often.
  public init(_ c: Configuration, image: ImageShape) throws {
    let side = image.height >> c.channels.count
    guard image.height == image.width, side > 0, side << c.channels.count == image.height else {
      throw ConfigurationError(
        key: "channels",
        found: "\(c.channels.count) for images of \(image.height) x \(image.width)",
        expected: "square images, and as many as the times that their side can be halved")
    }
    latent = c.latent
    generator = Self.generator(c, image, side: side)
    discriminator = Self.discriminator(c, image, side: side)
    losses = AdversarialLosses(
      isSaturating: c.generatorLoss == .saturating, epsilon: Float(c.lossEpsilon))
  }

  private static func generator(
    _ c: Configuration, _ image: ImageShape, side: Int
  ) -> Sequential {
    var parts: [(network: any Network, modules: Int)] = [(Reshape(1, 1, c.latent), 0)]
    var inputs = c.latent
    for (i, outputs) in c.channels.reversed().enumerated() {
      parts.append(
        i == 0
          ? (
            TransposedConvolution(
              inputs, outputs, kernel: side, stride: 1, padding: 0, biasless: weights), 1
          )
          : (
            TransposedConvolution(
              inputs, outputs, kernel: 4, stride: 2, padding: 1, biasless: weights), 1
          ))
      parts.append((BatchNormalization(outputs, .relu, weights: gains), 2))
      inputs = outputs
    }
    let last = TransposedConvolution(
      inputs, image.channels, kernel: 4, stride: 2, padding: 1, biasless: weights)
    return Sequential(parts + [(last, 1), (Reshape(image.count), 0)])
  }

  private static func discriminator(
    _ c: Configuration, _ image: ImageShape, side: Int
  ) -> Sequential {
    var parts: [(network: any Network, modules: Int)] = [
      (Reshape(image.height, image.width, image.channels), 0)
    ]
    var inputs = image.channels
    for (i, outputs) in c.channels.enumerated() {
      let isFirst = i == 0
      parts.append(
        (
          Convolution(
            inputs, outputs, kernel: 4, stride: 2, padding: 1, isFirst ? .leakyReLU : .identity,
            biasless: weights), isFirst ? 2 : 1
        ))
      if !isFirst { parts.append((BatchNormalization(outputs, .leakyReLU, weights: gains), 2)) }
      inputs = outputs
    }
    let last = Convolution(inputs, 1, kernel: side, stride: 1, padding: 0, biasless: weights)
    return Sequential(parts + [(last, 1), (Reshape(1), 0)])
  }

  /// G(z), [B, D].
  func images(_ z: Variable) -> Variable { generator(z).activated(.sigmoid) }

  /// D(x), [B, 1].
  func judge(_ x: Variable, _ step: Step, pass: Int) -> Variable { discriminator(x) }

  /// G(z), [B, D].
  public func decode(_ z: Variable) -> Variable { images(z) }
}

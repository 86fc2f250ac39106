import Autodiff
import Datasets
import Foundation
import Layers
import Tensors
import Training

/// LC-VAE and RLC-VAE(N, M): the baseline of the RiC-VAE paper whose decoder learns a variance for
/// each pixel.
///
/// Minimises KL + 0.5 sum_j [(x_j - m_j)² / v_j + log v_j] in nats, without the constant (Wang et
/// al., UAI 2017).
/// A separate linear head on the decoder's last hidden layer gives log v, clamped between log 1e-6
/// and 6. Recycled samples are x_{p+1} = m_p + sqrt(v_p) e with the learned v. Shapes: B examples,
/// D pixels, J latent dimensions.
public struct LCVAE: RecyclingAutoencoder {
  /// The settings of an LC-VAE.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder, of fully connected layers.
    public var network = ConnectedSettings()
    /// The settings that recycling models share.
    public var recycling = Recycling.Settings()

    /// The defaults.
    public init() {}

    /// Networks, then the passes.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.recycling),
    ]

    /// Checks that the networks are fully connected.
    public func check(
      _ system: String, with common: CommonSettings
    ) throws(ConfigurationError) {
      try network.layers.checkConnected(
        " with model=\(system), on whose last hidden layer the variances stand")
    }
  }

  /// The system trained on single passes (LC-VAE), or on its own samples too (RLC-VAE).
  static func system(_ name: String) -> System {
    System(
      name, make: LCVAE.init, loop: Epochs.init, presets: Preset.recycling, takesFeatures: true
    ) { _, _ in Recycling.heavierResiduals }
  }

  /// q(z|x), [B, D] to [B, J].
  public let encoder: GaussianEncoder
  let decoder: Perceptron  // [B, J] -> [B, H]
  let outputMean: Dense  // [B, H] -> [B, D]; m in [0, 1], of features any number
  let outputLogVariance: Dense  // [B, H] -> [B, D]; log v of residuals times `scale`
  /// N, M and their options.
  public let recycling: Recycling
  /// Weight of the KL term.
  public let kl: KLWeight
  let scale: Float

  /// The range of log v for unscaled residuals: v >= 1e-6; the upper end keeps untrained weights
  /// from overflowing.
  static let logVarianceRange: ClosedRange<Float> = Float(log(1e-6))...6

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a convolutional network.
  public init(_ c: Settings, image: ImageShape) throws {
    let layers = c.network.layers
    let (latent, initialization) = (
      c.network.latent, c.network.initialization.initialization
    )
    var network = NetworkSettings()
    network.connected = c.network
    encoder = try Architecture(network, image).gaussianEncoder(latent)
    decoder = Perceptron(
      [latent] + layers.decoderLayers, layers.activation, last: layers.activation,
      initialized: initialization)
    let features = layers.decoderLayers.last ?? latent
    outputMean = Dense(features, image.count, image.output, initialized: initialization)
    outputLogVariance = Dense(features, image.count, initialized: initialization)
    recycling = c.recycling.recycling
    kl = c.recycling.kl
    scale = c.recycling.scale
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] {
    encoder.children + [
      ("decoder", decoder), ("output_mean", outputMean),
      ("output_log_variance", outputLogVariance),
    ]
  }

  /// As PyTorch computes the mean image.
  public var torchImages: String? { "output_mean(decoder(z))" }

  /// m(z) and log v(z).
  public func output(_ z: Variable) -> DecodedGaussian {
    let (h, range, shift) = (decoder(z), Self.logVarianceRange, 2 * log(scale))
    return DecodedGaussian(
      mean: outputMean(h),
      logVariance: outputLogVariance(h)
        .clamped(to: range.lowerBound + shift...range.upperBound + shift))
  }

  /// 0.5 sum_j [(x_j - m_j)² / v_j + log v_j].
  public func misfit(_ residual: Variable, of output: DecodedGaussian, _ step: Step) -> Variable {
    guard let logVariance = output.logVariance else { return residual.halfSquares() }
    return residual.scaled(by: scale).halfScaledSquares(logVariance: logVariance)
  }

  /// m + sqrt(v) e.
  public func recycled(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> Variable {
    guard let logVariance = output.logVariance else { return output.mean }
    return output.mean.reparameterized(
      logVariance: logVariance, epsilon: noise().scaled(by: 1 / scale))
  }
}

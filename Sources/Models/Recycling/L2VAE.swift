import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// l2-VAE and R-l2-VAE(N, M): the baseline of the RiC-VAE paper whose decoder has a fixed
/// covariance I.
///
/// Minimises KL + 0.5 sum_j (x_j - m_j)² in nats, without the constant (Kingma & Welling,
/// "Auto-Encoding Variational Bayes", ICLR 2014; the setting of Wang et al., UAI 2017). Shapes: B
/// examples, D pixels, J latent dimensions.
///
/// A unit variance is large for pixels in [0, 1]: the model then keeps little more than the mean
/// image. `residual_scale` 10 makes it a standard deviation of 0.1; 255 is the byte scale of the
/// paper (D-39).
/// Recycled as in the paper, x_{p+1} ~ N(m_p, I) would be noise. Here x_{p+1} = m_p + s e with s =
/// `recycle_std`, by default 0 (D-38).
public struct L2VAE: RecyclingAutoencoder {
  /// The settings of an l2-VAE.
  public struct Settings: SettingsGroup {
    /// Encoder and decoder.
    public var network = NetworkSettings()
    /// The settings that recycling models share.
    public var recycling = Recycling.Settings()
    /// Standard deviation of the noise on recycled samples.
    public var recycleDeviation = 0.0

    /// The defaults.
    public init() {}

    /// Networks, then the passes.
    public static let entries: [SettingsEntry<Settings>] = [
      .group(\.network),
      .group(\.recycling),
      .real(
        "recycle_std", \.recycleDeviation, .notNegative,
        "Standard deviation of the noise on what is recycled; 1 is the paper to the letter.",
        "D-38 [R]: 0, the mean itself"),
    ]
  }

  /// The system trained on single passes (l2-VAE), or on its own samples too (R-l2-VAE).
  static func system(_ name: String) -> System {
    System(
      name, make: L2VAE.init, loop: Epochs.init, presets: Preset.recycling, takesFeatures: true
    ) { _, _ in Recycling.heavierResiduals }
  }

  /// q(z|x), [B, D] to [B, J].
  public let encoder: GaussianEncoder
  let decoder: any Network  // [B, J] -> [B, D]; m in [0, 1], of features any number
  /// N, M and their options.
  public let recycling: Recycling
  /// Weight of the KL term.
  public let kl: KLWeight
  let scale: Float
  let deviation: Float

  /// A model of images of this shape.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Settings, image: ImageShape) throws {
    let architecture = try Architecture(c.network, image, output: image.output)
    encoder = architecture.gaussianEncoder(c.network.latent)
    decoder = architecture.decoder
    recycling = c.recycling.recycling
    kl = c.recycling.kl
    scale = c.recycling.scale
    deviation = Float(c.recycleDeviation)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] { encoder.children + [("decoder", decoder)] }

  /// The decoder's mean, without a variance.
  public func output(_ z: Variable) -> DecodedGaussian { DecodedGaussian(mean: decoder(z)) }

  /// As PyTorch computes the mean image.
  public var torchImages: String? { "decoder(z)" }

  /// 0.5 sum_j (x_j - m_j)².
  public func misfit(_ residual: Variable, of _: DecodedGaussian, _ step: Step) -> Variable {
    residual.scaled(by: scale).halfSquares()
  }

  /// m + s e.
  public func recycled(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> Variable {
    deviation == 0 ? output.mean : output.mean + deviation * noise()
  }
}

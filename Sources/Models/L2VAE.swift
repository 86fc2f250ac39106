import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// l2-VAE and R-l2-VAE(N, M): the baseline of the RiC-VAE paper whose decoder has a fixed covariance I.
///
/// Minimises KL + 0.5 sum_j (x_j - m_j)² in nats, without the constant (Kingma & Welling, "Auto-Encoding Variational Bayes",
/// ICLR 2014; the setting of Wang et al., UAI 2017). Shapes: B examples, D pixels, J latent dimensions.
///
/// A unit variance is large for pixels in [0, 1]: the loss then keeps little but the mean image. `residual_scale` 10 makes it
/// a standard deviation of 0.1; 255 is the byte scale of the paper (D-39). Recycled as the paper writes it,
/// x_{p+1} ~ N(m_p, I) would be noise: x_{p+1} = m_p + s e with s = `recycle_std`, 0 unless set (D-38).
public struct L2VAE: RecyclingAutoencoder {
  /// q(z|x), [B, D] to [B, J].
  public let encoder: GaussianEncoder
  let decoder: any Network  // [B, J] -> [B, D]; m in [0, 1]
  /// N, M and what goes with them.
  public let recycling: Recycling
  /// Weight of the KL term.
  public let beta: Float
  let scale: Float
  let deviation: Float

  /// A model of such images.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape) throws {
    let architecture = try Architecture(c, image, output: .sigmoid)
    encoder = architecture.gaussianEncoder(c.latent)
    decoder = architecture.decoder
    recycling = c.recycling
    beta = Float(c.beta)
    scale = Float(c.residualScale)
    deviation = Float(c.recycleDeviation)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] { encoder.children + [("decoder", decoder)] }

  /// The decoder's mean alone.
  public func output(_ z: Variable) -> DecodedGaussian { DecodedGaussian(mean: decoder(z)) }

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

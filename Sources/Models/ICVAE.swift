import Autodiff
import Datasets
import Layers
import Tensors
import Training

/// iC-VAE and RiC-VAE(N, M) (Wang, Dai, Hua, Aston & Wipf, "Green Generative Modeling: Recycling Dirty Data using Recurrent
/// Variational Autoencoders", UAI 2017): a VAE whose decoder, conditioned on the index of the sample, may give every
/// pixel of every sample its own variance.
///
/// The best such variance is v_ij = (x_ij - m_j)², and with it the loss of sample i is
/// KL + sum_j log |x_ij - m_j|: outliers cost little, and no variance is left to learn. RiC-VAE trains on what it draws
/// as well, x_{p+1} = m_p + |x_p - m_p| e (`passes`, `test_passes`); iC-VAE is RiC-VAE(1, 1).
/// Shapes: B examples, D pixels, J latent dimensions. Losses are in nats, half the paper's.
///
/// No code or supplement of the authors is known. 0.5 log(r² + epsilon) stands for log |r|, since constant pixels
/// would give log 0; epsilon may fall in the first epochs, and squared errors may come first (D-18). Gradients do not flow
/// from pass to pass unless `recycle_grad` says so (D-16).
public struct ICVAE: RecyclingAutoencoder {
  /// q(z|x), [B, D] to [B, J].
  public let encoder: GaussianEncoder
  let decoder: any Network  // [B, J] -> [B, D]; m in [0, 1], or any number for the affine model
  /// N, M and what goes with them.
  public let recycling: Recycling
  /// Weight of the KL term.
  public let beta: Float
  let epsilon: Annealing
  let leastSquaresEpochs: Int
  let scale: Float

  /// A deep model of such images, or the affine one: m(z) = W z + b, q(z|x) with means and log-variances affine in x.
  ///
  /// - Throws: `ConfigurationError` for a network that does not fit the images.
  public init(_ c: Configuration, image: ImageShape, isAffine: Bool = false) throws {
    if isAffine {
      encoder = GaussianEncoder(
        trunk: Sequential([]), mean: Dense(image.count, c.latent, initialized: c.initialization),
        logVariance: Dense(image.count, c.latent, initialized: c.initialization))
      decoder = Dense(c.latent, image.count, initialized: c.initialization)
    } else {
      let architecture = try Architecture(c, image, output: .sigmoid)
      encoder = architecture.gaussianEncoder(c.latent)
      decoder = architecture.decoder
    }
    recycling = c.recycling
    beta = Float(c.beta)
    epsilon = c.residualEpsilonSchedule
    leastSquaresEpochs = c.leastSquaresEpochs
    scale = Float(c.residualScale)
  }

  /// Names are checkpoint keys; their order is the order of the parameter groups.
  public var children: [(String, any Module)] { encoder.children + [("decoder", decoder)] }

  /// The decoder's mean alone.
  public func output(_ z: Variable) -> DecodedGaussian { DecodedGaussian(mean: decoder(z)) }

  /// sum_j log |x_j - m_j|, smoothed.
  public func misfit(_ residual: Variable, of _: DecodedGaussian, _ step: Step) -> Variable {
    let r = residual.scaled(by: scale)
    return step.epoch < leastSquaresEpochs
      ? r.halfSquares()
      : r.halfLogSquares(epsilon: scale * scale * epsilon.value(epoch: step.epoch))
  }

  /// m + |x - m| e.
  public func recycled(
    _ output: DecodedGaussian, _ residual: Variable, noise: () -> Variable
  ) -> Variable {
    output.mean.recycled(residual: residual, noise: noise())
  }
}
